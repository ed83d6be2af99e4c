import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Logger, pino } from 'pino';
import { type Failure, FailureError } from '../core/errors.js';
import { isText, textLog } from '../core/log-text.js';
import type { Family } from '../core/metrics/families.js';
import { VERSION } from '../process/package.js';
import { ControlServiceService } from '../proto/gen/ridgepoint/v1/control.js';
import type { HttpServer } from '../proto/http/server.js';
import { addStandardServices } from '../proto/reflection.js';
import type { ServerSecurity } from '../proto/security.js';
import { Handlers, makeServer } from '../proto/server.js';
import { LimitedAgentService } from '../proto/session-limits.js';
import { agentService, pushMessage } from './api/agents.js';
import { controlService } from './api/control.js';
import { type Clock, systemClock } from './clock.js';
import { type CoordinatorConfig, type ResolvedConfig, resolveConfig } from './config.js';
import { Dispatcher } from './dispatcher.js';
import { Exporter } from './exporter/exporter.js';
import { serveHttp } from './exporter/http.js';
import { type Pushed, Pusher } from './exporter/push/pusher.js';
import type { Log } from './log/log.js';
import { openLog } from './log/open.js';
import { Registry } from './registry/registry.js';
import { type SweepStatus, sweepStatus } from './scheduler/status.js';
import { watchSecurity } from './secrets.js';
import { SweepReader } from './sweep-reader.js';
import { serveWeb } from './web/http.js';

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
  /** Leases no more, notifies the agents, waits for running trials up to `drainSeconds`, then closes the log. */
  stop(reason: string): Promise<void>;
}

/** How often leases and silent nodes are looked at; oftener when leases are short. */
const TICK_SECONDS = 1;

/**
 * Starts a coordinator: the log first, so that nothing is served before the past is known.
 * @throws FailureError or WireError with one sentence: bad configuration, log in use, port in use, …
 */
export async function startCoordinator(config: CoordinatorConfig): Promise<RunningCoordinator> {
  const resolved = resolveConfig(config);
  const logger = logOf(resolved);
  const { security, close } = await watchSecurity(resolved.security, resolved.renewSeconds, (sentence) =>
    logger.warn(sentence),
  );
  const opened = new Opened();
  opened.closedBy(async () => close());
  try {
    const parts = await openParts(resolved, logger, opened);
    const served = await serve(parts, resolved, security, opened);
    pushMetrics(parts, resolved, opened);
    keepTime(parts, resolved, opened);
    standDownWhenDeposed(parts);
    parts.inform(`coordinator ready on ${served.grpcAddress}, ${parts.dispatcher.position} log entries`);
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
  readonly logger: Logger;
  readonly clock: Clock;
  readonly registry: Registry;
  readonly exporter: Exporter;
  readonly dispatcher: Dispatcher;
  /** The log refuses to be written (`failed`), or takes entries again (`recovered`). */
  readonly logEvents: EventEmitter<LogEvents>;
  readonly logFailed: Promise<FailureError>;
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
  const log = await openLog(resolved.log);
  opened.closedBy(() => log.close());
  const logEvents = new EventEmitter<LogEvents>();
  const logFailed = new Promise<FailureError>((resolve) => {
    logEvents.once('failed', (reason) => resolve(new FailureError(reason)));
  });
  const registry = new Registry();
  const exporter = new Exporter({ ...resolved.exporter, version: VERSION }, clock, registry);
  const { leaseSeconds, lostSeconds, forgetSeconds, fixedFleet } = resolved;
  const incarnation = `${randomBytes(4).toString('hex')}-`;
  const dispatcher = await Dispatcher.open({
    log,
    clock,
    sweeps: new SweepReader(),
    options: { leaseSeconds, lostSeconds, forgetSeconds, fixedFleet, incarnation },
    push: (command) => registry.session(command.node)?.push(pushMessage(command)),
    recorded: (record) => exporter.record(record),
    replayed: (head, position) => exporter.replayed(head, position),
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
    warn: (sentence) => logger.warn(sentence),
  });
  opened.closedBy(() => dispatcher.close());
  exporter.follow(dispatcher);
  await exporter.restore(log);
  const leaving = new AbortController();
  opened.closedBy(async () => leaving.abort());
  exporter.restoreBest(log, leaving.signal).catch((error: unknown) => {
    if (!leaving.signal.aborted) logger.warn(`older results are not exported: ${(error as Error).message}`);
  });
  const inform = (sentence: string): void => logger.info(sentence);
  return { log, logger, clock, registry, exporter, dispatcher, logEvents, logFailed, inform };
}

/** Where it is asked. */
interface Served {
  readonly grpcAddress: string;
  readonly metricsUrl: string | null;
  readonly webUrl: string | null;
  /** Says no more that it is ready. */
  leave(): void;
}

async function serve(
  { log, logEvents, exporter, ...shared }: Parts,
  resolved: ResolvedConfig,
  security: ServerSecurity,
  opened: Opened,
): Promise<Served> {
  const { server, listen } = makeServer(security, resolved.limits);
  const handlers = new Handlers(security);
  const { heartbeatSeconds, leaseSeconds } = resolved;
  server.addService(
    LimitedAgentService,
    agentService({ ...shared, heartbeatSeconds, leaseSeconds }, handlers),
  );
  server.addService(ControlServiceService, controlService({ ...shared, log }, handlers));
  const health = addStandardServices(server);
  const grpc = await listen(resolved.grpcAddress);
  opened.closedBy(() => grpc.close(1));

  const opening = async (http: Promise<HttpServer>): Promise<string> => {
    const { url, close } = await http;
    opened.closedBy(() => close());
    return url;
  };
  const notReady = () => reasonNotReady(shared.dispatcher);
  const { metricsAddress, webAddress, webWrites: writes } = resolved;
  const metrics = (accept: string) => exporter.expose(accept);
  const metricsUrl =
    metricsAddress === null ? null : await opening(serveHttp(metricsAddress, { metrics, notReady }));
  const web = { ...shared, log, security, version: VERSION, writes };
  const webUrl = webAddress === null ? null : await opening(serveWeb(webAddress, web));

  const setHealth = (): void => health.setServing(notReady() === null);
  logEvents.on('failed', setHealth);
  logEvents.on('recovered', setHealth);
  log.deposed.addEventListener('abort', setHealth, { once: true });
  setHealth();
  return {
    grpcAddress: grpc.address,
    metricsUrl: metricsUrl === null ? null : `${metricsUrl}/metrics`,
    webUrl,
    leave: () => health.setServing(false),
  };
}

/** @returns why nothing should be asked of a coordinator now; null = it is ready. */
function reasonNotReady({ state, deposedBy, logHealth }: Dispatcher): string | null {
  if (state.draining) return 'the coordinator is stopping';
  if (deposedBy !== null) return deposedBy.message;
  const { failure } = logHealth;
  return failure === null ? null : `the log takes nothing: ${sentenceOf(failure)}`;
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
    for (const node of registry.forget(dispatcher.state.nodes)) {
      exporter.forget(node);
      inform(`${node} has been away for more than ${forgetSeconds} s and is forgotten`);
    }
    dispatcher.dispatch({ event: 'tick', now: clock.now(), at: clock.at() }).catch((error: unknown) => {
      // That the log refuses writes was reported when it began.
      if (dispatcher.logHealth.failure === null) logger.error((error as Error).message);
    });
    void dispatcher.tryLog();
  };
  const ticking = setInterval(tick, 1000 * Math.min(TICK_SECONDS, leaseSeconds / 4));
  opened.closedBy(async () => clearInterval(ticking));
}

/** Whoever took the log over leases now; agents find it, or come back here when this one was started again. */
function standDownWhenDeposed({ log, logger, registry, dispatcher }: Parts): void {
  const standDown = (): void => {
    const { message } = dispatcher.deposedBy ?? { message: '' };
    logger.error(message);
    registry.closeAll(message);
  };
  if (log.deposed.aborted) standDown();
  else log.deposed.addEventListener('abort', standDown, { once: true });
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
