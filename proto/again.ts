import type { Coordinators, Place } from './coordinators.js';
import { WireError } from './errors.js';
import type { Outages, Waiting } from './outage.js';

/** What was asked is asked again so often at once while nothing of an answer comes, and then with a pause as long as patience lasts. */
const TRIES = 8;
const AGAIN_MILLISECONDS = 100;
const PAUSE_MILLISECONDS = 1_000;

/** Whom is asked, and what keeps them from answering. */
export interface Asked {
  readonly coordinators: Coordinators;
  readonly outages: Outages;
}

const never = new AbortController().signal;

/** Asks the one that leads, and again where another one does by then, or it could not answer. */
export async function again<T>(
  { coordinators, outages }: Asked,
  given: AbortSignal = never,
  ask: (place: Place, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const waiting = outages.wait(given, true);
  try {
    for (let tried = 1; ; tried += 1) {
      let place: Place | null = null;
      try {
        place = await coordinators.place(waiting.signal);
        const answer = await ask(place, waiting.signal);
        outages.heard();
        waiting.relieve();
        return answer;
      } catch (error) {
        if (given.aborted) throw error;
        await beforeNext({ coordinators, outages }, waiting, place, error, tried);
      }
    }
  } finally {
    waiting.end();
  }
}

/** The same for a stream, which goes on where it was. @param seen is told every message. */
export async function* againFrom<Message>(
  { coordinators, outages }: Asked,
  given: AbortSignal = never,
  open: (place: Place, over: AbortSignal) => AsyncIterable<Message>,
  seen: (message: Message) => void = () => {},
): AsyncGenerator<Message> {
  const waiting = outages.wait(given, false);
  try {
    for (let tried = 1; !given.aborted; tried += 1) {
      let place: Place | null = null;
      try {
        place = await coordinators.place(waiting.signal);
        for await (const message of open(place, AbortSignal.any([waiting.signal, place.moved]))) {
          outages.heard();
          seen(message);
          yield message;
          waiting.answered();
          tried = 1;
        }
        waiting.check();
        if (!place.moved.aborted) return;
      } catch (error) {
        if (given.aborted) return;
        await beforeNext({ coordinators, outages }, waiting, place, error, tried);
      }
    }
  } finally {
    waiting.end();
  }
}

/** Waits until it is worth asking again. @throws the error where it is not. */
async function beforeNext(
  { coordinators, outages }: Asked,
  waiting: Waiting,
  place: Place | null,
  error: unknown,
  tried: number,
): Promise<void> {
  waiting.check();
  const elsewhere = place !== null && coordinators.failed(place, error);
  if (elsewhere && tried < TRIES) return await waiting.pause(AGAIN_MILLISECONDS * (tried - 1));
  const late = waiting.isTroubled && error instanceof WireError && error.code === 'deadline';
  if (outages.passes(error)) waiting.trouble(error);
  else if (!late) throw error;
  await waiting.pause(PAUSE_MILLISECONDS);
}
