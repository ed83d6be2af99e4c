import type { Family } from '../../core/metrics/families.js';
import { PLAIN_TEXT, plainText } from '../../core/metrics/text.js';
import { type HttpServer, openHttp } from '../../proto/http/server.js';
import { joinAddress } from '../../proto/loopback.js';

/**
 * Prometheus and probes show no token: who reaches the address may read (docs/security.md says where that
 * is).
 */
const OPEN = { config: { access: 'public' } } as const;

/**
 * Serves `/metrics` (Prometheus text), `/healthz` (the process answers) and `/readyz` (a coordinator does).
 * @throws WireError when the address cannot be listened on.
 */
export async function startExporter(
  metrics: () => readonly Family[],
  connected: () => boolean,
  at: { readonly host: string; readonly port: number },
): Promise<HttpServer> {
  const { app, listen } = openHttp(joinAddress(at.host, at.port), { kind: 'plaintext' });
  app.get('/metrics', OPEN, async (_request, reply) => {
    await reply.type(PLAIN_TEXT).send(plainText(metrics()));
  });
  app.get('/healthz', OPEN, async () => ({ status: 'ok' }));
  app.get('/readyz', OPEN, async (_request, reply) => {
    if (connected()) return { status: 'ready' };
    return reply.code(503).send({ status: 'not ready', reason: 'no coordinator answers' });
  });
  return await listen();
}
