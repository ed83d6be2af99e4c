import fastify, { type FastifyInstance } from 'fastify';
import { type AgentState, agentMetrics } from './metrics.js';

export interface RunningExporter {
  /** `http://host:port` with the port that was really taken. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Serves `/metrics` (Prometheus text), `/healthz` (the process answers) and `/readyz` (a coordinator does).
 * Throws an Error whose message is one sentence when the port cannot be taken.
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
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'EADDRINUSE' ? 'another process has the port' : message;
    throw new Error(
      `the agent’s metrics cannot be served on ${at.host}:${at.port}: ${why}; choose another exporter.port`,
    );
  }
}
