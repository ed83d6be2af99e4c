import { request as plain } from 'node:http';
import { request as secure } from 'node:https';
import { EventText, type LiveEvent } from '../../report/live/event-text.js';

export interface LiveReader {
  readonly status: number;
  /** Every event so far. */
  readonly events: LiveEvent[];
  /** Waits for the first event that passes. */
  until(what: string, passes: (event: LiveEvent) => boolean, seconds?: number): Promise<LiveEvent>;
  close(): void;
}

/** Follows a coordinator's event stream as the page does. */
export async function followEvents(
  url: string,
  headers: Record<string, string> = {},
  tls: { readonly ca: Buffer } | null = null,
): Promise<LiveReader> {
  return await new Promise((resolve, reject) => {
    const events: LiveEvent[] = [];
    const text = new EventText();
    const waiting = new Set<() => void>();
    const request = (tls === null ? plain : secure)(url, { headers, ...tls }, (response) => {
      response.setEncoding('utf8').on('data', (piece: string) => {
        events.push(...text.push(piece));
        for (const check of waiting) check();
      });
      response.on('error', () => undefined);
      resolve({
        status: response.statusCode ?? 0,
        events,
        until: (what, passes, seconds = 10) =>
          new Promise((found, failed) => {
            const late = setTimeout(() => failed(new Error(`${what} was not told`)), seconds * 1000);
            const check = (): void => {
              const event = events.find(passes);
              if (event === undefined) return;
              clearTimeout(late);
              waiting.delete(check);
              found(event);
            };
            waiting.add(check);
            check();
          }),
        close: () => request.destroy(),
      });
    });
    request.on('error', reject).end();
  });
}
