import { EventText, type LiveEvent } from '../../../../report/live/event-text.js';
import { ask, Refusal } from './api.js';

/** How the page stands with its coordinator. */
export type Connection =
  | { readonly state: 'connecting' | 'open' }
  /** It does not answer; the page goes on trying. */
  | { readonly state: 'lost' }
  /** It answers, and not to this reader. */
  | { readonly state: 'refused'; readonly status: number; readonly reason: string };

export interface Followed {
  event(event: LiveEvent): void;
  connection(connection: Connection): void;
}

/**
 * The coordinator says something every 15 s; silence of this length is a connection that died without a word.
 */
const SILENCE_SECONDS = 40;
const FIRST_WAIT = 300;
const LONGEST_WAIT = 5_000;

/**
 * Follows the coordinator's events until the signal aborts: comes back after every break where it was, by the
 * id of the last event it saw.
 * @param query of /api/v1/events
 */
export async function follow(query: string, followed: Followed, signal: AbortSignal): Promise<void> {
  let last: string | null = null;
  let wait = FIRST_WAIT;
  while (!signal.aborted) {
    try {
      const text = new EventText();
      for await (const piece of pieces(query, last, signal)) {
        for (const event of text.push(piece)) {
          if (event.event === 'hello') {
            followed.connection({ state: 'open' });
            wait = FIRST_WAIT;
            // From here on nothing may be missed; and ids of another log say nothing here.
            if (last === null || event.data.reset) last = String(event.data.position);
          }
          if (event.id !== null) last = event.id;
          followed.event(event);
        }
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Refusal && error.status < 500) {
        followed.connection({ state: 'refused', status: error.status, reason: error.message });
        return;
      }
    }
    if (signal.aborted) return;
    followed.connection({ state: 'lost' });
    await pause(wait, signal);
    wait = Math.min(LONGEST_WAIT, wait * 2);
  }
}

async function* pieces(query: string, last: string | null, signal: AbortSignal): AsyncGenerator<string> {
  const over = new AbortController();
  const stop = AbortSignal.any([signal, over.signal]);
  const response = await ask(`events?${query}`, stop, last === null ? {} : { 'last-event-id': last });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  if (reader === undefined) return;
  try {
    for (;;) {
      const silent = setTimeout(() => over.abort(), SILENCE_SECONDS * 1000);
      const { done, value } = await reader.read().finally(() => clearTimeout(silent));
      if (done) return;
      yield value;
    }
  } finally {
    over.abort();
  }
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const finish = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', finish);
      window.removeEventListener('online', finish);
      resolve();
    };
    const timer = setTimeout(finish, milliseconds);
    signal.addEventListener('abort', finish, { once: true });
    window.addEventListener('online', finish, { once: true });
  });
}
