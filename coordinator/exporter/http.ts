import { type HttpServer, openHttp } from '../../proto/http/server.js';

export interface HttpRoutes {
  readonly metrics: (accept: string) => Promise<{ contentType: string; body: string }>;
  /** null = ready; else one sentence that says what it waits for. */
  readonly notReady: () => string | null;
  /** null = it leads, and is ready; else one sentence. */
  readonly notLeading: () => string | null;
  /** What it says when it is ready: `ok`, and whether it stands by. */
  readonly standing: () => string;
}

/**
 * Prometheus and probes show no token: who reaches the address may read (docs/security.md says where that
 * is).
 */
const OPEN = { config: { access: 'public' } } as const;

/**
 * `/metrics`, `/healthz` (the process lives), `/readyz` (it answers: a standby does) and `/leadz` (it is the
 * one that leads) on one address; port 0 takes a free one.
 */
export async function serveHttp(address: string, routes: HttpRoutes): Promise<HttpServer> {
  const { app, listen } = openHttp(address, { kind: 'plaintext' });
  app.get('/metrics', OPEN, async (request, reply) => {
    const { contentType, body } = await routes.metrics(request.headers.accept ?? '');
    return reply.header('content-type', contentType).header('vary', 'accept').send(body);
  });
  app.get('/healthz', OPEN, async (_request, reply) => reply.type('text/plain').send('ok\n'));
  for (const [path, why] of [
    ['/readyz', routes.notReady],
    ['/leadz', routes.notLeading],
  ] as const) {
    app.get(path, OPEN, async (_request, reply) => {
      const reason = why();
      return reply
        .code(reason === null ? 200 : 503)
        .type('text/plain')
        .send(`${reason ?? routes.standing()}\n`);
    });
  }
  return await listen();
}
