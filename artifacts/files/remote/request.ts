import http, { type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import https from 'node:https';
import { rootCertificates } from 'node:tls';
import { failed } from '../../../core/errors.js';
import { isLoopbackHost } from '../../../core/loopback.js';
import type { RemoteSource } from '../../../core/models/remote.js';
import { proxyFor, tunnel } from '../../../proto/http/proxy.js';
import { asReason, Interrupted } from './interrupted.js';
import { atEndpoint, mayFollow, type SourcePolicy } from './policy.js';

export interface Answer {
  readonly status: number;
  /** Of the last hop. */
  readonly headers: IncomingHttpHeaders;
  /** What a hub says of the file before it redirects: its SHA-256 and its size. */
  readonly linked: { readonly digest: string | null; readonly bytes: number | null };
  readonly body: IncomingMessage;
}

export interface Asking {
  readonly kind: RemoteSource['kind'];
  readonly policy: SourcePolicy;
  readonly signal: AbortSignal;
}

const MAX_REDIRECTS = 5;
/** For names, handshakes and the way of the request, beside what a connection may be silent for. */
const CONNECT_MILLISECONDS = 10_000;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/**
 * Asks for an address and follows redirects as far as the node's config allows.
 * @throws Interrupted for the network; FailureError `source-not-allowed` for a redirect to elsewhere and for
 *   a certificate that is not trusted; the reason of the signal.
 */
export async function ask(
  address: string,
  headers: Readonly<Record<string, string>>,
  asking: Asking,
): Promise<Answer> {
  const { policy, kind } = asking;
  const linked: { digest: string | null; bytes: number | null } = { digest: null, bytes: null };
  let url = new URL(address);
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    const body = await requestOnce(url, headers, asking);
    const status = body.statusCode ?? 0;
    // A hub's own word counts; what its store says afterwards is another file's name.
    if (kind === 'hub' && atEndpoint(url, policy)) {
      linked.digest ??= sha256Of(body.headers['x-linked-etag']);
      linked.bytes ??= sizeOf(body.headers['x-linked-size']);
    }
    const { location } = body.headers;
    if (!REDIRECTS.has(status) || location === undefined)
      return { status, headers: body.headers, linked, body };
    body.destroy();
    url = follow(url, location, asking);
  }
  throw failed('model-missing', `${hostOf(address)} redirects more than ${MAX_REDIRECTS} times`);
}

function follow(from: URL, location: string, { kind, policy }: Asking): URL {
  if (!URL.canParse(location, from.href))
    throw failed('model-missing', `${from.host} redirects to something that is no address`);
  const to = new URL(location, from);
  if (mayFollow(kind, to, policy)) return to;
  const list = kind === 'hub' ? 'sources.hfRedirects' : 'sources.https';
  const message = `${from.host} redirects to ${to.origin}, which this node may not fetch from`;
  throw failed('source-not-allowed', message, `If that is right, add it to ${list} of the agent’s config.`);
}

async function requestOnce(
  url: URL,
  headers: Readonly<Record<string, string>>,
  asking: Asking,
): Promise<IncomingMessage> {
  const { policy, signal } = asking;
  const plain = url.protocol === 'http:';
  if (plain && !isLoopbackHost(url.hostname)) throw new Error('plain http leaves this machine');
  // The token belongs to the endpoint: a store that it redirects to gets a signed address instead.
  const secret =
    asking.kind === 'hub' && policy.token !== null && atEndpoint(url, policy)
      ? { authorization: `Bearer ${policy.token}` }
      : {};
  const trust = plain || policy.ca === null ? {} : { ca: [...rootCertificates, policy.ca] };
  const proxy = proxyFor(url);
  const { stallSeconds } = policy;
  const through = proxy && tunnel(proxy, url, { signal, stallSeconds, trust });
  const connection = await through?.catch((error: Error) => {
    throw asReason(error, { host: `the proxy ${proxy?.url.host}` }, signal);
  });
  const options = {
    signal,
    headers: { 'user-agent': 'ridgepoint', 'accept-encoding': 'identity', ...headers, ...secret },
    timeout: stallSeconds * 1000,
    ...trust,
    ...(connection && { createConnection: () => connection }),
  };
  return await new Promise((resolve, reject) => {
    const request = (plain ? http : https).get(url, options, resolve);
    const endAs = (what: string) => () =>
      request.destroy(new Interrupted(`${url.host} ${what} for ${stallSeconds} s`));
    request.on('timeout', endAs('sent nothing'));
    // A head that trickles is none either.
    const late = endAs('did not answer');
    const head = setTimeout(late, 1000 * stallSeconds + CONNECT_MILLISECONDS);
    request.on('response', () => clearTimeout(head)).on('close', () => clearTimeout(head));
    request.on('error', (error) => reject(asReason(error, url, signal)));
  });
}

/** An ETag that is the SHA-256 of the content, as hubs give it for large files. */
function sha256Of(etag: string | string[] | undefined): string | null {
  const hex = typeof etag === 'string' ? /^"?([0-9a-f]{64})"?$/.exec(etag)?.[1] : undefined;
  return hex === undefined ? null : `sha256:${hex}`;
}

export function sizeOf(text: string | string[] | undefined): number | null {
  return typeof text === 'string' && /^\d{1,15}$/.test(text) ? Number(text) : null;
}

export function hostOf(address: string): string {
  return new URL(address).host;
}
