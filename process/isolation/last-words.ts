import { setImmediate as afterReading, setTimeout as sleep } from 'node:timers/promises';

/** Turns of the event loop that are waited when another process keeps the pipes open. */
const MOST_TURNS = 10;
const TURN_MILLISECONDS = 50;

/**
 * Waits until what a child left in its pipes has been read.
 *
 * `exit` can come before the child's last messages and lines. `close` comes after both, unless another
 * process keeps the pipes open. Where it does not come, turns of the event loop are counted, and not time:
 * each turn reads the pipes, while a busy parent may read nothing for seconds.
 * @param closed `close` of the child.
 */
export async function lastWords(closed: Promise<unknown>): Promise<void> {
  let isClosed = false;
  const close = closed.then(() => {
    isClosed = true;
  });
  for (let turn = 0; turn < MOST_TURNS && !isClosed; turn += 1) {
    await Promise.race([close, sleep(TURN_MILLISECONDS)]);
    await afterReading();
  }
}
