import { readFileSync } from 'node:fs';

import { type ControlConnection, connectControl } from '../proto/client.js';
import { WireError } from '../proto/errors.js';
import type { SweepStatus } from '../proto/gen/ridgepoint/v1/control.js';
import { OUTAGE_SECONDS } from '../proto/outage.js';
import type { ClientSecurity } from '../proto/security.js';
import { CommandError, EXIT, tryFile, usageError, workError } from './exit.js';
import type { ConnectionOptions, CredentialOptions } from './options/connection.js';
import { say } from './output/print.js';

function readCredential(option: string, path: string): Buffer {
  return tryFile(
    `cannot read ${option} ${path}`,
    () => readFileSync(path),
    'Check the path and who may read it.',
  );
}

/**
 * Plaintext when no credential is given (the wire refuses that for anything but loopback), else mutual TLS
 * or TLS with a token.
 */
export function clientSecurity(options: CredentialOptions): ClientSecurity {
  const ca = options.tlsCa === undefined ? null : readCredential('--tls-ca', options.tlsCa);
  if (options.tokenFile !== undefined) {
    const token = readCredential('--token-file', options.tokenFile).toString('utf8').trim();
    return { kind: 'token', ca, token, serverName: null };
  }
  if (options.tlsCert !== undefined || options.tlsKey !== undefined) {
    if (options.tlsCert === undefined || options.tlsKey === undefined || ca === null) {
      throw usageError('mutual TLS needs --tls-ca, --tls-cert and --tls-key together');
    }
    return {
      kind: 'mutual-tls',
      ca,
      certificate: readCredential('--tls-cert', options.tlsCert),
      key: readCredential('--tls-key', options.tlsKey),
      serverName: null,
    };
  }
  if (ca !== null)
    throw usageError('--tls-ca alone is not enough: add --token-file, or --tls-cert and --tls-key');
  return { kind: 'plaintext' };
}

/** A coordinator is there, but cannot answer now. */
class LaterError extends CommandError {}

/** Turns what the wire says into one sentence with the next step. */
function commandErrorOf(error: unknown, address: string): unknown {
  if (!(error instanceof WireError) || error instanceof CommandError) return error;
  if (error.isAway) {
    return workError(
      `no coordinator answers at ${address}`,
      'Start one with `ridge coordinator`, or name another with --coordinator or RIDGE_COORDINATOR.',
    );
  }
  if (error.passes) {
    const hint = error.details.join(' ') || 'Ask again when it is back: what it has acknowledged is kept.';
    return new LaterError(
      `the coordinator at ${address} cannot answer now: ${error.message}`,
      EXIT.failed,
      hint,
    );
  }
  const message = [error.message, ...error.details].join('\n');
  const isUsage = error.code === 'invalid' || error.code === 'refused' || error.code === 'not-found';
  return isUsage ? usageError(message) : workError(message);
}

/**
 * Opens a connection, does the work, and closes it whatever happens. A coordinator that cannot answer now is
 * waited for, and that is said.
 */
export async function withCoordinator<T>(
  options: ConnectionOptions,
  work: (control: ControlConnection) => Promise<T>,
): Promise<T> {
  const address = options.coordinator;
  let control: ControlConnection | null = null;
  try {
    const seconds = options.wait === false ? 0 : OUTAGE_SECONDS;
    control = connectControl({ address, security: clientSecurity(options) }, { seconds, say: say });
    return await work(control);
  } catch (error) {
    throw commandErrorOf(error, address);
  } finally {
    control?.close();
  }
}

/**
 * Finds a sweep by id, by the start of its id, or by name (the newest of that name); without a word the
 * newest.
 * @throws CommandError (2) when there is none, naming those that exist.
 */
export async function findSweep(control: ControlConnection, named: string | undefined): Promise<SweepStatus> {
  const { sweeps } = await control.listSweeps();
  const byAge = [...sweeps].sort((a, b) => a.submittedAt.localeCompare(b.submittedAt));
  const matches =
    named === undefined ? byAge : byAge.filter((s) => s.sweepId.startsWith(named) || s.name === named);
  const found = matches.at(-1);
  if (found !== undefined) return found;
  if (byAge.length === 0)
    throw usageError('this coordinator has no sweeps yet', 'Submit one: `ridge submit FILE`.');
  const names = [...new Set(byAge.map((s) => s.name))].join(', ');
  throw usageError(`there is no sweep ${named}`, `This coordinator has: ${names}.`);
}

/**
 * Does something with a sweep of a coordinator that a word may name where it is no path of this machine.
 * @throws CommandError (2) where it is neither, (1) where a coordinator cannot say now.
 */
export async function withNamedSweep<T>(
  named: string,
  options: ConnectionOptions,
  work: (control: ControlConnection, sweep: SweepStatus) => Promise<T>,
): Promise<T> {
  try {
    return await withCoordinator(
      options,
      async (control) => await work(control, await findSweep(control, named)),
    );
  } catch (error) {
    if (!(error instanceof CommandError) || error instanceof LaterError) throw error;
    throw usageError(
      `there is no file ${named}, and as a sweep of a coordinator: ${error.message}`,
      error.hint,
    );
  }
}
