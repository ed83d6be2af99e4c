import { type OwnModel, ownSteps } from '../roofline/own-step.js';
import { BELIEFS_ON_CPU, calibrateHost } from '../roofline/step/calibrate.js';
import { type HostTimes, NO_HOST } from '../roofline/step/setting.js';
import { calibrationPoints, type LoadMeans } from './calibration.js';
import type { TokenLoad } from './load.js';
import { summaryOf } from './run.js';
import { type SchedulerFlags, schedulerNamed } from './schedulers/index.js';
import type { BatchingServer } from './server.js';
import { simulateBatching } from './simulate.js';

/** A server on a device that was measured here. */
export interface AskedOwnServer {
  /** Whose scheduler it has, as `schedulerNamed` knows it. */
  readonly engine: string;
  readonly model: OwnModel;
  /** Of the scheduler, by their names in our spelling; others are as the engine has them on a CPU. */
  readonly flags: SchedulerFlags;
  /** Tokens that the cache has room for. */
  readonly cacheTokens: number;
}

export interface OwnServer {
  /** With what the host takes; null = nobody fitted it, and it counts as nothing. */
  serverWith(host: HostTimes | null): BatchingServer;
  /** Flags and cache: a clause that stands beside every answer. */
  readonly says: string;
  /** Of kernels alone: within seconds / ratio and seconds · ratio 95 times of 100; null = nobody looked. */
  readonly errorRatio: number | null;
}

/**
 * The door from a question to a server on a node's own device, as `predictedServer` is for GPUs that nobody
 * here has.
 * @returns in a clause why there is none: a flag is wrong, or factors say nothing of the model.
 * @throws FailureError `impossible-combination` for what the architecture cannot do.
 */
export function ownServer({ engine, model, flags, cacheTokens }: AskedOwnServer): OwnServer | string {
  const scheduler = schedulerNamed(engine, flags, { name: 'CPU', memoryGiB: 0, isCpu: true });
  if (typeof scheduler === 'string') return scheduler;
  const steps = ownSteps(model);
  if (typeof steps === 'string') return steps;
  return {
    serverWith: (host) => ({
      scheduler,
      step: steps.stepWith(host ?? NO_HOST),
      cacheTokens,
      requestSeconds: host?.requestSeconds ?? 0,
      replicas: 1,
    }),
    says: `${scheduler.says}; ${cacheTokens} tokens in the cache`,
    errorRatio: steps.errorRatio,
  };
}

/** What was measured of a server under a load. */
export interface MeasuredLoad extends LoadMeans {
  readonly load: TokenLoad;
}

/**
 * Fits what the host takes to measured loads of the server.
 * @throws Error without a load.
 */
export function hostOf(server: Pick<OwnServer, 'serverWith'>, measured: readonly MeasuredLoad[]): HostTimes {
  const points = measured.flatMap(({ load, ...means }) =>
    calibrationPoints(means, (host) => {
      const { ttft, tpot } = summaryOf(simulateBatching(load, server.serverWith(host)));
      return { ttftSeconds: ttft.mean, tpotSeconds: tpot.mean };
    }),
  );
  return calibrateHost(points, NO_HOST, BELIEFS_ON_CPU);
}
