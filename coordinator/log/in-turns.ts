import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Log } from './log.js';

/** Whoever reads a whole log holds everybody else up for no longer than this. */
const TURN_MILLISECONDS = 10;

/**
 * @returns the log for whoever reads all of it while others write: they have their turn in between. Reading
 *   ends with an error when the signal aborts.
 */
export function inTurns(log: Log, signal: AbortSignal): Pick<Log, 'end' | 'links' | 'read'> {
  return {
    end: () => log.end(),
    links: (after) => turns(log.links(after), signal),
    read: (after, detail) => turns(log.read(after, detail), signal),
  };
}

async function* turns<Item>(items: AsyncIterable<Item>, signal: AbortSignal): AsyncGenerator<Item> {
  let began = performance.now();
  for await (const item of items) {
    yield item;
    if (performance.now() - began < TURN_MILLISECONDS) continue;
    await nextTurn();
    signal.throwIfAborted();
    began = performance.now();
  }
}
