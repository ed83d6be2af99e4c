import { createHash } from 'node:crypto';
import { type FailureError, failed } from '../../core/errors.js';
import { partsOf } from './detail.js';
import type { Fact, Log } from './log.js';

/** Facts of one append: enough that a sync of each costs little. */
const MOST_FACTS = 256;
const MOST_BYTES = 4 * 1024 * 1024;

export interface Copied {
  /** Entries that were there before: an interrupted copy continues. */
  readonly before: number;
  /** Entries that were copied now. */
  readonly copied: number;
  /** SHA-256 over the facts of both, in hexadecimal digits. */
  readonly digest: string;
}

/**
 * Copies what a log holds to the end of another one, which has to hold the beginning of it, or nothing; then
 * reads both and compares.
 * @param copied is told after each append how many entries there are.
 * @throws FailureError where the other one holds something else, or was written to meanwhile
 */
export async function copyLog(
  from: Pick<Log, 'end' | 'read'>,
  to: Log,
  copied: (entries: number, of: number) => void = () => {},
): Promise<Copied> {
  const [end, before] = [await from.end(), await to.end()];
  if (before > end) throw different(`has ${before} entries, more than the ${end} to copy`);
  if ((await digestOf(from, before)) !== (await digestOf(to, before))) {
    throw different(`holds other entries than the first ${before} to copy`);
  }
  let position = before;
  let [facts, bytes]: [Fact[], number] = [[], 0];
  const write = async (): Promise<void> => {
    if (facts.length === 0) return;
    const outcome = await to.append(facts, position);
    if (!outcome.appended) throw different('was written to by somebody else meanwhile');
    position += facts.length;
    // A trial twice in the source is none of ours: no log takes it.
    if (outcome.position !== position)
      throw different('holds a trial already that comes later in the source');
    [facts, bytes] = [[], 0];
    copied(position, end);
  };
  for await (const entry of from.read(before, 'full')) {
    if (entry.position > end) break;
    const { fact } = entry;
    if (fact.fact === 'Damaged') throw damaged(entry.position);
    facts.push(fact);
    bytes += entry.recordJson?.length ?? 0;
    if (facts.length === MOST_FACTS || bytes > MOST_BYTES) await write();
  }
  await write();
  const [source, target] = [await digestOf(from, end), await digestOf(to, end)];
  if (source !== target) throw different('does not hold what was copied to it');
  return { before, copied: end - before, digest: target };
}

/** SHA-256 over the first facts as any log gives them: how a log stores them makes no difference. */
async function digestOf(log: Pick<Log, 'read'>, entries: number): Promise<string> {
  const hash = createHash('sha256');
  if (entries > 0) {
    for await (const { position, fact } of log.read(0, 'full')) {
      // A head is derived.
      const [head, row, raw] = partsOf(fact);
      hash.update(row === null ? `${head}\n` : `${row}\n${raw}\n`);
      if (position === entries) break;
    }
  }
  return hash.digest('hex');
}

function damaged(position: number): FailureError {
  const hint = '`ridge log verify` says what else is wrong with it.';
  return failed('internal', `Entry ${position} of the log to copy is damaged.`, hint);
}

function different(what: string): FailureError {
  const hint = 'Copy to an empty log, or to one that an earlier copy of the same log was broken off in.';
  return failed('internal', `The log to copy to ${what}.`, hint);
}
