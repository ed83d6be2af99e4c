import type { Coordinators, Place } from './coordinators.js';
import { WireError } from './errors.js';
import type { Outages, Waiting } from './outage.js';

/**
 * Tries in quick succession, for as long as nothing of an answer has come. Further ones are slow, until
 * patience is over.
 */
const QUICK_TRIES = 8;
/** Each quick try waits so much longer than the one before. */
const QUICK_MILLISECONDS = 100;
const SLOW_MILLISECONDS = 1_000;

/** The coordinators of one connection, and what keeps them from answering. */
export interface CoordinatorAccess {
  readonly coordinators: Coordinators;
  readonly outages: Outages;
}

const NEVER_ABORTED = new AbortController().signal;

/**
 * Asks the coordinator that leads. Asks again when another one leads by then, or when it could not answer.
 */
export async function askLeader<T>(
  { coordinators, outages }: CoordinatorAccess,
  given: AbortSignal = NEVER_ABORTED,
  ask: (place: Place, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const waiting = outages.wait(given, true);
  try {
    for (let tried = 1; ; tried += 1) {
      let place: Place | null = null;
      try {
        place = await coordinators.place(waiting.signal);
        const answer = await ask(place, waiting.signal);
        outages.noteAnswer();
        waiting.relieve();
        return answer;
      } catch (error) {
        if (given.aborted) throw error;
        await waitToRetry({ coordinators, outages }, waiting, place, error, tried);
      }
    }
  } finally {
    waiting.end();
  }
}

/**
 * The same for a stream, which continues where it broke off.
 * @param seen is told every message, so that `open` knows where that is.
 */
export async function* streamFromLeader<Message>(
  { coordinators, outages }: CoordinatorAccess,
  given: AbortSignal = NEVER_ABORTED,
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
          outages.noteAnswer();
          seen(message);
          yield message;
          waiting.answered();
          tried = 1;
        }
        waiting.check();
        if (!place.moved.aborted) return;
      } catch (error) {
        if (given.aborted) return;
        await waitToRetry({ coordinators, outages }, waiting, place, error, tried);
      }
    }
  } finally {
    waiting.end();
  }
}

/** Waits until it is worth asking again. @throws the error where it is not. */
async function waitToRetry(
  { coordinators, outages }: CoordinatorAccess,
  waiting: Waiting,
  place: Place | null,
  error: unknown,
  tried: number,
): Promise<void> {
  waiting.check();
  const elsewhere = place !== null && coordinators.failed(place, error);
  if (elsewhere && tried < QUICK_TRIES) return await waiting.pause(QUICK_MILLISECONDS * (tried - 1));
  const late = waiting.isTroubled && error instanceof WireError && error.code === 'deadline';
  if (outages.passes(error)) waiting.trouble(error);
  else if (!late) throw error;
  await waiting.pause(SLOW_MILLISECONDS);
}
