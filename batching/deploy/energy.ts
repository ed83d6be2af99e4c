import { BAND_90 } from '../../roofline/step/calls-time.js';
import { metered, powerOf, powerOn } from '../../roofline/step/power.js';
import type { TokenLoad } from '../load.js';
import { summaryOf } from '../run.js';
import { simulateBatching } from '../simulate.js';
import { TRIAL_BOUNDS } from './attain.js';
import type { Sized } from './search.js';

/** What devices draw over a load, boards alone: neither hosts nor cooling. */
export interface LoadEnergy {
  readonly kilowattHours: number;
  readonly hours: number;
  /** In the mean, of all devices. */
  readonly watts: number;
  readonly outputTokens: number;
  /** For each million tokens of answers, with the band of 90 % of the power. */
  readonly perMillionTokens: readonly [low: number, middle: number, high: number];
  /** Why the band is wider than of the device's own measurements: a clause; null where it is not. */
  readonly widened: string | null;
}

/** @returns a clause where nothing is known of the power of the device. */
export function energyOf(
  { device, devices, attained, predicted }: Sized,
  load: TokenLoad,
): LoadEnergy | string {
  const power = powerOn(device);
  if (typeof power === 'string') return power;
  const { server } = predicted;
  const replicas = server.replicas * attained.replicas;
  const step = metered(predicted.step, power);
  // Each step is asked for once, so that what it draws is counted once.
  const run = simulateBatching(load, { ...server, step, replicas }, TRIAL_BOUNDS, { stepByStep: true });
  const idle = Math.max(0, replicas * run.seconds - run.busySeconds);
  const joules = (step.joules(idle) * devices) / replicas;
  const { running, cacheTokens } = run.means;
  const decodes = Math.max(1, running / replicas);
  const contextTokens = Math.max(1, cacheTokens / Math.max(1, running));
  const { spread } = powerOf(predicted.step.timeOf({ decodes, contextTokens, chunks: [] }), power);
  const { outputTokensPerSecond } = summaryOf(run);
  const outputTokens = outputTokensPerSecond * run.seconds;
  const kilowattHours = joules / 3.6e6;
  const middle = (1e6 * kilowattHours) / outputTokens;
  const width = Math.exp(BAND_90 * spread);
  return {
    kilowattHours,
    hours: run.seconds / 3600,
    watts: joules / run.seconds,
    outputTokens,
    perMillionTokens: [middle / width, middle, middle * width],
    widened: power.widened,
  };
}
