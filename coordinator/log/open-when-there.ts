import { setTimeout as sleep } from 'node:timers/promises';
import { type Failure, toFailure } from '../../core/errors.js';
import type { HttpServer } from '../../proto/http/server.js';
import type { ResolvedConfig } from '../config.js';
import { StoreAway } from './away.js';
import type { Log } from './log.js';
import { openLog } from './open.js';

const RETRY_SECONDS = 0.5;
const SAID_SECONDS = 30;

/** Who hears that a log is waited for. */
export interface Waiting {
  readonly now: () => number;
  readonly say: (sentence: string) => void;
  /** Answers whoever asks for health, until it is closed. */
  readonly answer: (why: () => string) => Promise<HttpServer | null>;
}

/**
 * Opens the log; a server that is not there yet is waited for, as where a machine or a cluster starts all at
 * once.
 * @throws FailureError at once where something else is wrong, and for a server that is still away after
 *   `logWaitSeconds`
 */
export async function openWhenThere(
  { log, logWaitSeconds }: Pick<ResolvedConfig, 'log' | 'logWaitSeconds'>,
  { now, say, answer }: Waiting,
): Promise<Log> {
  const began = now();
  let away: { readonly saidAt: number; readonly health: HttpServer | null } | null = null;
  let failure: Failure;
  try {
    for (;;) {
      try {
        const opened = await openLog(log);
        if (away !== null) say(`the log is there after ${(now() - began).toFixed(0)} s`);
        return opened;
      } catch (error) {
        if (!(error instanceof StoreAway) || now() - began >= logWaitSeconds) throw error;
        failure = toFailure(error);
      }
      if (away === null || now() - away.saidAt >= SAID_SECONDS) {
        const left = (logWaitSeconds - (now() - began)).toFixed(0);
        say(`the log is waited for, ${left} s at most: ${failure.message}`);
        const health: HttpServer | null =
          away === null ? await answer(() => `the log is waited for: ${failure.message}`) : away.health;
        away = { saidAt: now(), health };
      }
      await sleep(1000 * RETRY_SECONDS);
    }
  } finally {
    await away?.health?.close();
  }
}
