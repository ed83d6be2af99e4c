import { DatabaseError } from 'pg';
import { FailureError, failed, failure } from '../../../core/errors.js';
import { isUnreachable, StoreAway } from '../away.js';
import { sentence } from '../reading.js';
import type { Address } from './address.js';

/**
 * The server is going away, is not there yet, or only reads (a standby): another one, or the same in a
 * moment, will do.
 */
const AWAY: ReadonlySet<string> = new Set(['57P01', '57P02', '57P03', '25006', '53300']);
/** A session that stood still in a transaction was ended; a deadlock or a serialization failure undid it. */
const UNDONE: ReadonlySet<string> = new Set(['25P03', '40001', '40P01']);
const DISK_FULL = '53100';
const NO_SUCH_TABLE = '42P01';
const WRONG_LOGIN: ReadonlySet<string> = new Set(['28000', '28P01', '3D000', '42501']);

/** @returns whether the same may succeed a moment later: no server answers, or none that takes writes. */
export function isAway(error: unknown): boolean {
  if (error instanceof FailureError) return false;
  if (!(error instanceof DatabaseError)) return true;
  const code = error.code ?? '';
  return code.startsWith('08') || AWAY.has(code) || UNDONE.has(code);
}

/** Words of the driver, and of ours, about a server that takes nobody yet. */
const COMING = /^(Connection terminated|timeout expired|its synchronous standby|every server that answers)/;

function isComing(error: Error): boolean {
  return error instanceof DatabaseError ? isAway(error) : isUnreachable(error) || COMING.test(error.message);
}

/** @returns whether the driver has waited in vain for an answer. */
export function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.message === 'Query read timeout';
}

/** @returns what the log is called in messages. */
export function nameOf({ text, schema }: Address): string {
  return `the log in ${text} (schema ${schema})`;
}

/** @returns the failure for a database that does not hold what was written to it. */
export function lost(address: Address, what: string): FailureError {
  const hint =
    'Nothing was skipped; look whether the database was restored or a standby without its last entries leads.';
  return failed('internal', `${sentence(nameOf(address))} ${what}.`, hint);
}

/**
 * @returns one sentence for what the driver threw, `StoreAway` where a server may be there in a moment;
 *   failures of ours as they are.
 */
export function explain(error: unknown, address: Address): unknown {
  if (error instanceof FailureError || !(error instanceof Error)) return error;
  const cause = { cause: error };
  const name = nameOf(address);
  const code = error instanceof DatabaseError ? (error.code ?? '') : '';
  if (code === DISK_FULL) {
    const hint =
      'Free space there; nothing was half-written, and the result is kept by its agent until then.';
    return failed('disk-full', `The disk of ${name} is full.`, hint, cause);
  }
  if (code === NO_SUCH_TABLE) return lost(address, 'lacks a table: it was dropped');
  const hint = WRONG_LOGIN.has(code)
    ? 'Check user, password and database, and that the user may create the schema or owns it.'
    : 'Check that the server runs and can be reached from here.';
  const Kind = isComing(error) ? StoreAway : FailureError;
  return new Kind(
    failure('internal', `${sentence(name)} cannot be used: ${inWords(error)}.`, { hint }),
    cause,
  );
}

/** A connection that no host took has an error for each of its addresses, and an empty message. */
function inWords(error: Error): string {
  const first = error instanceof AggregateError ? (error.errors[0] as Error) : error;
  return first.message.replace(/[.\s]+$/, '') || 'no server answers';
}
