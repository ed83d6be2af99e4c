import fastify from 'fastify';
import { bindError } from '../../proto/bind-error.js';
import { WireError } from '../../proto/errors.js';
import { joinAddress, splitAddress } from '../../proto/loopback.js';

export interface HttpRoutes {
  readonly metrics: (accept: string) => Promise<{ contentType: string; body: string | Uint8Array }>;
  /** null = ready; else one sentence that says what it waits for. */
  readonly notReady: () => string | null;
}

export interface HttpServer {
  /** `http://host:port`, with the port that was really taken. */
  readonly url: string;
  close(): Promise<void>;
}

/** `/metrics`, `/healthz` (the process lives) and `/readyz` (it takes work) on one address; port 0 takes a free one. */
export async function serveHttp(address: string, routes: HttpRoutes): Promise<HttpServer> {
  const where = splitAddress(address);
  if (where === null) throw new WireError('refused', `"${address}" is no address: write host:port.`);
  const app = fastify({ logger: false, forceCloseConnections: true });
  app.get('/metrics', async (request, reply) => {
    const { contentType, body } = await routes.metrics(request.headers.accept ?? '');
    return reply
      .header('content-type', contentType)
      .header('vary', 'accept')
      .send(typeof body === 'string' ? body : Buffer.from(body));
  });
  app.get('/healthz', async (_request, reply) => reply.type('text/plain').send('ok\n'));
  app.get('/readyz', async (_request, reply) => {
    const reason = routes.notReady();
    return reply
      .code(reason === null ? 200 : 503)
      .type('text/plain')
      .send(reason === null ? 'ok\n' : `${reason}\n`);
  });
  try {
    await app.listen({ host: where.host, port: where.port });
  } catch (error) {
    await app.close();
    throw bindError(address, error as Error);
  }
  const bound = app.server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : where.port;
  return { url: `http://${joinAddress(where.host, port)}`, close: () => app.close() };
}
