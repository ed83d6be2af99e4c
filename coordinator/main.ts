import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { type Failure, FailureError } from '../core/errors.js';
import { isText, textLog } from '../core/log-text.js';
import type { Family } from '../core/metrics/families.js';
import { VERSION } from '../process/package.js';
import { ControlServiceService } from '../proto/gen/ridgepoint/v1/control.js';
import type { HttpServer } from '../proto/http/server.js';
import { addStandardServices } from '../proto/reflection.js';
import { Handlers, makeServer } from '../proto/server.js';
import { LimitedAgentService } from '../proto/session-limits.js';
import { agentService, pushMessage } from './api/agents.js';
import { controlService } from './api/control.js';
import { systemClock } from './clock.js';
import { type CoordinatorConfig, resolveConfig } from './config.js';
import { Dispatcher } from './dispatcher.js';
import { Exporter } from './exporter/exporter.js';
import { serveHttp } from './exporter/http.js';
import { type Pushed, Pusher } from './exporter/push/pusher.js';
import { openLog } from './log/open.js';
import { Registry } from './registry/registry.js';
import { type SweepStatus, sweepStatus } from './scheduler/status.js';
import { loadSecurity } from './secrets.js';
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
  const security = loadSecurity(resolved.security);
  const text = isText(resolved.logFormat, process.stderr);
  const logger = pino(
    { level: resolved.logLevel, base: null },
    text ? textLog(process.stderr) : pino.destination({ fd: 2, sync: true }),
  );
  const inform = (sentence: string): void => logger.info(sentence);
  const clock = systemClock;
  const log = await openLog(resolved.log);
  const registry = new Registry();
  const opened: (() => Promise<void>)[] = [() => log.close()];
  let tellLogFailed: (reason: FailureError) => void = () => {};
  const logFailed = new Promise<FailureError>((resolve) => {
    tellLogFailed = resolve;
  });
  // Replaced when there is somebody to tell.
  let tellHealth = (): void => {};
  try {
    const exporter: Exporter = new Exporter(
      { ...resolved.exporter, version: VERSION },
      clock,
      () => dispatcher,
      registry,
    );
    const dispatcher: Dispatcher = await Dispatcher.open({
      log,
      clock,
      options: {
        leaseSeconds: resolved.leaseSeconds,
        lostSeconds: resolved.lostSeconds,
        forgetSeconds: resolved.forgetSeconds,
        fixedFleet: resolved.fixedFleet,
        incarnation: `${randomBytes(4).toString('hex')}-`,
      },
      push: (command) => registry.session(command.node)?.push(pushMessage(command)),
      recorded: (record) => exporter.record(record),
      replayed: (head, position) => exporter.replayed(head, position),
      appended: (seconds) => exporter.appended(seconds),
      logFailed: (reason) => {
        logger.error(`the log takes nothing: ${sentenceOf(reason)}`);
        tellLogFailed(new FailureError(reason));
        tellHealth();
      },
      logRecovered: (seconds, refused) => {
        logger.warn(
          `the log takes entries again, after ${seconds.toFixed(0)} s and ${refused} that it refused`,
        );
        tellHealth();
      },
      warn: (sentence) => logger.warn(sentence),
    });
    opened.unshift(() => dispatcher.close());
    await exporter.restore(log, dispatcher);
    const leaving = new AbortController();
    opened.unshift(async () => leaving.abort());
    exporter.restoreBest(log, dispatcher, leaving.signal).catch((error: unknown) => {
      if (!leaving.signal.aborted) logger.warn(`older results are not exported: ${(error as Error).message}`);
    });

    const { server, listen } = makeServer(security, resolved.limits);
    const handlers = new Handlers(security);
    const { heartbeatSeconds, leaseSeconds } = resolved;
    const shared = { dispatcher, registry, clock, inform };
    server.addService(
      LimitedAgentService,
      agentService({ ...shared, heartbeatSeconds, leaseSeconds }, handlers),
    );
    server.addService(ControlServiceService, controlService({ ...shared, log }, handlers));
    const health = addStandardServices(server);
    const grpc = await listen(resolved.grpcAddress);
    opened.unshift(() => grpc.close(1));

    const notReady = (): string | null => {
      if (dispatcher.state.draining) return 'the coordinator is stopping';
      if (dispatcher.deposedBy !== null) return dispatcher.deposedBy.message;
      const { failure } = dispatcher.logHealth;
      return failure === null ? null : `the log takes nothing: ${sentenceOf(failure)}`;
    };

    let http: HttpServer | null = null;
    if (resolved.metricsAddress !== null) {
      http = await serveHttp(resolved.metricsAddress, {
        metrics: (accept) => exporter.expose(accept),
        notReady,
      });
      const { close } = http;
      opened.unshift(() => close());
    }
    let web: HttpServer | null = null;
    if (resolved.webAddress !== null) {
      web = await serveWeb(resolved.webAddress, {
        ...{ ...shared, log, security },
        version: VERSION,
        writes: resolved.webWrites,
      });
      const { close } = web;
      opened.unshift(() => close());
    }
    for (const settings of resolved.exporter.push) {
      const target = { job: 'ridgepoint-coordinator', instance: hostname() };
      const pusher = new Pusher(settings, target, (sentence) => logger.warn(sentence));
      pusher.start(() => exporter.pushed());
      opened.unshift(() => pusher.stop());
    }
    const ticking = setInterval(
      () => {
        registry.prune(dispatcher.state.leases);
        for (const node of registry.forget(dispatcher.state.nodes)) {
          exporter.forget(node);
          inform(`${node} has been away for more than ${resolved.forgetSeconds} s and is forgotten`);
        }
        dispatcher.dispatch({ event: 'tick', now: clock.now(), at: clock.at() }).catch((error: unknown) => {
          // That the log refuses writes was reported when it began.
          if (dispatcher.logHealth.failure === null) logger.error((error as Error).message);
        });
        void dispatcher.tryLog();
      },
      1000 * Math.min(TICK_SECONDS, resolved.leaseSeconds / 4),
    );
    opened.unshift(async () => clearInterval(ticking));
    tellHealth = () => health.setServing(notReady() === null);
    tellHealth();
    // Whoever took the log over leases now; agents find it, or come back here when this one was started again.
    const standDown = (): void => {
      const { message } = dispatcher.deposedBy ?? { message: '' };
      logger.error(message);
      tellHealth();
      registry.closeAll(message);
    };
    if (log.deposed.aborted) standDown();
    else log.deposed.addEventListener('abort', standDown, { once: true });
    inform(`coordinator ready on ${grpc.address}, ${dispatcher.position} log entries`);

    let stopping: Promise<void> | null = null;
    const stop = async (reason: string): Promise<void> => {
      inform(`stopping: ${reason}`);
      health.setServing(false);
      await dispatcher.dispatch({ event: 'drain', reason });
      const deadline = clock.now() + resolved.drainSeconds;
      while (hasConnectedLeases(dispatcher) && clock.now() < deadline) await sleep(50);
      registry.closeAll(reason);
      await closeAll(opened);
      inform('stopped');
    };
    return {
      grpcAddress: grpc.address,
      metricsUrl: http === null ? null : `${http.url}/metrics`,
      webUrl: web?.url ?? null,
      logFailed,
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
  } catch (error) {
    await closeAll(opened);
    throw error;
  }
}

function sentenceOf({ message, hint }: Failure): string {
  return hint === null ? message : `${message} ${hint}`;
}

/** Trials of nodes that are away cannot be waited for. */
function hasConnectedLeases({ state }: Dispatcher): boolean {
  return [...state.leases.values()].some((lease) => state.nodes.get(lease.node)?.connected === true);
}

/** Closes in the order given; a close that fails does not keep the others open. */
async function closeAll(closers: readonly (() => Promise<void>)[]): Promise<void> {
  for (const close of closers) await close().catch(() => undefined);
}
