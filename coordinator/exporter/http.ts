import { type HttpServer, openHttp } from '../../proto/http/server.js';

export interface HttpRoutes {
  readonly metrics: (accept: string) => Promise<{ contentType: string; body: string }>;
  /** null = ready; else one sentence that says what it waits for. */
  readonly notReady: () => string | null;
}

/** Prometheus and probes show no token: who reaches the address may read (docs/security.md says where that is). */
const OPEN = { config: { access: 'public' } } as const;

/** `/metrics`, `/healthz` (the process lives) and `/readyz` (it takes work) on one address; port 0 takes a free one. */
export async function serveHttp(address: string, routes: HttpRoutes): Promise<HttpServer> {
  const { app, listen } = openHttp(address, { kind: 'plaintext' });
  app.get('/metrics', OPEN, async (request, reply) => {
    const { contentType, body } = await routes.metrics(request.headers.accept ?? '');
    return reply.header('content-type', contentType).header('vary', 'accept').send(body);
  });
  app.get('/healthz', OPEN, async (_request, reply) => reply.type('text/plain').send('ok\n'));
  app.get('/readyz', OPEN, async (_request, reply) => {
    const reason = routes.notReady();
    return reply
      .code(reason === null ? 200 : 503)
      .type('text/plain')
      .send(reason === null ? 'ok\n' : `${reason}\n`);
  });
  return await listen();
}
