import { randomBytes } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Server } from '@grpc/grpc-js';
import { type Logger, pino } from 'pino';
import { type Failure, FailureError, failed, toFailure } from '../core/errors.js';
import { isText, textLog } from '../core/log-text.js';
import type { Family } from '../core/metrics/families.js';
import { VERSION } from '../process/package.js';
import { ArtifactServiceService } from '../proto/gen/ridgepoint/v1/artifacts.js';
import { BodyServiceService } from '../proto/gen/ridgepoint/v1/bodies.js';
import { ControlServiceService } from '../proto/gen/ridgepoint/v1/control.js';
import type { HttpServer } from '../proto/http/server.js';
import { ProxyIdentity } from '../proto/http/trusted-proxy.js';
import { CallRates } from '../proto/rate-limit.js';
import { readable } from '../proto/readable.js';
import type { Refusal } from '../proto/refusals.js';
import type { ServerSecurity } from '../proto/security.js';
import { Handlers, makeServer } from '../proto/server.js';
import { LimitedAgentService } from '../proto/session-limits.js';
import { agentService, pushMessage } from './api/agents.js';
import { artifactService } from './api/artifacts.js';
import { bodyService } from './api/bodies.js';
import { type ControlApi, controlService } from './api/control.js';
import { Shelf } from './artifacts/shelf.js';
import { Audit } from './audit.js';
import { withBodies } from './bodies/log-with-bodies.js';
import { type KeptBodies, openBodies } from './bodies/open.js';
import { BodyUsage } from './bodies/usage.js';
import { type Clock, systemClock, type Timer } from './clock.js';
import { type CoordinatorConfig, type ResolvedConfig, resolveConfig } from './config.js';
import { Dispatcher } from './dispatcher.js';
import { Exporter } from './exporter/exporter.js';
import { type Pushed, Pusher } from './exporter/push/pusher.js';
import type { Leadership } from './leadership.js';
import type { Leader } from './log/leadership.js';
import type { Durability, Log } from './log/log.js';
import { openWhenThere } from './log/open-when-there.js';
import { Registry } from './registry/registry.js';
import { namespaceOf, policyOf } from './scheduler/namespaces.js';
import { type SweepStatus, sweepStatus } from './scheduler/status.js';
import { watchSecurity } from './secrets.js';
import { seekLeadership } from './seek.js';
import { SweepReader } from './sweep-reader.js';
import type { WebParts } from './web/http.js';

export interface CoordinatorStatus {
  readonly sweeps: readonly SweepStatus[];
  readonly nodesConnected: number;
  readonly trialsRunning: number;
  /** Entries of the log. */
  readonly entries: number;
  readonly draining: boolean;
}

export interface RunningCoordinator {
  /** `host:port` with the port that was really taken. */
  readonly grpcAddress: string;
  /** `http://host:port/metrics`; null = not served. */
  readonly metricsUrl: string | null;
  /** `http://host:port` or `https://…` of the live web view; null = not served. */
  readonly webUrl: string | null;
  /** Everything /metrics would show now. */
  families(): Promise<Family[]>;
  /** The same, and what OpenTelemetry has names of its own for. */
  pushed(): Promise<Pick<Pushed, 'families' | 'genAi'>>;
  status(): CoordinatorStatus;
  /** Resolves when the log could not be written for the first time; a cluster goes on trying, a run ends. */
  readonly logFailed: Promise<FailureError>;
  /** Who leads the log, and where that one is reached: this one, or another. */
  leader(): Leader | null;
  /** Leases no more, notifies the agents, waits for running trials up to `drainSeconds`, then closes the log. */
  stop(reason: string): Promise<void>;
}

/** How often leases and silent nodes are looked at; oftener when leases are short. */
const TICK_SECONDS = 1;
/** How often a standby looks for what was written, so that its readers are not far behind. */
const FOLLOW_SECONDS = 0.25;

/**
 * Starts a coordinator: the log first, so that nothing is served before the past is known.
 * @param baselines results that were saved by name, for the charts of the web view.
 * @throws FailureError or WireError with one sentence: bad configuration, log in use, port in use, …
 */
export async function startCoordinator(
  config: CoordinatorConfig,
  baselines: WebParts['baselines'] = () => [],
): Promise<RunningCoordinator> {
  const resolved = resolveConfig(config);
  const logger = logOf(resolved);
  const { security, close } = await watchSecurity(resolved.security, resolved.renewSeconds, (sentence) =>
    logger.warn(sentence),
  );
  const opened = new Opened();
  opened.closedBy(async () => close());
  try {
    const parts = await openParts(resolved, logger, opened);
    const served = await serve({ ...parts, baselines }, resolved, security, opened);
    pushMetrics(parts, resolved, opened);
    keepTime(parts, resolved, opened);
    await lead(parts, resolved, served, opened);
    const { dispatcher } = parts;
    const standing = dispatcher.leadership.leads ? '' : `, a standby: ${dispatcher.leadership.sentence}`;
    parts.inform(`coordinator ready on ${served.grpcAddress}, ${dispatcher.position} log entries${standing}`);
    return running(parts, served, resolved, opened);
  } catch (error) {
    await opened.close();
    throw error;
  }
}

/** What was opened, and is closed in the other order; a close that fails does not keep the others open. */
class Opened {
  readonly #closers: (() => Promise<void>)[] = [];

  closedBy(close: () => Promise<void>): void {
    this.#closers.unshift(close);
  }

  async close(): Promise<void> {
    for (const close of this.#closers) await close().catch(() => undefined);
  }
}

/** What a coordinator is made of, before anybody is served. */
interface Parts {
  readonly log: Log;
  readonly durability: Durability;
  readonly bodies: KeptBodies | null;
  readonly usage: BodyUsage | null;
  readonly shelf: Shelf | null;
  readonly logger: Logger;
  readonly clock: Clock & Timer;
  readonly registry: Registry;
  readonly exporter: Exporter;
  readonly dispatcher: Dispatcher;
  /** The log refuses to be written (`failed`), or takes entries again (`recovered`). */
  readonly logEvents: EventEmitter<LogEvents>;
  readonly logFailed: Promise<FailureError>;
  readonly audit: Audit;
  readonly inform: (sentence: string) => void;
}

interface LogEvents {
  readonly failed: [Failure];
  readonly recovered: [];
}

function logOf({ logFormat, logLevel: level }: ResolvedConfig): Logger {
  const text = isText(logFormat, process.stderr);
  return pino(
    { level, base: null },
    text ? textLog(process.stderr) : pino.destination({ fd: 2, sync: true }),
  );
}

async function openParts(resolved: ResolvedConfig, logger: Logger, opened: Opened): Promise<Parts> {
  const clock = systemClock;
  const audit = openAudit(resolved, clock, logger, opened);
  const bodies = await openBodies(resolved.bodies);
  const warn = (sentence: string): void => logger.warn(sentence);
  const stored = await openWhenThere(resolved, {
    now: clock.now,
    said: warn,
    answer: (why) => answerUnready(resolved, why),
  });
  opened.closedBy(() => stored.close());
  const log = withBodies(stored, { bodies, rawBytes: rawBytesOf(resolved), warn });
  const shelf = resolved.artifacts === null ? null : await Shelf.open(resolved.artifacts, clock.now);
  const durability = await log.durability();
  const asked = durability.level === 'synced' || resolved.log.kind === 'memory';
  logger[asked ? 'info' : 'warn'](durability.sentence);
  const logEvents = new EventEmitter<LogEvents>();
  const logFailed = new Promise<FailureError>((resolve) => {
    logEvents.once('failed', (reason) => resolve(new FailureError(reason)));
  });
  const registry = new Registry();
  const exporter = new Exporter({ ...resolved.exporter, version: VERSION }, clock, registry);
  const { leaseSeconds, lostSeconds, forgetSeconds, fixedFleet, namespaces } = resolved;
  const { waitForNodesSeconds: waitSeconds } = resolved;
  const incarnation = `${randomBytes(4).toString('hex')}-`;
  const dispatcher = await Dispatcher.open({
    log,
    clock,
    sweeps: new SweepReader(),
    options: { leaseSeconds, lostSeconds, forgetSeconds, waitSeconds, fixedFleet, namespaces, incarnation },
    push: (command) => registry.session(command.node)?.push(pushMessage(command)),
    recorded: (record) => {
      exporter.record(record);
      void usage?.count(record).catch((error: Error) => warn(error.message));
    },
    replayed: (head, position) => exporter.replayed(head, position),
    shown: () => exporter.shown(),
    followed: (_head, position) => void exporter.followed(log, position),
    appended: (seconds) => exporter.appended(seconds),
    logFailed: (reason) => {
      logger.error(`the log takes nothing: ${sentenceOf(reason)}`);
      logEvents.emit('failed', reason);
    },
    logRecovered: (seconds, refused) => {
      const outage = `after ${seconds.toFixed(0)} s and ${refused} that it refused`;
      logger.warn(`the log takes entries again, ${outage}`);
      logEvents.emit('recovered');
    },
    warn,
  });
  const usage = bodies === null ? null : usageOf(bodies, dispatcher);
  opened.closedBy(() => dispatcher.close());
  exporter.follow(dispatcher);
  await exporter.restore(log);
  const leaving = new AbortController();
  opened.closedBy(async () => leaving.abort());
  exporter.restoreBest(log, leaving.signal).catch((error: unknown) => {
    if (!leaving.signal.aborted) logger.warn(`older results are not exported: ${(error as Error).message}`);
  });
  if (Object.values(namespaces).some(({ bodyBytes }) => bodyBytes !== null))
    usage
      ?.restore(log, leaving.signal)
      .catch((error: Error) => warn(`older answers are not counted: ${error.message}`));
  const inform = (sentence: string): void => logger.info(sentence);
  return {
    log,
    durability,
    bodies,
    usage,
    shelf,
    logger,
    clock,
    registry,
    exporter,
    dispatcher,
    logEvents,
    logFailed,
    audit,
    inform,
  };
}

function usageOf({ store }: KeptBodies, { state }: Dispatcher): BodyUsage {
  return new BodyUsage(
    store,
    (sweepId) => namespaceOf(state, sweepId),
    (namespace) => policyOf(state.options, namespace).bodyBytes,
  );
}

/** Other coordinators on the log have no part in a folder of this one: there raw samples stay in the log. */
function rawBytesOf({ bodies, log }: ResolvedConfig): number | null {
  const alone = log.kind === 'sqlite' || log.kind === 'memory';
  return bodies === null || (bodies.kind === 'folder' && !alone) ? null : bodies.rawBytes;
}

/** Where it is asked. */
interface Served {
  readonly grpcAddress: string;
  readonly metricsUrl: string | null;
  readonly webUrl: string | null;
  /** Says no more that it is ready. */
  leave(): void;
}

/** Its fleet is complete, and nobody else knows where it listens: tools that ask for health and reflection take a fifth of a second to load. */
const isAlone = ({ fixedFleet, grpcAddress }: ResolvedConfig) => fixedFleet && grpcAddress.endsWith(':0');

/** What is served over gRPC, where a message that cannot be read is an error of whoever sent it. */
function addServices(
  server: Server,
  parts: Parts & Pick<ControlApi, 'ownAddress'>,
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

async function serve(
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
  addServices(server, { ...parts, ownAddress }, resolved, security);
  const health = isAlone(resolved)
    ? null
    : (await import('../proto/reflection.js')).addStandardServices(server);
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
    ownAddress,
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

/** Health of a coordinator whose log is not there: it lives, and is not ready. */
async function answerUnready(
  { metricsAddress }: ResolvedConfig,
  why: () => string,
): Promise<HttpServer | null> {
  if (metricsAddress === null) return null;
  const { serveHttp } = await import('./exporter/http.js');
  const metrics = async () => ({ contentType: 'text/plain; version=0.0.4', body: '' });
  return await serveHttp(metricsAddress, { metrics, notReady: why, notLeading: why, standing: why });
}

/** @returns why nothing should be asked of a coordinator now; null = it is ready. */
function reasonNotReady({ state, leadership, logHealth }: Dispatcher): string | null {
  if (state.draining) return 'the coordinator is stopping';
  const failure = leadership.storeAway ?? logHealth.failure;
  return failure === null ? null : `the log takes nothing: ${sentenceOf(failure)}`;
}

/** Who moves the file away sends SIGHUP. @throws FailureError where it cannot be written. */
function openAudit({ audit: settings }: ResolvedConfig, clock: Clock, logger: Logger, opened: Opened): Audit {
  const audit = new Audit(
    settings,
    () => clock.at(),
    (sentence) => logger.error(sentence),
  );
  opened.closedBy(async () => audit.close());
  if (settings === null) return audit;
  const reopen = () => audit.reopen();
  process.on('SIGHUP', reopen);
  opened.closedBy(async () => void process.off('SIGHUP', reopen));
  return audit;
}

/** @throws FailureError for an address that is none. */
function proxyOf(settings: NonNullable<ResolvedConfig['webProxy']>): ProxyIdentity {
  try {
    return new ProxyIdentity(settings);
  } catch (error) {
    throw failed('internal', `webProxy.addresses: ${(error as Error).message}.`);
  }
}

function pushMetrics({ exporter, logger }: Parts, resolved: ResolvedConfig, opened: Opened): void {
  for (const settings of resolved.exporter.push) {
    const target = { job: 'ridgepoint-coordinator', instance: hostname() };
    const pusher = new Pusher(settings, target, (sentence) => logger.warn(sentence));
    pusher.start(() => exporter.pushed());
    opened.closedBy(() => pusher.stop());
  }
}

/** Lets leases run out, forgets nodes that are gone, and tries a log that took nothing. */
function keepTime(parts: Parts, { forgetSeconds, leaseSeconds }: ResolvedConfig, opened: Opened): void {
  const { registry, dispatcher, exporter, clock, logger, inform } = parts;
  const tick = (): void => {
    registry.prune(dispatcher.state.leases);
    for (const sentence of registry.closeRefused()) logger.warn(sentence);
    const gone = dispatcher.leadership.leads ? registry.forget(dispatcher.state.nodes) : [];
    for (const node of gone) {
      exporter.forget(node);
      inform(`${node} has been away for more than ${forgetSeconds} s and is forgotten`);
    }
    const { crowded } = registry;
    dispatcher
      .dispatch({ event: 'tick', now: clock.now(), at: clock.at(), crowded })
      .catch((error: unknown) => {
        // That the log refuses writes was reported when it began.
        if (dispatcher.logHealth.failure === null) logger.error((error as Error).message);
      });
    void dispatcher.tryLog();
    if (exporter.isRestored) void dispatcher.keepSnapshot();
  };
  const ticking = setInterval(tick, 1000 * Math.min(TICK_SECONDS, leaseSeconds / 4));
  opened.closedBy(async () => clearInterval(ticking));
  const over = new AbortController();
  opened.closedBy(async () => over.abort());
  void (async () => {
    while (!over.signal.aborted) {
      await clock.wait(FOLLOW_SECONDS, over.signal);
      if (!over.signal.aborted) await dispatcher.catchUp().catch(() => undefined);
    }
  })();
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

/** Leads whenever nobody else does, until it is closed. @returns once it leads, or knows who does. */
async function lead(
  parts: Parts,
  { advertise, advertiseWeb, leaderSeconds: seconds }: ResolvedConfig,
  served: Served,
  opened: Opened,
): Promise<void> {
  const { log, logger, clock: timer, inform, registry, dispatcher } = parts;
  const { leadership } = dispatcher;
  const leader: Leader = {
    holder: randomBytes(8).toString('hex'),
    grpc: advertise ?? served.grpcAddress,
    web: advertiseWeb ?? served.webUrl,
  };
  const closed = new AbortController();
  const standing = new EventEmitter<{ known: [] }>();
  const known = once(standing, 'known', { signal: closed.signal });
  const { first, all } = seekLeadership({
    log,
    dispatcher,
    registry,
    timer,
    leader,
    seconds,
    waiting: {
      signal: closed.signal,
      heard: (other) => {
        leadership.heard(other);
        if (other !== null) standing.emit('known');
      },
      unheard: (reason) => leadership.unheard(toFailure(reason)),
    },
    took: () => {
      inform(`leads from entry ${dispatcher.position} on`);
      standing.emit('known');
    },
    ended: (why) => logger.warn(why),
  });
  opened.closedBy(async () => {
    closed.abort(new Error('the coordinator is closed'));
    await dispatcher.resign().catch(() => undefined);
    await all;
  });
  // A log that cannot be led at all ends the start with its sentence.
  await Promise.race([known.catch(() => undefined), first]);
}

function running(
  parts: Parts,
  served: Served,
  { drainSeconds }: ResolvedConfig,
  opened: Opened,
): RunningCoordinator {
  const { dispatcher, registry, exporter, clock, inform } = parts;
  let stopping: Promise<void> | null = null;
  const stop = async (reason: string): Promise<void> => {
    inform(`stopping: ${reason}`);
    served.leave();
    await dispatcher.dispatch({ event: 'drain', reason });
    const deadline = clock.now() + drainSeconds;
    while (hasConnectedLeases(dispatcher) && clock.now() < deadline) await sleep(50);
    registry.closeAll(reason);
    await opened.close();
    inform('stopped');
  };
  const { grpcAddress, metricsUrl, webUrl } = served;
  return {
    grpcAddress,
    metricsUrl,
    webUrl,
    logFailed: parts.logFailed,
    families: () => exporter.families(),
    pushed: () => exporter.pushed(),
    status: () => ({
      sweeps: [...dispatcher.state.sweeps.values()].map(sweepStatus),
      nodesConnected: registry.entries().filter((entry) => entry.session !== null).length,
      trialsRunning: dispatcher.state.leases.size,
      entries: dispatcher.position,
      draining: dispatcher.state.draining,
    }),
    leader: () => dispatcher.leadership.leader,
    stop: (reason) => {
      stopping ??= stop(reason);
      return stopping;
    },
  };
}

function sentenceOf({ message, hint }: Failure): string {
  return hint === null ? message : `${message} ${hint}`;
}

/** Trials of nodes that are away cannot be waited for. */
function hasConnectedLeases({ state }: Dispatcher): boolean {
  return [...state.leases.values()].some((lease) => state.nodes.get(lease.node)?.connected === true);
}
