import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer, type Server as SecureServer } from 'node:https';
import type { Socket } from 'node:net';
import type { ServerSecurity, Tls } from '../security.js';

/** What one HTTP server takes at most. */
export interface HttpLimits {
  readonly urlCharacters: number;
  /** The line of the request and all its headers. */
  readonly headerBytes: number;
  readonly headers: number;
  /** From the first byte of a request to the last of its headers, and to its end. */
  readonly headerSeconds: number;
  readonly requestSeconds: number;
  readonly handshakeSeconds: number;
  /** A connection on which nothing moves, in either direction, while an answer is due or under way. */
  readonly stalledSeconds: number;
  /** A connection that waits for its next request. */
  readonly idleSeconds: number;
  /** How often slow requests are looked for. */
  readonly checkSeconds: number;
  readonly connections: number;
  /** Of one address; behind a proxy all readers share one. */
  readonly connectionsByAddress: number;
}

export const HTTP_LIMITS: HttpLimits = {
  urlCharacters: 2_048,
  headerBytes: 16 * 1024,
  headers: 100,
  headerSeconds: 10,
  requestSeconds: 15,
  handshakeSeconds: 10,
  stalledSeconds: 120,
  // More than the minute that Prometheus leaves between two scrapes.
  idleSeconds: 72,
  checkSeconds: 2,
  connections: 512,
  connectionsByAddress: 256,
};

/**
 * @returns a server of Node's that keeps these limits; what it refuses for them it answers with 408, 431 or
 *   not at all.
 */
export function limitedServer(
  listener: RequestListener,
  security: ServerSecurity,
  limits: HttpLimits,
  count: ConnectionCount,
): Server {
  const options = {
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headerSeconds * 1000,
    requestTimeout: limits.requestSeconds * 1000,
    keepAliveTimeout: limits.idleSeconds * 1000,
    connectionsCheckingInterval: limits.checkSeconds * 1000,
  };
  const server =
    security.kind === 'plaintext'
      ? createServer(options, listener)
      : createSecureServer({ ...options, ...tlsOptions(security, limits) }, listener);
  if (security.kind !== 'plaintext') renewed(server as SecureServer, security, limits);
  server.setTimeout(limits.stalledSeconds * 1000);
  // One more than is allowed, so that a request with too many is seen to have them.
  server.maxHeadersCount = limits.headers + 1;
  server.on('connection', (socket: Socket) => count.admit(socket));
  return server;
}

/** A certificate that was renewed is shown to whoever connects from then on. */
function renewed(server: SecureServer, security: Tls, limits: HttpLimits): void {
  const end = security.onRenewed?.(() => server.setSecureContext(tlsOptions(security, limits)));
  if (end !== undefined) server.once('close', end);
}

function tlsOptions(security: Tls, limits: HttpLimits) {
  const { key, certificate: cert } = security;
  const client =
    security.kind === 'mutual-tls' ? { ca: security.ca, requestCert: true, rejectUnauthorized: true } : {};
  const handshakeTimeout = limits.handshakeSeconds * 1000;
  return { key, cert, minVersion: 'TLSv1.2' as const, handshakeTimeout, ...client };
}

/**
 * Counts open connections, all and by address, and cuts those beyond the limits before anything of them is
 * read.
 */
export class ConnectionCount {
  readonly #limits: Pick<HttpLimits, 'connections' | 'connectionsByAddress'>;
  readonly #open = new Map<string, number>();
  #all = 0;

  constructor(limits: Pick<HttpLimits, 'connections' | 'connectionsByAddress'>) {
    this.#limits = limits;
  }

  admit(socket: Socket): void {
    const address = socket.remoteAddress ?? '';
    const own = this.#open.get(address) ?? 0;
    if (this.#all >= this.#limits.connections || own >= this.#limits.connectionsByAddress) {
      socket.destroy();
      return;
    }
    this.#all += 1;
    this.#open.set(address, own + 1);
    socket.once('close', () => {
      this.#all -= 1;
      const left = (this.#open.get(address) ?? 1) - 1;
      if (left === 0) this.#open.delete(address);
      else this.#open.set(address, left);
    });
  }
}
