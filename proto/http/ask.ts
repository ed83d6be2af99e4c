import http, { type ClientRequest, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import https from 'node:https';
import { Gathered } from './gathered.js';

/** What an exchange may take. */
export interface Bounds {
  /** From its start to the last byte of the answer. */
  readonly seconds: number;
  /** Of the answer's body. */
  readonly mostBytes: number;
}

export interface Asked extends Bounds {
  readonly headers?: OutgoingHttpHeaders;
  /** Sent by POST; left out = GET. */
  readonly body?: string;
  /** Hears each part of the body of a success as it comes. */
  readonly heard?: (part: Buffer) => void;
}

export interface Answer {
  readonly status: number;
  /** Of an answer that is no success, whose words are for people, the beginning. */
  readonly text: string;
}

/** @returns whether a status is one of those that say that all went well (RFC 9110, section 15.3). */
export function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

/** An exchange took longer than it may. */
export class TooSlow extends Error {
  override readonly name = 'TooSlow';
}

/**
 * Asks an address itself, without a proxy. Redirects are not followed, and nothing that was packed is
 * unpacked: what is counted is what is kept.
 * @throws TooSlow; Error for an answer that is larger than it may be, or packed; the error of the connection.
 */
export async function ask(url: URL, { headers, body, seconds, mostBytes, heard }: Asked): Promise<Answer> {
  return await withTimeLimit(seconds, async (signal) => {
    const request = (url.protocol === 'https:' ? https : http).request(url, {
      method: body === undefined ? 'GET' : 'POST',
      agent: false,
      headers: {
        'user-agent': 'ridgepoint',
        'accept-encoding': 'identity',
        ...(body !== undefined && {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
        }),
        ...headers,
      },
      signal,
    });
    const response = await answerOf(request, Buffer.from(body ?? ''));
    const status = response.statusCode ?? 0;
    const succeeded = isSuccess(status);
    const packed = response.headers['content-encoding'] ?? 'identity';
    if (succeeded && packed !== 'identity') {
      response.destroy();
      throw new Error(`the answer is packed (${packed.slice(0, 20)}), and was asked for as it is`);
    }
    const { text, whole } = await readText(response, mostBytes, succeeded ? heard : undefined);
    if (succeeded && !whole) throw new Error(`the answer has more than ${mostBytes} bytes`);
    return { status, text };
  });
}

/**
 * Gives work a signal that comes when its time is over. `AbortSignal.timeout` is no such signal: Node.js 20
 * holds it weakly beside `fetch`, and a garbage collection takes it away together with the limit.
 * @throws TooSlow then, whatever the work does; else what it throws.
 */
export async function withTimeLimit<T>(
  seconds: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new TooSlow(`it took longer than ${seconds} s`));
      stop.abort();
    }, 1000 * seconds);
  });
  try {
    return await Promise.race([over, work(stop.signal)]);
  } finally {
    clearTimeout(timer);
  }
}

/** Sends a request with its body. @returns the answer. @throws the error of the connection. */
export function answerOf(request: ClientRequest, body: Uint8Array): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.on('response', resolve).on('error', reject).end(body);
  });
}

/**
 * Reads a body up to a bound, and closes its connection there.
 * @returns its text, and whether that is all of it.
 */
export async function readText(
  response: IncomingMessage,
  mostBytes: number,
  heard?: (part: Buffer) => void,
): Promise<{ readonly text: string; readonly whole: boolean }> {
  const gathered = new Gathered(mostBytes);
  for await (const part of response as AsyncIterable<Buffer>) {
    heard?.(part);
    // Leaving the loop destroys the response, and with it the connection.
    if (!gathered.push(part)) return { text: gathered.take(), whole: false };
  }
  return { text: gathered.take(), whole: true };
}
