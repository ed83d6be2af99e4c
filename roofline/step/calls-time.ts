import type { OperatorTime, OperatorTimes, RoofSeconds } from '../../core/work/operator-call.js';
import type { KernelCall, OperatorWork } from '../../core/work/work.js';

export type StepLimit = OperatorTime['limit'] | 'host';

/** How long calls of kernels take, one after the other. */
export interface CallsTime {
  readonly seconds: number;
  /** What the same work takes of memory and of arithmetic at the device's published roofs. */
  readonly roofs: RoofSeconds;
  /** Of the seconds, those of calls that are limited so. */
  readonly limits: Readonly<Record<OperatorTime['limit'], number>>;
  /**
   * Σ seconds · spread by family: what one table says of its shapes is off together, as a surface that lies
   * too low does, and tables of different families are off by themselves.
   */
  readonly deviations: Readonly<Record<string, number>>;
  /** Why some of them are less sure than their own tables would be. */
  readonly widened: readonly string[];
}

export const NO_TIME: CallsTime = {
  seconds: 0,
  roofs: { memory: 0, compute: 0 },
  limits: { memory: 0, compute: 0, link: 0, launch: 0 },
  deviations: {},
  widened: [],
};

/**
 * @param follows the calls of operators that are asked about; null = all.
 * @returns their time, or every reason why there is none: a clause each.
 */
export function callsTime(
  operators: readonly OperatorWork[],
  times: OperatorTimes,
  follows: KernelCall['follows'] | null,
): CallsTime | readonly string[] {
  const limits = { ...NO_TIME.limits };
  const deviations: Record<string, number> = {};
  const reasons = new Set<string>();
  const widened = new Set<string>();
  const roofs = { memory: 0, compute: 0 };
  let seconds = 0;
  for (const { kernelCalls } of operators) {
    for (const { call, times: count, follows: own } of kernelCalls ?? []) {
      if (follows !== null && own !== follows) continue;
      const time = times.timeOf(call);
      if (time.seconds === null) {
        reasons.add(time.reason);
        continue;
      }
      if (time.widened !== null) widened.add(`${call.family}: ${time.widened}`);
      const all = count * time.seconds;
      seconds += all;
      roofs.memory += count * time.roofs.memory;
      roofs.compute += count * time.roofs.compute;
      limits[time.limit] += all;
      deviations[call.family] = (deviations[call.family] ?? 0) + all * time.spread;
    }
  }
  return reasons.size > 0 ? [...reasons] : { seconds, roofs, limits, deviations, widened: [...widened] };
}

/** Standard deviations on each side of a prediction that nine of ten measurements lie within. */
export const BAND_90 = 1.645;

/** @returns kernels that operators launch. */
export function callCount(operators: readonly OperatorWork[]): number {
  return operators.reduce(
    (sum, { kernelCalls = [] }) => kernelCalls.reduce((own, { times }) => own + times, sum),
    0,
  );
}

/** @returns whether something is known, and not the reasons why it is not. */
export const isKnown = <Answer>(found: Answer | readonly string[]): found is Answer => !Array.isArray(found);

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
  const widened = new Set<string>();
  const roofs = { memory: 0, compute: 0 };
  let seconds = 0;
  for (const [share, time] of parts) {
    seconds += share * time.seconds;
    roofs.memory += share * time.roofs.memory;
    roofs.compute += share * time.roofs.compute;
    for (const limit of LIMITS) limits[limit] += share * time.limits[limit];
    for (const [family, own] of Object.entries(time.deviations))
      deviations[family] = (deviations[family] ?? 0) + share * own;
    for (const reason of time.widened) widened.add(reason);
  }
  return { seconds, roofs, limits, deviations, widened: [...widened] };
}

const LIMITS = Object.keys(NO_TIME.limits) as readonly OperatorTime['limit'][];

/** @returns what takes the larger part of the time. */
export function limitOf({ limits }: Pick<CallsTime, 'limits'>, hostSeconds = 0): StepLimit {
  const all = Object.entries({ ...limits, host: hostSeconds }) as [StepLimit, number][];
  return all.reduce((most, one) => (one[1] > most[1] ? one : most))[0];
}

/**
 * Tables of one family are off together, families independently of one another, and what was seen of whole
 * runs comes beside: √(Σ (share · spread)² + end-to-end²).
 * @param seconds that the calls are a part of.
 * @returns standard deviation of ln(predicted / measured).
 */
export function spreadOf({ deviations }: CallsTime, seconds: number, endToEnd: number | null): number {
  if (seconds === 0) return 0;
  const squares = Object.values(deviations).map((deviation) => (deviation / seconds) ** 2);
  return Math.sqrt(squares.reduce((sum, square) => sum + square, (endToEnd ?? 0) ** 2));
}
