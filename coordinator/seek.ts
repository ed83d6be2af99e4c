import type { Timer } from './clock.js';
import type { Dispatcher } from './dispatcher.js';
import type { Leader, Waiting } from './log/leadership.js';
import type { Log } from './log/log.js';
import type { Registry } from './registry/registry.js';

export interface Seeking {
  readonly log: Log;
  readonly dispatcher: Dispatcher;
  readonly registry: Registry;
  readonly timer: Timer;
  /** Who this coordinator is. */
  readonly leader: Leader;
  /** How long it leads without renewing that. */
  readonly seconds: number;
  readonly waiting: Waiting;
  /** It leads now. */
  readonly took: () => void;
  /** It leads no more, or could not begin to, for this reason. */
  readonly ended: (why: string) => void;
}

/** A log that could not be led is asked again after so long. */
const AGAIN_SECONDS = 1;

/**
 * Leads whenever nobody else does, and stands by otherwise, until the signal aborts. What it needs to take
 * over it has read by then.
 * @returns the end of the first term, and of all
 */
export function seekLeadership(seeking: Seeking): {
  readonly first: Promise<void>;
  readonly all: Promise<void>;
} {
  const { signal } = seeking.waiting;
  const first = leadOnce(seeking);
  const all = (async () => {
    for (let turn = first; !signal.aborted; turn = leadOnce(seeking)) {
      await turn.catch(async (error: unknown) => {
        if (signal.aborted) return;
        seeking.ended((error as Error).message);
        await seeking.timer.wait(AGAIN_SECONDS, signal);
      });
      if (signal.aborted) return;
    }
  })();
  return { first, all };
}

async function leadOnce({ log, dispatcher, registry, ...seeking }: Seeking): Promise<void> {
  const { leader, seconds, waiting } = seeking;
  const term = await log.lead({ ...leader, seconds }, waiting);
  await dispatcher.takeOver(term, leader);
  seeking.took();
  const why = await ending(term.over);
  // It takes its turn before another term of ours. What is before it may be waiting for a store that is away,
  // which the next lead finds out.
  void dispatcher.standDown(why).then(() => registry.clear(why));
  if (!waiting.signal.aborted) seeking.ended(why);
}

/** @returns the sentence with which a signal aborts. */
async function ending(signal: AbortSignal): Promise<string> {
  if (!signal.aborted)
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  return signal.reason instanceof Error ? signal.reason.message : String(signal.reason);
}
