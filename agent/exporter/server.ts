import fastify, { type FastifyInstance } from 'fastify';
import { bindError } from '../../proto/bind-error.js';
import { joinAddress } from '../../proto/loopback.js';
import { type AgentState, agentMetrics } from './metrics.js';

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
  state: AgentState,
  at: { readonly host: string; readonly port: number },
): Promise<RunningExporter> {
  const metrics = agentMetrics(state);
  const app: FastifyInstance = fastify({ logger: false });
  app.get('/metrics', async (_request, reply) => {
    await reply.type(metrics.contentType).send(await metrics.text());
  });
  app.get('/healthz', async () => ({ status: 'ok' }));
  app.get('/readyz', async (_request, reply) => {
    if (state.connected()) return { status: 'ready' };
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
