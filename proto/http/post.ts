import http, { type IncomingMessage, type RequestOptions } from 'node:http';
import https from 'node:https';
import { proxyFor, requestThrough, tunnel } from './proxy.js';

/** What is kept of an answer: a sentence for people. */
const MOST_CHARACTERS = 4096;

/**
 * Sends a body to an address, through the proxy that the environment names for it. Redirects are not followed: whoever is to
 * get the body, and what the headers tell of its sender, was named.
 * @param seconds until it is given up.
 * @returns the status, and the answer's beginning. @throws the error of the network, of the proxy, or that time is over.
 */
export async function post(
  url: URL,
  headers: Readonly<Record<string, string>>,
  body: Uint8Array,
  seconds: number,
): Promise<{ readonly status: number; readonly text: string }> {
  const signal = AbortSignal.timeout(1000 * seconds);
  const plain = url.protocol === 'http:';
  const options: RequestOptions = {
    method: 'POST',
    headers: { 'user-agent': 'ridgepoint', 'content-length': body.length, ...headers },
    signal,
  };
  const proxy = proxyFor(url);
  const connection =
    proxy === null || plain ? null : await tunnel(proxy, url, { signal, stallSeconds: seconds, trust: {} });
  const request =
    proxy !== null && plain
      ? requestThrough(proxy, url, options)
      : (plain ? http : https).request(
          url,
          connection === null ? options : { ...options, createConnection: () => connection },
        );
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request.on('response', resolve).on('error', reject).end(body);
  });
  let text = '';
  for await (const part of response.setEncoding('utf8')) {
    if (text.length < MOST_CHARACTERS) text += part;
  }
  return { status: response.statusCode ?? 0, text };
}
