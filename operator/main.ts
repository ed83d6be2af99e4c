import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { pino } from 'pino';
import { isText, textLog } from '../core/log-text.js';
import { type HttpServer, openHttp } from '../proto/http/server.js';
import { type Around, Controller } from './controller.js';
import type { Access } from './kubernetes/access.js';
import { KubeClient } from './kubernetes/client.js';
import { Leadership } from './kubernetes/leadership.js';
import { type OperatorSettings, securityIn } from './settings.js';
import { serveWebhook } from './webhook/server.js';

export interface RunningOperator {
  /** Ends what was begun, lets another operator lead, and leaves. */
  stop(): Promise<void>;
  readonly done: Promise<void>;
}

const OPEN = { config: { access: 'public' } } as const;

/**
 * Starts an operator: it waits until it leads, and looks after Sweeps while it does. Nothing is lost wherever
 * it is stopped.
 * @param around tests put themselves around each step.
 * @throws WireError where its credentials cannot be read, or an address is taken; FailureError where the
 *   webhook's certificate cannot be read.
 */
export async function startOperator(
  settings: OperatorSettings,
  access: Access,
  around?: Around,
): Promise<RunningOperator> {
  const text = isText(settings.logFormat, process.stderr);
  const logger = pino(
    { name: 'operator', level: settings.logLevel },
    text ? textLog(process.stderr) : pino.destination(2),
  );
  securityIn(settings.credentialsFolder);
  const client = new KubeClient(access);
  const over = new AbortController();
  const leadership = new Leadership(client, {
    namespace: settings.lease.namespace ?? access.namespace,
    name: settings.lease.name,
    leaseSeconds: settings.lease.seconds,
    identity: `${hostname()}-${randomUUID().slice(0, 8)}`,
  });
  let asked = false;
  const servers = await openServers(
    settings,
    () => asked,
    (sentence) => logger.warn(sentence),
  );
  const work = async () => {
    while (!over.signal.aborted) {
      asked = true;
      const lost = await leadership.lead(over.signal, (sentence) => logger.warn(sentence));
      if (lost === null) break;
      logger.info('this operator leads');
      const log = (level: 'info' | 'warn' | 'debug', sentence: string) => logger[level](sentence);
      const ends = AbortSignal.any([over.signal, lost]);
      await new Controller({ client, settings, log, around }).run(ends);
      if (!over.signal.aborted) logger.warn('another operator leads now');
    }
    await leadership.release();
    await Promise.all(servers.map((server) => server.close()));
    client.close();
  };
  const done = work();
  return {
    stop() {
      over.abort();
      return done;
    },
    done,
  };
}

/** Whoever is ready answers reviews, too. @throws where one cannot be opened; then none is. */
async function openServers(
  { webhook, healthAddress }: OperatorSettings,
  ready: () => boolean,
  tell: (sentence: string) => void,
): Promise<readonly HttpServer[]> {
  const servers: HttpServer[] = [];
  try {
    if (webhook !== null) servers.push(await serveWebhook(webhook, tell));
    if (healthAddress !== null) servers.push(await serveHealth(healthAddress, ready));
    return servers;
  } catch (error) {
    await Promise.all(servers.map((server) => server.close()));
    throw error;
  }
}

async function serveHealth(address: string, ready: () => boolean): Promise<HttpServer> {
  const { app, listen } = openHttp(address, { kind: 'plaintext' });
  app.get('/healthz', OPEN, async () => ({ status: 'ok' }));
  app.get('/readyz', OPEN, async (_request, reply) => {
    if (ready()) return { status: 'ready' };
    return reply.code(503).send({ status: 'not ready', reason: 'it has just begun' });
  });
  return await listen();
}
