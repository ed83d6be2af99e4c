import { setTimeout as sleep } from 'node:timers/promises';
import type { FailureError } from '../core/errors.js';
import type { Family } from '../core/metrics/families.js';
import { type CoordinatorConfig, type ResolvedConfig, resolveConfig } from './config.js';
import type { Dispatcher } from './dispatcher.js';
import type { Pushed } from './exporter/push/pusher.js';
import type { Leader } from './log/leadership.js';
import { logOf, Opened, openParts, type Parts } from './parts.js';
import { type SweepStatus, sweepStatus } from './scheduler/status.js';
import { watchSecurity } from './secrets.js';
import { type Served, serve } from './serving.js';
import { keepTime, lead, pushMetrics } from './time.js';
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
  /**
   * Leases no more, notifies the agents, waits for running trials up to `drainSeconds`, then closes the log.
   */
  stop(reason: string): Promise<void>;
}

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

/** Trials of nodes that are away cannot be waited for. */
function hasConnectedLeases({ state }: Dispatcher): boolean {
  return [...state.leases.values()].some((lease) => state.nodes.get(lease.node)?.connected === true);
}
