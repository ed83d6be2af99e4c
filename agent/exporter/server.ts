import fastify, { type FastifyInstance } from 'fastify';
import type { Family } from '../../core/metrics/families.js';
import { PLAIN_TEXT, plainText } from '../../core/metrics/text.js';
import { bindError } from '../../proto/bind-error.js';
import { joinAddress } from '../../proto/loopback.js';

export interface RunningExporter {
  /** `http://host:port` with the port that was really taken. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Serves `/metrics` (Prometheus text), `/healthz` (the process answers) and `/readyz` (a coordinator does).
 * @throws WireError when the address cannot be listened on.
 */
export async function startExporter(
  metrics: () => readonly Family[],
  connected: () => boolean,
  at: { readonly host: string; readonly port: number },
): Promise<RunningExporter> {
  const app: FastifyInstance = fastify({ logger: false });
  app.get('/metrics', async (_request, reply) => {
    await reply.type(PLAIN_TEXT).send(plainText(metrics()));
  });
  app.get('/healthz', async () => ({ status: 'ok' }));
  app.get('/readyz', async (_request, reply) => {
    if (connected()) return { status: 'ready' };
    return reply.code(503).send({ status: 'not ready', reason: 'no coordinator answers' });
  });
  try {
    const url = await app.listen({ host: at.host, port: at.port });
    return { url, close: () => app.close() };
  } catch (error) {
    await app.close();
    throw bindError(joinAddress(at.host, at.port), error as Error);
  }
}
