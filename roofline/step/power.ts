import type { RoofSeconds } from '../../core/work/operator-call.js';
import { hardwareNamed } from '../hardware/catalogue.js';
import { deviceDistance, standInSpread } from '../hardware/distance.js';
import type { Hardware } from '../hardware/figure.js';
import measured from '../hardware/power.json' with { type: 'json' };
import type { Step, StepTime } from './compile.js';
import type { StepBatch } from './setting.js';

/**
 * What a device draws while it computes, in shares of its limit: at least a floor, then more by the shares of
 * the published roofs of memory and arithmetic that the work uses, and never more than the limit.
 */
export interface PowerShares {
  readonly floor: number;
  readonly memory: number;
  readonly compute: number;
  /** Standard deviation of ln(predicted / measured). */
  readonly spread: number;
  /** Whose measurements they are derived from, and under which licence. */
  readonly source: string;
}

/** A device of which power is known, or estimated by those of which it was measured. */
export interface DevicePower {
  /** Of the board. */
  readonly limitWatts: number;
  /** Shares that count, and how much each does: 1 together. */
  readonly shares: readonly (readonly [weight: number, shares: PowerShares])[];
  /** Of other devices' figures, beside what they are off by themselves; 0 where they are its own. */
  readonly standInSpread: number;
  /** Why the spread is wider than of the device's own measurements: a clause; null where it is its own. */
  readonly widened: string | null;
}

/** What one device draws, and how sure that is. */
export interface Drawn {
  readonly watts: number;
  /** Standard deviation of ln(predicted / measured). */
  readonly spread: number;
}

const MEASURED: readonly (readonly [Hardware, PowerShares])[] = Object.entries(measured).map(
  ([device, shares]) => [hardwareNamed(device)!, shares],
);

/**
 * @returns figures of the device itself where its power was measured; otherwise means of those of measured
 *   GPUs, each the more the nearer its roofs are. A clause where nothing is known: not of a GPU, or nobody
 *   publishes its limit.
 */
export function powerOn(device: Hardware): DevicePower | string {
  if (device.kind !== 'gpu') return `the power of ${device.name} under load was not measured`;
  if (device.watts === null) return `nobody publishes the power limit of ${device.name}`;
  const limitWatts = device.watts.value;
  const own = MEASURED.find(([{ id }]) => id === device.id);
  if (own !== undefined) return { limitWatts, shares: [[1, own[1]]], standInSpread: 0, widened: null };
  const nearness = MEASURED.map(([other]) => 1 / deviceDistance(other, device));
  const sum = nearness.reduce((total, one) => total + one, 0);
  return {
    limitWatts,
    shares: MEASURED.map(([, shares], i) => [nearness[i]! / sum, shares]),
    standInSpread: Math.min(...MEASURED.map(([other]) => standInSpread(other, device))),
    widened: `its power was not measured, and is estimated by ${MEASURED.map(([{ name }]) => name).join(' and ')}`,
  };
}

/** While nothing is computed beside short kernels; a device that waits for requests draws less. */
export function floorWatts({ limitWatts, shares }: DevicePower): number {
  return limitWatts * shares.reduce((sum, [weight, { floor }]) => sum + weight * floor, 0);
}

/**
 * Of one device over a step: kernels draw by the shares of roofs that they use, and what the host takes
 * around them draws the floor. Of a pipeline it counts each stage while it computes.
 * @param time with a time above 0.
 */
export function powerOf(
  { seconds, kernelSeconds, roofs }: Pick<StepTime, 'seconds' | 'kernelSeconds' | 'roofs'>,
  power: DevicePower,
): Drawn {
  const kernels = drawnBy(roofs, kernelSeconds, power);
  const host = Math.max(0, seconds - kernelSeconds);
  const watts = (kernels.watts * kernelSeconds + floorWatts(power) * host) / (kernelSeconds + host);
  return { watts, spread: kernels.spread };
}

/** @param seconds in which work is done that takes so long at the roofs. */
function drawnBy(
  { memory, compute }: RoofSeconds,
  seconds: number,
  { limitWatts, shares, standInSpread: borrowed }: DevicePower,
): Drawn {
  if (seconds === 0) return { watts: 0, spread: 0 };
  const each = shares.map(([weight, own]) => ({
    weight,
    spread: own.spread,
    share: Math.min(1, own.floor + (own.memory * memory + own.compute * compute) / seconds),
  }));
  const meanOf = (value: (one: (typeof each)[number]) => number) =>
    each.reduce((sum, one) => sum + one.weight * value(one), 0);
  const share = meanOf((one) => one.share);
  const apart = meanOf((one) => Math.log(one.share / share) ** 2);
  return {
    watts: limitWatts * share,
    spread: Math.sqrt(meanOf((one) => one.spread ** 2) + apart + borrowed ** 2),
  };
}

/**
 * How the power of a clock falls: to the power of so much of the clock, above the floor. At half of the limit
 * prompts take 1.3 times as long and single tokens as long as before (Splitwise: Patel et al., ISCA 2024, and
 * `h100-80gb-pcap` in data/perf_model.csv of Mutinifni/splitwise-sim, MIT): with a floor of a quarter of the
 * limit, (1/2 − 1/4) / (1 − 1/4) = 1.3^−x.
 */
const CLOCK_EXPONENT = Math.log(3) / Math.log(1.3);

/**
 * The same step where devices may draw no more than a cap: the clock goes down until they do, and what
 * arithmetic limits takes longer by as much.
 * @param capWatts above the floor.
 * @returns a clause where no clock gets below the cap.
 */
export function underCap(
  time: Pick<StepTime, 'seconds' | 'kernelSeconds' | 'computeSeconds' | 'roofs'>,
  power: DevicePower,
  capWatts: number,
): { readonly seconds: number; readonly watts: number } | string {
  const { watts } = powerOf(time, power);
  if (watts <= capWatts) return { seconds: time.seconds, watts };
  const floor = floorWatts(power);
  if (capWatts <= floor) return `it draws ${Math.round(floor)} W whatever it computes, more than the cap`;
  const slower = ((watts - floor) / (capWatts - floor)) ** (1 / CLOCK_EXPONENT);
  return { seconds: time.seconds + time.computeSeconds * (slower - 1), watts: capWatts };
}

/** A step that adds up what it draws. */
export interface MeteredStep extends Pick<Step, 'secondsOf'> {
  /**
   * Of one device of each stage, over all steps that were asked for.
   * @param idleSeconds beside them, at the floor: a device that waits draws less.
   */
  joules(idleSeconds: number): number;
}

/** Of so many steps one is looked at: power changes slowly, and takes longer to compute than time. */
const STEPS_A_LOOK = 16;

/** Stands in for a step while a run is simulated. */
export function metered(step: Pick<Step, 'secondsOf' | 'timeOf'>, power: DevicePower): MeteredStep {
  let [joules, count, watts] = [0, 0, 0];
  return {
    secondsOf: (batch: StepBatch) => {
      const seconds = step.secondsOf(batch);
      if (seconds > 0 && count++ % STEPS_A_LOOK === 0) ({ watts } = powerOf(step.timeOf(batch), power));
      joules += watts * seconds;
      return seconds;
    },
    joules: (idleSeconds) => joules + floorWatts(power) * idleSeconds,
  };
}
