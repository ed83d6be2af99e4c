import { setImmediate as afterReading, setTimeout as sleep } from 'node:timers/promises';

/** So many turns of the event loop, each of so long, are what somebody gets who keeps the pipes of a child that has ended. */
const TURNS = 10;
const TURN_MILLISECONDS = 50;

/**
 * Waits until what a child left in its pipes has been read. `exit` can come before its last messages and lines; `close` comes after
 * both, unless somebody keeps the pipes. A parent that was busy meanwhile has read nothing, however long that was, so turns of its
 * event loop are counted: it reads its pipes in each.
 * @param closed `close` of the child.
 */
export async function lastWords(closed: Promise<unknown>): Promise<void> {
  let isClosed = false;
  const close = closed.then(() => {
    isClosed = true;
  });
  for (let turn = 0; turn < TURNS && !isClosed; turn += 1) {
    await Promise.race([close, sleep(TURN_MILLISECONDS)]);
    await afterReading();
  }
}
