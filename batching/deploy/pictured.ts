import type { Objective } from '../../core/serving/slo.js';
import { BAND_90 } from '../../roofline/step/calls-time.js';
import type { DeployAnswer } from './answer.js';
import { type Count, Trials } from './attain.js';
import { type DevicesBand, Pairing, slower } from './compare.js';
import type { OfferedLoad } from './question.js';
import type { Sized } from './search.js';

/** How many requests keep the SLO on so many devices, with the ends of the band of 90 %. */
export interface AttainedAt {
  readonly devices: number;
  readonly low: number;
  readonly middle: number;
  readonly high: number;
}

/** What pictures show beyond the answer: it takes further simulations. */
export interface Pictured {
  readonly lines: readonly { readonly one: Sized; readonly band: DevicesBand }[];
  /** Of the best and the runner-up. */
  readonly attained: readonly { readonly one: Sized; readonly points: readonly AttainedAt[] }[];
}

const MOST_POINTS = 7;

/** @returns the bands of all lines, and how the two best attain the SLO on fewer and more devices. */
export function picturedAnswer(
  { lines, best, versus }: DeployAnswer,
  load: OfferedLoad,
  objectives: readonly Objective[],
): Pictured {
  const count: Count = { simulations: 0 };
  const pairing = new Pairing(load, objectives, count);
  const two = [best, versus?.runnerUp ?? null].filter((one) => one !== null);
  return {
    lines: lines.map((one) => ({
      one,
      band: two.find(({ predicted }) => predicted === one.predicted)?.band ?? pairing.bandOf(one),
    })),
    attained: two.map((one) => ({ one, points: pointsOf(one, load, objectives, count) })),
  };
}

function pointsOf(
  one: Sized & { readonly band: DevicesBand },
  load: OfferedLoad,
  objectives: readonly Objective[],
  count: Count,
): AttainedAt[] {
  const each = one.predicted.devices;
  const width = BAND_90 * one.predicted.spread;
  const given = load.at(1);
  const [worst, middle, best] = [width, 0, -width].map(
    (log) => new Trials(slower(one.predicted, Math.exp(log)).server, given, objectives, count),
  ) as [Trials, Trials, Trials];
  const last = Math.ceil(1.3 * Math.max((one.band.high ?? 0) / each, one.attained.replicas));
  return replicasUpTo(last).map((replicas) => ({
    devices: replicas * each,
    low: worst.at(replicas).share,
    middle: middle.at(replicas).share,
    high: best.at(replicas).share,
  }));
}

/** @returns whole numbers from 1, evenly spread. */
function replicasUpTo(last: number): number[] {
  const steps = Math.min(MOST_POINTS, last);
  if (steps === 1) return [1];
  return Array.from({ length: steps }, (_, i) => Math.round(1 + ((last - 1) * i) / (steps - 1)));
}
