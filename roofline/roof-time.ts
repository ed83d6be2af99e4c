import type { BoundLevel } from '../core/result/roofline-record.js';
import type { Arithmetic, OperatorWork } from '../core/work/work.js';
import { bandwidthOf, type MachineModel, peakOf } from './machine-model.js';

/** An operator at the roofs of its device: the least time that they allow. */
export interface RoofTime {
  readonly memorySeconds: number;
  readonly computeSeconds: number;
  readonly seconds: number;
}

/**
 * Weights and cache come at the bandwidth of their level, activations at that of the near cache (they were written a moment
 * ago), and FLOPs go at the peak of their arithmetic; whichever takes longest counts. An arithmetic without a known peak takes
 * no time, which leaves a lower bound.
 */
export function roofTime(
  { traffic, flops, arithmetic }: OperatorWork,
  machineModel: MachineModel,
  level: BoundLevel,
): RoofTime {
  const stored = traffic.weightsRead + traffic.cacheRead + traffic.cacheWritten;
  const near = traffic.activationsRead + traffic.activationsWritten;
  const memorySeconds = Math.max(
    stored / bandwidthOf(machineModel, level),
    near / machineModel.nearBytesPerSecond,
  );
  const peak = peakOf(machineModel, arithmetic);
  const computeSeconds = peak === null ? 0 : flops / peak;
  return { memorySeconds, computeSeconds, seconds: Math.max(memorySeconds, computeSeconds) };
}

/** Operators one behind the other: the sum of their times, and of the times of those that memory bounds. */
export interface RoofTimes {
  readonly seconds: number;
  readonly memorySeconds: number;
}

export function roofTimes(
  operators: readonly OperatorWork[],
  machineModel: MachineModel,
  level: BoundLevel,
): RoofTimes {
  const times = operators.map((work) => roofTime(work, machineModel, level));
  const seconds = times.reduce((sum, time) => sum + time.seconds, 0);
  const memorySeconds = times
    .filter((time) => time.memorySeconds >= time.computeSeconds)
    .reduce((sum, time) => sum + time.seconds, 0);
  return { seconds, memorySeconds };
}

/** @returns what bounds most of the time. */
export function boundOf({ seconds, memorySeconds }: RoofTimes): 'memory' | 'compute' {
  return memorySeconds >= seconds / 2 ? 'memory' : 'compute';
}

/** @returns the arithmetic that most FLOPs are in. */
export function mainArithmetic(operators: readonly OperatorWork[]): Arithmetic {
  const flops = new Map<Arithmetic, number>();
  for (const work of operators) flops.set(work.arithmetic, (flops.get(work.arithmetic) ?? 0) + work.flops);
  return [...flops].sort((a, b) => b[1] - a[1])[0]?.[0] ?? 'f32';
}
