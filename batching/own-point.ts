import type { ExperimentContent } from '../core/experiment/experiment.js';
import { readOptions } from '../core/experiment/options.js';
import { runnerNamed } from '../core/runners/index.js';
import type { RequestRecord } from '../core/serving/requests.js';
import type { ModelArchitecture } from '../core/work/architecture.js';
import { serving } from '../core/workloads/serving.js';
import type { OwnModel } from '../roofline/own-step.js';
import type { HostTimes } from '../roofline/step/setting.js';
import { secondsAround } from './around.js';
import { loadOf } from './load.js';
import { type OwnServer, ownServer } from './own-server.js';
import { recordsOf } from './run.js';
import { flagsAsked, SCHEDULED_ENGINES } from './schedulers/index.js';
import { SIMULATION_BOUNDS, simulateBatching } from './simulate.js';

/** A point of a sweep that asks a server on a device of this node. */
export interface PointHere extends Pick<OwnModel, 'machineModel' | 'factors'> {
  readonly point: Pick<ExperimentContent, 'runner' | 'workload'>;
  /** As it is served. */
  readonly architecture: ModelArchitecture;
}

/** A point that can be simulated. Its host was fitted to runs of such a server here; null = nobody did. */
export interface PointSimulator {
  /** @returns in a clause why nothing is predicted. */
  simulate(host: HostTimes | null): SimulatedPoint | string;
  /** @returns seconds of the requests that come one by one before and after those that are measured. */
  secondsAround(host: HostTimes | null): number;
}

/** A point that was not measured, simulated from its first request to its last. */
export interface SimulatedPoint {
  /** What was asked, and what answers: clauses that stand beside every number. */
  readonly load: string;
  readonly server: string;
  /** As a measured run has them. */
  readonly requests: readonly RequestRecord[];
  /** Until all have ended. */
  readonly runSeconds: number;
  /**
   * Measured times lie within seconds / ratio and seconds · ratio 95 times of 100; null = nobody looked.
   */
  readonly errorRatio: number | null;
  /** null = nobody fitted it, and it counts as nothing. */
  readonly host: HostTimes | null;
}

/** Requests that are simulated at most: of more the rest takes as long as these. */
const MOST_REQUESTS = 2048;
/** A queue that grows forever ends all the same. */
const BOUNDS = { ...SIMULATION_BOUNDS, maxSteps: 1_000_000 };
/** Standard deviations on each side that 95 of 100 lie within. */
const NORMAL_95 = 1.96;

/** @returns whether the scheduler of a runner's server is simulated. */
export const isSimulated = (kind: string): boolean => SCHEDULED_ENGINES.includes(engineOf(kind));

const engineOf = (kind: string): string => runnerNamed(kind)?.tables ?? kind;

/**
 * Opens what predicts what users of a server on this node meet: a simulation of the point's own load under
 * its own flags, on the times of the node's own factors.
 * @returns in a clause why nothing can be predicted.
 * @throws FailureError `impossible-combination` for what the architecture cannot do; so does what is opened.
 */
export function pointSimulator(asked: PointHere): PointSimulator | string {
  const options = readOptions(serving.options, asked.point.workload.options);
  if (options.findHighest !== 'none')
    return 'how long a search for the highest load lasts depends on what it finds';
  if (options.trace !== null) return 'how long prompts and answers of a trace are is known when it is there';
  if (!options.exactLength) return 'how long answers are is known when they are there';
  const requests = Math.min(options.requests, MOST_REQUESTS);
  const load = loadOf({ ...options, requests }, null);
  if (typeof load === 'string') return load;
  const found = serverOf(asked);
  if (typeof found === 'string') return found;
  return {
    simulate(host) {
      const run = simulateBatching(load, found.serverWith(host), BOUNDS);
      if (run.endedEarly !== null) return run.endedEarly;
      if (run.refusals.size === run.requests.count)
        return `the server refuses every request: ${[...run.refusals.values()][0] ?? 'there is none'}`;
      return {
        load: load.says,
        server: `${found.says}; times of the host: ${host === null ? 'not known, and left out' : host.source}`,
        requests: recordsOf(run),
        runSeconds: (options.requests / run.requests.count) * run.seconds,
        errorRatio: host?.spread == null ? found.errorRatio : Math.exp(NORMAL_95 * host.spread),
        host,
      };
    },
    secondsAround: (host) => secondsAround(options, found.serverWith(host), BOUNDS),
  };
}

function serverOf({ point: { runner }, architecture, machineModel, factors }: PointHere): OwnServer | string {
  const { kind, options } = runner;
  const counting = runnerNamed(kind)?.counting;
  if (counting?.by !== 'served') return `what ${kind} computes is not known`;
  if (typeof options.speculative === 'string' && options.speculative !== 'off')
    return 'a scheduler with speculative decoding is not simulated';
  if (typeof options.loras === 'string') return 'the work of adapters beside the weights is not counted';
  const setting = counting.engine.setting(architecture, options);
  if (typeof setting === 'string') return setting;
  const engine = engineOf(kind);
  const { maxSequences, maxContext } = options;
  const slots = typeof maxSequences === 'number' ? maxSequences : 1;
  return ownServer({
    engine,
    model: { architecture, setting, machineModel, factors },
    flags: flagsAsked(engine, options),
    cacheTokens: typeof maxContext === 'number' ? slots * maxContext : architecture.contextLength,
  });
}
