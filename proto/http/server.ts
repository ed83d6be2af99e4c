import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { bindError } from '../bind-error.js';
import { WireError } from '../errors.js';
import { isLoopback, joinAddress, splitAddress } from '../loopback.js';
import type { ServerSecurity } from '../security.js';
import { type Guarded, guard, notFound } from './auth.js';
import { ConnectionCount, HTTP_LIMITS, limitedServer } from './limits.js';

export type HttpApp = FastifyInstance;
export type HttpReply = FastifyReply;
export type HttpRequest = FastifyRequest;

export interface HttpServer {
  /** `http://host:port` or `https://…`, with the port that was really taken. */
  readonly url: string;
  close(): Promise<void>;
}

export interface OpenHttp {
  /**
   * Takes routes until it listens. Each says in its config who may have it: `{ config: { access: 'read' } }`.
   */
  readonly app: HttpApp;
  /** @throws WireError with one sentence when the address cannot be listened on. */
  listen(): Promise<HttpServer>;
}

/** Longer than any id of ours. */
const LONGEST_ID = 200;

/**
 * Every HTTP server of Ridgepoint is made here, so that all have the same door (`guard`) and the same limits.
 * Plain HTTP on loopback answers under the names of this machine alone; elsewhere whoever listens in plain
 * text has chosen to.
 * @param address `host:port`; port 0 takes a free one.
 * @throws WireError `refused` for what is no address.
 */
export function openHttp(
  address: string,
  security: ServerSecurity,
  { limits = HTTP_LIMITS, ...watching }: Partial<Guarded> = {},
): OpenHttp {
  const where = splitAddress(address);
  if (where === null) throw new WireError('refused', `"${address}" is no address: write host:port.`);
  const app = fastify({
    logger: false,
    routerOptions: { maxParamLength: LONGEST_ID },
    // What cannot be read as a path, or is longer than any of ours, is no path of ours.
    frameworkErrors: (_error, _request, reply) => notFound(reply),
  });
  const ownNamesOnly = security.kind === 'plaintext' && isLoopback(address);
  guard(app, { ...watching, security, ownNamesOnly, limits });
  const count = new ConnectionCount(limits);
  const make = (): Server =>
    limitedServer((request, response) => app.routing(request, response), security, limits, count).on(
      'tlsClientError',
      ({ message }: Error, { remoteAddress: from = '' }: Partial<Socket>) =>
        watching.onRefused?.({ who: null, from, code: 'tls', message, where: 'HTTPS' }),
    );
  return {
    app,
    async listen() {
      await app.ready();
      const servers: Server[] = [];
      const close = async (): Promise<void> => {
        const closed = servers.map((server) => once(server.close(), 'close'));
        await app.close();
        for (const server of servers) server.closeAllConnections();
        await Promise.all(closed);
      };
      try {
        const [first = where.host, ...others] = await addressesOf(where.host);
        const main = await listenOn(make(), first, where.port);
        servers.push(main);
        const { port } = main.address() as AddressInfo;
        // A name of two addresses (localhost) is listened on at both, where the second one is free.
        for (const host of others) {
          const server = await listenOn(make(), host, port).catch(() => null);
          if (server !== null) servers.push(server);
        }
        const scheme = security.kind === 'plaintext' ? 'http' : 'https';
        return { url: `${scheme}://${joinAddress(where.host, port)}`, close };
      } catch (error) {
        await close();
        throw bindError(address, error as Error);
      }
    },
  };
}

async function addressesOf(host: string): Promise<string[]> {
  if (host !== 'localhost') return [host];
  return [...new Set((await lookup(host, { all: true })).map(({ address }) => address))];
}

async function listenOn(server: Server, host: string, port: number): Promise<Server> {
  server.listen({ host, port });
  await once(server, 'listening');
  return server;
}
