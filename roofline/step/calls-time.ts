import type { OperatorTime, OperatorTimes } from '../../core/work/operator-call.js';
import type { KernelCall, OperatorWork } from '../../core/work/work.js';

/** How long calls of kernels take, one after the other. */
export interface CallsTime {
  readonly seconds: number;
  /** Of the seconds, those of calls that are limited so. */
  readonly limits: Readonly<Record<OperatorTime['limit'], number>>;
  /**
   * Σ seconds · spread by family: what one table says of its shapes is off together, as a surface that lies
   * too low does, and tables of different families are off by themselves.
   */
  readonly deviations: Readonly<Record<string, number>>;
}

export const NO_TIME: CallsTime = {
  seconds: 0,
  limits: { memory: 0, compute: 0, link: 0, launch: 0 },
  deviations: {},
};

/**
 * @param follows the calls of operators that are asked about.
 * @returns their time, or every reason why there is none: a clause each.
 */
export function callsTime(
  operators: readonly OperatorWork[],
  times: OperatorTimes,
  follows: KernelCall['follows'],
): CallsTime | readonly string[] {
  const limits = { ...NO_TIME.limits };
  const deviations: Record<string, number> = {};
  const reasons = new Set<string>();
  let seconds = 0;
  for (const { kernelCalls } of operators) {
    for (const { call, times: count, follows: own } of kernelCalls ?? []) {
      if (own !== follows) continue;
      const time = times.timeOf(call);
      if (time.seconds === null) {
        reasons.add(time.reason);
        continue;
      }
      const all = count * time.seconds;
      seconds += all;
      limits[time.limit] += all;
      deviations[call.family] = (deviations[call.family] ?? 0) + all * time.spread;
    }
  }
  return reasons.size > 0 ? [...reasons] : { seconds, limits, deviations };
}

/** @returns kernels that operators launch. */
export function callCount(operators: readonly OperatorWork[]): number {
  return operators.reduce(
    (sum, { kernelCalls = [] }) => kernelCalls.reduce((own, { times }) => own + times, sum),
    0,
  );
}

/** @returns clauses about operators that no call stands for, though they take time. */
export function uncalled(operators: readonly OperatorWork[]): string[] {
  return operators
    .filter(({ kernelCalls }) => kernelCalls === undefined)
    .map(({ name }) => `nobody knows how ${name} is called on a GPU`);
}

/** @returns so much of one time and of others, one after the other. */
export function addedTimes(parts: readonly (readonly [share: number, time: CallsTime])[]): CallsTime {
  const limits = { ...NO_TIME.limits };
  const deviations: Record<string, number> = {};
  let seconds = 0;
  for (const [share, time] of parts) {
    seconds += share * time.seconds;
    for (const limit of LIMITS) limits[limit] += share * time.limits[limit];
    for (const [family, own] of Object.entries(time.deviations))
      deviations[family] = (deviations[family] ?? 0) + share * own;
  }
  return { seconds, limits, deviations };
}

const LIMITS = Object.keys(NO_TIME.limits) as readonly OperatorTime['limit'][];
