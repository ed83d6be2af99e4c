import type { ServerResponse } from 'node:http';
import type { LiveEventName, LiveEvents } from '../../report/live/live.js';

/**
 * A comment this often shows both ends that the other is there, and keeps proxies from closing the stream.
 */
const HEARTBEAT_SECONDS = 15;

/**
 * One reader's server-sent events (the WHATWG format): events wait for a slow reader, and end when it goes.
 */
export class EventStream {
  readonly #response: ServerResponse;
  readonly #gone = new AbortController();
  readonly #heartbeat: NodeJS.Timeout;

  constructor(response: ServerResponse, headers: Readonly<Record<string, string>>) {
    this.#response = response;
    response.writeHead(200, {
      ...headers,
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      // nginx would collect events otherwise.
      'x-accel-buffering': 'no',
    });
    response.flushHeaders();
    this.#heartbeat = setInterval(() => response.write(':\n\n'), HEARTBEAT_SECONDS * 1000);
    response.once('close', () => this.#end());
    response.once('error', () => this.#end());
  }

  /** Aborts when the reader is gone. */
  get signal(): AbortSignal {
    return this.#gone.signal;
  }

  /** @param id where a reader that has seen this event resumes; null leaves it where it was. */
  async send<Name extends LiveEventName>(event: Name, data: LiveEvents[Name], id?: number): Promise<void> {
    await this.sendText(event, JSON.stringify(data), id);
  }

  /**
   * @param json the event's data, which JSON.stringify keeps on one line. Resolves when there is room for
   *   more.
   */
  async sendText(event: LiveEventName, json: string, id?: number): Promise<void> {
    if (this.signal.aborted) return;
    const name = `event: ${event}\n${id === undefined ? '' : `id: ${id}\n`}`;
    if (this.#response.write(`${name}data: ${json}\n\n`)) return;
    await new Promise<void>((resolve) => {
      const proceed = (): void => {
        this.#response.off('drain', proceed);
        this.signal.removeEventListener('abort', proceed);
        resolve();
      };
      this.#response.once('drain', proceed);
      this.signal.addEventListener('abort', proceed, { once: true });
    });
  }

  close(): void {
    this.#response.end();
    this.#end();
  }

  #end(): void {
    clearInterval(this.#heartbeat);
    this.#gone.abort();
  }
}
