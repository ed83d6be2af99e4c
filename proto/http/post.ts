import http, { type RequestOptions } from 'node:http';
import https from 'node:https';
import { type FailureError, failed } from '../../core/errors.js';
import { answerOf, readText, withTimeLimit } from './ask.js';
import { askThrough, type NamedProxy, proxyFor, tunnel } from './proxy.js';

/** What is kept of an answer: a sentence for people. */
const MOST_BYTES = 4096;

/**
 * Sends a body to an address, through the proxy that the environment names for it. Redirects are not
 * followed: whoever is to get the body, and what the headers tell of its sender, was named.
 * @param seconds until it is given up.
 * @returns the status, the answer's beginning, and the host of the proxy that may have given it in the
 *   receiver's stead.
 * @throws TooSlow; the error of the network or of the proxy; FailureError for credentials that a proxy would
 *   read.
 */
export async function post(
  url: URL,
  headers: Readonly<Record<string, string>>,
  body: Uint8Array,
  seconds: number,
): Promise<{ readonly status: number; readonly text: string; readonly via: string | null }> {
  return await withTimeLimit(seconds, async (signal) => {
    const plain = url.protocol === 'http:';
    const options: RequestOptions = {
      method: 'POST',
      headers: { 'user-agent': 'ridgepoint', 'content-length': body.length, ...headers },
      signal,
    };
    const proxy = proxyFor(url);
    const reader = plain ? proxy : null;
    if (reader !== null && Object.keys(headers).some((name) => /^authorization$/i.test(name)))
      throw inClear(reader, url);
    const connection =
      proxy === null || plain ? null : await tunnel(proxy, url, { signal, stallSeconds: seconds, trust: {} });
    const direct = connection === null ? options : { ...options, createConnection: () => connection };
    const response =
      reader === null
        ? await answerOf((plain ? http : https).request(url, direct), body)
        : await askThrough(reader, url, options, body);
    const { text } = await readText(response, MOST_BYTES);
    return { status: response.statusCode ?? 0, text, via: reader?.url.host ?? null };
  });
}

function inClear(proxy: NamedProxy, url: URL): FailureError {
  const message = `the proxy ${proxy.url.host}, which ${proxy.variable} names, would read the credentials for ${url.host}`;
  const hint = `Except ${url.hostname} by NO_PROXY of the environment, or write an https address.`;
  return failed('internal', message, hint);
}
