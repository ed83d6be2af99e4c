import { dirname, join } from 'node:path';
import type { Server } from '@grpc/grpc-js';
import { failed } from '../core/errors.js';
import { PACKAGE_ROOT, VERSION } from '../process/package.js';
import { ArtifactServiceService } from '../proto/gen/ridgepoint/v1/artifacts.js';
import { BodyServiceService } from '../proto/gen/ridgepoint/v1/bodies.js';
import { ControlServiceService } from '../proto/gen/ridgepoint/v1/control.js';
import { HealthReader, NOTHING_WAITS } from '../proto/health.js';
import type { HttpServer } from '../proto/http/server.js';
import { ProxyIdentity } from '../proto/http/trusted-proxy.js';
import { CallRates } from '../proto/rate-limit.js';
import { readable } from '../proto/readable.js';
import type { Refusal } from '../proto/refusals.js';
import type { ServerSecurity } from '../proto/security.js';
import { Handlers, makeServer } from '../proto/server.js';
import { LimitedAgentService } from '../proto/session-limits.js';
import { agentService } from './api/agents.js';
import { artifactService } from './api/artifacts.js';
import { bodyService } from './api/bodies.js';
import { type ControlApi, controlService } from './api/control.js';
import type { ResolvedConfig } from './config.js';
import type { Dispatcher } from './dispatcher.js';
import type { Leadership } from './leadership.js';
import { type Opened, type Parts, sentenceOf } from './parts.js';
import type { WebParts } from './web/http.js';

/** Where it is asked. */
export interface Served {
  readonly grpcAddress: string;
  readonly metricsUrl: string | null;
  readonly webUrl: string | null;
  /** Says no more that it is ready. */
  leave(): void;
}

/**
 * Its fleet is complete, and nobody else knows where it listens: tools that ask for health and reflection
 * take a fifth of a second to load.
 */
const isAlone = ({ fixedFleet, grpcAddress }: ResolvedConfig) => fixedFleet && grpcAddress.endsWith(':0');

/** What is served over gRPC, where a message that cannot be read is an error of whoever sent it. */
function addServices(
  server: Server,
  parts: Parts & Pick<ControlApi, 'ownAddress' | 'health'>,
  { heartbeatSeconds, leaseSeconds }: ResolvedConfig,
  security: ServerSecurity,
): void {
  const handlers = new Handlers(security);
  const keepsBodies = parts.bodies !== null;
  server.addService(
    LimitedAgentService,
    agentService({ ...parts, heartbeatSeconds, leaseSeconds, keepsBodies }, handlers),
  );
  server.addService(readable(BodyServiceService), bodyService(parts, handlers));
  server.addService(readable(ArtifactServiceService), artifactService(parts, handlers));
  server.addService(readable(ControlServiceService), controlService(parts, handlers));
}

/** Serves agents, tools, browsers and Prometheus. */
export async function serve(
  { baselines, ...parts }: Parts & Pick<WebParts, 'baselines'>,
  resolved: ResolvedConfig,
  security: ServerSecurity,
  opened: Opened,
): Promise<Served> {
  const { logEvents, exporter, dispatcher, audit } = parts;
  const { callsPerSecond: perSecond, callsAtOnce: burst } = resolved.limits;
  const rates = new CallRates({ perSecond, burst });
  const watching = { rates, onRefused: (refusal: Refusal) => audit.refused(refusal) };
  const { server, listen } = makeServer(security, resolved.limits, watching);
  let address = resolved.advertise ?? resolved.grpcAddress;
  const ownAddress = () => address;
  const own = { ownAddress, health: healthOf(resolved, security) };
  addServices(server, { ...parts, ...own }, resolved, security);
  const health = isAlone(resolved)
    ? null
    : (await import('../proto/reflection.js')).addStandardServices(server, join(PACKAGE_ROOT, 'proto'));
  const grpc = await listen(resolved.grpcAddress);
  address = resolved.advertise ?? grpc.address;
  opened.closedBy(() => grpc.close(1));

  const opening = async (http: Promise<HttpServer>): Promise<string> => {
    const { url, close } = await http;
    opened.closedBy(() => close());
    return url;
  };
  const notReady = () => reasonNotReady(dispatcher);
  const notLeading = () =>
    notReady() ?? (dispatcher.leadership.leads ? null : dispatcher.leadership.sentence);
  const standing = () =>
    dispatcher.leadership.leads ? 'ok' : `ok, stands by: ${dispatcher.leadership.sentence}`;
  const { metricsAddress, webAddress, webWrites: writes, otherWebUrls } = resolved;
  const metrics = (accept: string) => exporter.expose(accept);
  const metricsUrl =
    metricsAddress === null
      ? null
      : await opening(
          (await import('./exporter/http.js')).serveHttp(metricsAddress, {
            metrics,
            notReady,
            notLeading,
            standing,
          }),
        );
  const { webProxy } = resolved;
  const proxy = webProxy === null ? {} : { proxy: proxyOf(webProxy) };
  const web = {
    ...parts,
    ...watching,
    ...proxy,
    baselines,
    ...own,
    otherWebUrls,
    security,
    version: VERSION,
    writes,
  };
  const webUrl =
    webAddress === null ? null : await opening((await import('./web/http.js')).serveWeb(webAddress, web));

  const setHealth = (): void => health?.setServing(notReady() === null, dispatcher.leadership.leads);
  logEvents.on('failed', setHealth);
  logEvents.on('recovered', setHealth);
  follow(dispatcher.leadership, setHealth, opened);
  setHealth();
  return {
    grpcAddress: grpc.address,
    metricsUrl: metricsUrl === null ? null : `${metricsUrl}/metrics`,
    webUrl,
    leave: () => health?.setServing(false, false),
  };
}

/** @returns what this coordinator says of itself; of a log elsewhere, its server looks after the disk. */
function healthOf({ log, bodies, artifacts }: ResolvedConfig, security: ServerSecurity) {
  const reader = new HealthReader({
    version: VERSION,
    folders: [
      ...(log.kind === 'sqlite' ? [dirname(log.path)] : []),
      ...(bodies?.kind === 'folder' ? [bodies.path] : []),
      ...(artifacts === null ? [] : [artifacts.path]),
    ],
    certificate: () => (security.kind === 'plaintext' ? null : security.certificate),
    waiting: () => NOTHING_WAITS,
  });
  return async () => {
    await reader.askDisks();
    return reader.read();
  };
}

/** @returns why nothing should be asked of a coordinator now; null = it is ready. */
function reasonNotReady({ state, leadership, logHealth }: Dispatcher): string | null {
  if (state.draining) return 'the coordinator is stopping';
  const failure = leadership.storeAway ?? logHealth.failure;
  return failure === null ? null : `the log takes nothing: ${sentenceOf(failure)}`;
}

/** @throws FailureError for an address that is none. */
function proxyOf(settings: NonNullable<ResolvedConfig['webProxy']>): ProxyIdentity {
  try {
    return new ProxyIdentity(settings);
  } catch (error) {
    throw failed('internal', `webProxy.addresses: ${(error as Error).message}.`);
  }
}

/** Calls back at each change of who leads, until it is closed. */
function follow({ changes }: Leadership, changed: () => void, opened: Opened): void {
  const over = new AbortController();
  opened.closedBy(async () => over.abort());
  void (async () => {
    while (!over.signal.aborted) {
      await changes.wait(over.signal);
      changed();
    }
  })();
}
