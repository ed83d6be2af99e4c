import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator';
import type { Arrival } from './requests.js';

/** As sweeps name ways of arriving. */
export const ARRIVALS = ['closed', 'constant', 'poisson', 'gamma', 'ramp', 'offline', 'trace'] as const;
export type ArrivalName = (typeof ARRIVALS)[number];

/** The numbers that ways of arriving take; the door asks for those that each does. */
interface ArrivalNumbers {
  readonly atOnce: number;
  readonly perSecond: number | null;
  readonly toPerSecond: number | null;
  readonly burstiness: number;
  /** How many arrive. */
  readonly count: number;
  /** For how long; null = as long as so many take at the mean of both rates. */
  readonly seconds: number | null;
}

/** @returns how requests, or applications, arrive. */
export function arrivalNamed(name: ArrivalName, numbers: ArrivalNumbers): Arrival {
  const { atOnce, burstiness, count } = numbers;
  const [requestsPerSecond, toPerSecond] = [numbers.perSecond ?? 0, numbers.toPerSecond ?? 0];
  switch (name) {
    case 'closed':
      return { kind: 'closed', concurrency: atOnce };
    case 'constant':
      return { kind: 'open', requestsPerSecond, shape: Number.POSITIVE_INFINITY };
    case 'poisson':
      return { kind: 'open', requestsPerSecond, shape: 1 };
    case 'gamma':
      return { kind: 'open', requestsPerSecond, shape: burstiness };
    case 'ramp': {
      const seconds = numbers.seconds ?? (2 * count) / (requestsPerSecond + toPerSecond);
      return { kind: 'ramp', fromPerSecond: requestsPerSecond, toPerSecond, seconds };
    }
    case 'offline':
    case 'trace':
      return { kind: name };
  }
}

/**
 * Arrivals whose start times are known beforehand. A closed loop has none, and the requests of a trace have
 * their own.
 */
export type ScheduledArrival = Exclude<Arrival, { readonly kind: 'closed' | 'trace' }>;

/**
 * Starts in seconds since the origin, ascending. The same seed always gives the same times, so every variant
 * of a sweep gets the same schedule. A ramp ends; the others never do.
 */
export function* startsOf(arrival: ScheduledArrival, seed: number): Generator<number> {
  const random = xoroshiro128plus(seed);
  if (arrival.kind === 'offline') {
    while (true) yield 0;
  }
  if (arrival.kind === 'open') {
    const { requestsPerSecond, shape } = arrival;
    // Each start is a multiple of the interval, so that rounding errors do not add up.
    if (shape === Number.POSITIVE_INFINITY) for (let i = 0; ; i++) yield i / requestsPerSecond;
    for (let sum = 0; ; ) {
      sum += gamma(random, shape) / shape;
      yield sum / requestsPerSecond;
    }
  }
  yield* ramp(random, arrival);
}

/**
 * A Poisson process of growing rate by inversion (Çinlar, "Introduction to Stochastic Processes", 1975): unit
 * arrivals S become the times at which the rate's integral, a·t + (b − a)·t² / 2T, reaches S.
 */
function* ramp(
  random: RandomGenerator,
  { fromPerSecond: a, toPerSecond: b, seconds }: Extract<Arrival, { kind: 'ramp' }>,
): Generator<number> {
  const slope = (b - a) / seconds;
  const all = ((a + b) / 2) * seconds;
  for (let sum = exponential(random); sum < all; sum += exponential(random)) {
    // The smaller root of the quadratic in the form that stays exact where the slope is nearly 0.
    yield (2 * sum) / (a + Math.sqrt(a * a + 2 * slope * sum));
  }
}

function exponential(random: RandomGenerator): number {
  return -Math.log(1 - uniformFloat64(random));
}

function normal(random: RandomGenerator): number {
  const radius = Math.sqrt(2 * exponential(random));
  return radius * Math.cos(2 * Math.PI * uniformFloat64(random));
}

/**
 * A gamma variate with mean `shape` (Marsaglia & Tsang, "A simple method for generating gamma variables", ACM
 * TOMS 26(3), 2000).
 */
function gamma(random: RandomGenerator, shape: number): number {
  if (shape === 1) return exponential(random);
  if (shape < 1) return gamma(random, shape + 1) * (1 - uniformFloat64(random)) ** (1 / shape);
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  while (true) {
    const x = normal(random);
    const v = (1 + c * x) ** 3;
    if (v <= 0) continue;
    const u = 1 - uniformFloat64(random);
    if (Math.log(u) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
  }
}
