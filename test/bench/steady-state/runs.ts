import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator';
import type { RequestRecord } from '../../../core/serving/requests.js';
import { answered } from '../../support/requests.js';

/** Runs of a server that behaves in a way of which one knows what it should be called. */
export const SHAPES = [
  'stationary',
  'trend',
  'level shift',
  'warm-up',
  'noisy',
  'bursty',
  'too short',
  'closed loop',
] as const;
export type Shape = (typeof SHAPES)[number];

export interface Run {
  readonly shape: Shape;
  readonly seed: number;
  readonly superPassRequests: number;
  readonly requests: readonly RequestRecord[];
}

/** Times are whole nanoseconds: event logs have no others, so that both sides read the same numbers. */
const whole = (seconds: number) => Math.round(seconds * 1e9) / 1e9;

/** @returns a run of some thousand requests, the same for the same seed. */
export function generated(shape: Shape, seed: number): Run {
  const random = xoroshiro128plus(seed);
  const between = (low: number, high: number) => low + (high - low) * uniformFloat64(random);
  const superPassRequests = Math.round(between(40, 90));
  const passes = Math.round(shape === 'too short' ? between(2, 9) : between(14, 45));
  const n = superPassRequests * passes + Math.round(between(0, superPassRequests));
  const seconds = between(shape === 'too short' ? 100 : 500, shape === 'too short' ? 700 : 2000);
  const level = levels(shape, random, n);
  const noise = shape === 'noisy' ? between(0.25, 0.9) : between(0.02, 0.2);
  const starts = startsOf(shape, random, n, seconds);
  const requests = starts.map((intended, index) => {
    const length = Math.round(between(4, 24));
    const several = Math.round(between(1, 3));
    const chunks = [several, ...Array.from({ length }, () => 1)];
    const tpot = level[index]! * Math.exp(noise * normal(random));
    const ttft = 0.3 * Math.exp(0.6 * normal(random)) * (level[index]! / level.at(-1)!);
    const first = whole(intended + ttft);
    const done = whole(first + length * tpot);
    return {
      ...answered({ index, intended, ttft: first - intended, tpot, chunks }),
      firstToken: first,
      done,
    };
  });
  return { shape, seed, superPassRequests, requests };
}

/** TPOT of every request but for its noise, in seconds. */
function levels(shape: Shape, random: RandomGenerator, n: number): number[] {
  const between = (low: number, high: number) => low + (high - low) * uniformFloat64(random);
  const base = between(0.01, 0.05);
  const at = (change: (share: number) => number) =>
    Array.from({ length: n }, (_, i) => base * change(i / (n - 1)));
  switch (shape) {
    case 'trend': {
      const slope = between(-0.3, 0.6);
      return at((share) => 1 + slope * share);
    }
    case 'level shift': {
      const [where, change] = [between(0.2, 0.8), between(-0.2, 0.5)];
      return at((share) => (share < where ? 1 : 1 + change));
    }
    case 'warm-up': {
      const [depth, length] = [between(0.2, 0.8), between(0.02, 0.3)];
      return at((share) => 1 - depth * Math.exp(-share / length));
    }
    case 'bursty': {
      // Whole stretches are slower, as where others share the machine.
      const [pace, rare] = [between(1.1, 2), between(0.01, 0.2)];
      let slow = false;
      return at(() => {
        if (uniformFloat64(random) < 1 / 40) slow = uniformFloat64(random) < rare;
        return slow ? pace : 1;
      });
    }
    default:
      return at(() => 1);
  }
}

/**
 * When requests start: of Poisson arrivals, of bursts, or of a closed loop that fills at once and goes on as
 * slots become free.
 */
function startsOf(shape: Shape, random: RandomGenerator, n: number, seconds: number): number[] {
  const gap = seconds / n;
  const gaps = Array.from({ length: n }, (_, i) => {
    const exponential = -Math.log(1 - uniformFloat64(random)) * gap;
    if (shape === 'bursty') return i % 8 === 0 ? 8 * exponential : 0;
    if (shape === 'closed loop') return i < 32 ? 0 : gap;
    return exponential;
  });
  let at = 0;
  // A nanosecond apart at least: the order of starts is that of the log.
  return gaps.map((step) => {
    at += Math.max(step, 1e-9);
    return whole(at);
  });
}

/** Box & Muller, Annals of Mathematical Statistics 29, 1958. */
function normal(random: RandomGenerator): number {
  const radius = Math.sqrt(-2 * Math.log(1 - uniformFloat64(random)));
  return radius * Math.cos(2 * Math.PI * uniformFloat64(random));
}
