import http, { type ClientRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import https from 'node:https';
import { BlockList, isIP, type Socket } from 'node:net';
import tls, { type ConnectionOptions } from 'node:tls';
import { failed } from '../../core/errors.js';
import { isLoopbackHost } from '../../core/loopback.js';
import { answerOf } from './ask.js';

/** By the scheme of an address, in the order in which curl looks at them. */
const VARIABLES: Readonly<Record<string, readonly string[]>> = {
  'https:': ['https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY'],
  'http:': ['http_proxy', 'HTTP_PROXY', 'all_proxy', 'ALL_PROXY'],
};

export interface NamedProxy {
  readonly url: URL;
  /** Of the environment, which names it. */
  readonly variable: string;
}

/**
 * The proxy that the environment names for an address, much as curl takes it: `HTTPS_PROXY`, `HTTP_PROXY` or
 * `ALL_PROXY` in either case, and `NO_PROXY` with names (their subdomains, too), addresses, networks
 * (`10.0.0.0/8`), ports and `*`. Unlike curl, `HTTP_PROXY` counts in capitals (no CGI program is here whose
 * caller could set it), and this machine is never asked through a proxy.
 * @returns null where the address is asked itself.
 * @throws FailureError `fetch-failed` for a word that names no http proxy.
 */
export function proxyFor(url: URL, environment: NodeJS.ProcessEnv = process.env): NamedProxy | null {
  const variable = VARIABLES[url.protocol]?.find((name) => (environment[name] ?? '') !== '');
  if (variable === undefined || isLoopbackHost(url.hostname)) return null;
  const excepted = (environment.no_proxy || environment.NO_PROXY || '').toLowerCase().split(/[\s,]+/);
  if (excepted.some((entry) => entry !== '' && names(entry, url))) return null;
  const text = environment[variable] ?? '';
  try {
    const proxy = new URL(text.includes('://') ? text : `http://${text}`);
    decodeURIComponent(proxy.username + proxy.password);
    if (proxy.protocol === 'http:' || proxy.protocol === 'https:') return { url: proxy, variable };
  } catch {
    // Said below.
  }
  // The value may hold a password.
  throw failed(
    'fetch-failed',
    `${variable} of the environment names no proxy that speaks http`,
    `Write ${variable}=http://host:port, or except ${url.hostname} by NO_PROXY.`,
  );
}

/** @param entry of NO_PROXY, in lower case. */
function names(entry: string, url: URL): boolean {
  if (entry === '*') return true;
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const [network = '', bits] = entry.split('/');
  if (bits !== undefined) return inNetwork(host, network, Number(bits));
  // Of a bare IPv6 address no colon begins a port.
  const [, name = entry, port] = isIP(entry) === 6 ? [] : (/^(.*?)(?::(\d+))?$/.exec(entry) ?? []);
  const usual = url.protocol === 'http:' ? '80' : '443';
  if (port !== undefined && port !== (url.port === '' ? usual : url.port)) return false;
  const wanted = name.replace(/^\*?\.|^\[|\]$/g, '');
  return host === wanted || (isIP(host) === 0 && host.endsWith(`.${wanted}`));
}

function inNetwork(host: string, network: string, bits: number): boolean {
  const family = isIP(host);
  const most = family === 4 ? 32 : 128;
  if (family === 0 || isIP(network) !== family || !Number.isInteger(bits) || bits < 0 || bits > most)
    return false;
  const list = new BlockList();
  list.addSubnet(network, bits, family === 4 ? 'ipv4' : 'ipv6');
  return list.check(host, family === 4 ? 'ipv4' : 'ipv6');
}

/** A proxy that does not lead on: its own word, or its silence. */
export class ProxyRefusal extends Error {
  override readonly name = 'ProxyRefusal';
  /** Whether the same may be asked again: it is busy, or said nothing. */
  readonly mayPass: boolean;
  readonly hint: string;
  constructor(message: string, mayPass: boolean, hint: string) {
    super(message);
    this.mayPass = mayPass;
    this.hint = hint;
  }
}

const ASK = 'Ask whoever runs the proxy, or except the host by NO_PROXY of the environment.';

export interface Tunnelling {
  readonly signal: AbortSignal;
  /** A proxy that says nothing for so long is given up. */
  readonly stallSeconds: number;
  /** Authorities for the proxy, where it speaks TLS, and for whom it leads to. */
  readonly trust: Pick<ConnectionOptions, 'ca'>;
}

/**
 * Opens a connection to an `https:` address through a proxy (CONNECT, RFC 9110, section 9.3.6): the proxy
 * sees its host, and neither a path nor what comes.
 * @returns the TLS connection, on which the handshake is still to come.
 * @throws ProxyRefusal, or the error of the connection to the proxy.
 */
export async function tunnel(proxy: NamedProxy, url: URL, tunnelling: Tunnelling): Promise<tls.TLSSocket> {
  const { signal, stallSeconds, trust } = tunnelling;
  const timeout = 1000 * stallSeconds;
  const authority = `${url.hostname}:${url.port === '' ? 443 : url.port}`;
  const headers = { host: authority, 'user-agent': 'ridgepoint' };
  const request = requestTo(proxy.url, {
    method: 'CONNECT',
    path: authority,
    headers,
    signal,
    timeout,
    ...trust,
  });
  const socket = await new Promise<Socket>((resolve, reject) => {
    request.on('connect', ({ statusCode = 0 }, opened: Socket, head) => {
      if (head.length > 0) opened.unshift(head);
      if (statusCode >= 200 && statusCode < 300) return resolve(opened);
      opened.destroy();
      reject(refused(proxy, `a connection to ${url.host}`, statusCode));
    });
    request.on('timeout', () =>
      request.destroy(
        new ProxyRefusal(`the proxy ${proxy.url.host} sent nothing for ${stallSeconds} s`, true, ASK),
      ),
    );
    request.on('error', reject);
    request.end();
  });
  socket.setTimeout(0);
  const secure = tls.connect({
    socket,
    host: bare(url),
    servername: serverName(url),
    ALPNProtocols: ['http/1.1'],
    ...trust,
  });
  return secure.setTimeout(timeout);
}

/**
 * Asks a proxy for a plain `http:` address, which it fetches itself (RFC 9112, section 3.2.2): but for a name
 * and a password in it the address is named whole, and the proxy sees all that is sent.
 * @returns the answer of the other end, or of the proxy: but for 407 nothing tells them apart.
 * @throws ProxyRefusal, or the error of the connection.
 */
export async function askThrough(
  proxy: NamedProxy,
  url: URL,
  options: RequestOptions,
  body: Uint8Array,
): Promise<IncomingMessage> {
  const headers = { ...options.headers, host: url.host };
  const path = `${url.origin}${url.pathname}${url.search}`;
  const response = await answerOf(requestTo(proxy.url, { ...options, path, headers }), body);
  if (response.statusCode !== 407) return response;
  response.destroy();
  throw refused(proxy, `a request for ${url.host}`, 407);
}

/** Begins a request to the proxy itself. */
function requestTo(proxy: URL, options: RequestOptions & Pick<ConnectionOptions, 'ca'>): ClientRequest {
  return (proxy.protocol === 'https:' ? https : http).request({
    host: bare(proxy),
    ...(proxy.protocol === 'https:' && { servername: serverName(proxy) }),
    port: proxy.port === '' ? undefined : proxy.port,
    agent: false,
    ...options,
    headers: { ...options.headers, ...credentials(proxy) },
  });
}

function refused({ url, variable }: NamedProxy, asked: string, status: number): ProxyRefusal {
  const message = `the proxy ${url.host} answers ${status} to ${asked}`;
  const hint =
    status === 407
      ? `Write name and password into the variable: ${variable}=http://NAME:PASSWORD@host:port.`
      : ASK;
  return new ProxyRefusal(message, status === 408 || status === 429 || status >= 500, hint);
}

function credentials({ username, password }: URL): Record<string, string> {
  if (username === '' && password === '') return {};
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { 'proxy-authorization': `Basic ${Buffer.from(pair).toString('base64')}` };
}

/** No name of a server is an IP address (RFC 6066, section 3). */
function serverName(url: URL): string {
  return isIP(bare(url)) === 0 ? url.hostname : '';
}

/** Without the brackets of an IPv6 address. */
function bare({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, '');
}
