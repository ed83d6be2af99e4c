import { setTimeout as sleep } from 'node:timers/promises';
import { cleanSeries } from '../../core/metrics/series.js';
import type { SampleSeries } from '../../core/result/result.js';
import { type Warning, warn } from '../../core/result/warnings.js';

/** What a node draws while it does nothing, as it was read before a sweep. */
export interface Baseline {
  /** By energy domain; a domain that could not be told is left out. */
  readonly watts: Readonly<Record<string, number>>;
  readonly measuredAt: string;
  readonly seconds: number;
  /** Cores that were busy meanwhile, the agent's own use left out; null where it could not be seen. */
  readonly busyCores: number | null;
  /** How busy the device was; null on CPUs. */
  readonly busyRatio: number | null;
}

/**
 * After this long it is read again: rooms warm up during a long sweep, and warm chips draw more when idle.
 */
const OLDEST_SECONDS = 3600;
/** A device busier than this is not idle. Below it lies the driver's own occasional work. */
const IDLE_RATIO = 0.05;

/**
 * The idle power of each device, read once before the first trial of a sweep on it and again after an hour.
 * All trials of a sweep are then compared with the same idle, and none waits for a reading of its own.
 */
export class IdleBaselines {
  readonly #bySweep = new Map<string, { readonly baseline: Baseline; readonly at: number }>();
  readonly #now: () => number;

  /** @param now monotonic seconds. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** @returns whether it need not be read again yet. */
  has(sweepId: string, deviceId: string): boolean {
    return this.#fresh(`${sweepId}/${deviceId}`) !== null;
  }

  /**
   * To be called before anything runs on the device.
   * @param read the series so far, of meters that have just been started
   * @returns null when there is no time to read it in.
   */
  async measuredOnce(
    sweepId: string,
    deviceId: string,
    seconds: number,
    read: () => readonly SampleSeries[],
  ): Promise<Baseline | null> {
    const key = `${sweepId}/${deviceId}`;
    const fresh = this.#fresh(key);
    if (fresh !== null) return fresh;
    if (seconds === 0) return null;
    await sleep(seconds * 1000);
    const baseline = baselineOf(read(), seconds, new Date());
    // Readings of sweeps long past are dropped, or they would pile up.
    for (const [other, { at }] of this.#bySweep) {
      if (this.#now() - at >= OLDEST_SECONDS) this.#bySweep.delete(other);
    }
    this.#bySweep.set(key, { baseline, at: this.#now() });
    return baseline;
  }

  #fresh(key: string): Baseline | null {
    const fresh = this.#bySweep.get(key);
    return fresh !== undefined && this.#now() - fresh.at < OLDEST_SECONDS ? fresh.baseline : null;
  }
}

export function baselineOf(samples: readonly SampleSeries[], seconds: number, at: Date): Baseline {
  const busy = rateOf(samples, 'systemBusyCpuSeconds');
  const own = rateOf(samples, 'agentCpuSeconds');
  const ratios = samples.find(({ quantity }) => quantity === 'deviceUtilizationRatio')?.values ?? [];
  return {
    watts: idleWatts(samples),
    measuredAt: at.toISOString(),
    seconds,
    busyCores: busy === null ? null : Math.max(0, busy - (own ?? 0)),
    busyRatio: ratios.length === 0 ? null : ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length,
  };
}

/** @param maxForeignCores what the sweep's policy forgives while a trial runs, too */
export function baselineWarnings({ busyCores, busyRatio }: Baseline, maxForeignCores: number): Warning[] {
  const found: string[] = [];
  if (busyCores !== null && busyCores > maxForeignCores) {
    found.push(
      `${busyCores.toFixed(2)} cores were busy, more than the ${maxForeignCores} of maxForeignCores`,
    );
  }
  if (busyRatio !== null && busyRatio > IDLE_RATIO) {
    found.push(`the device was busy for ${(busyRatio * 100).toFixed(0)} % of the time`);
  }
  return found.length === 0 ? [] : [warn('idle-busy', `while idle power was read, ${found.join(', and ')}`)];
}

function rateOf(samples: readonly SampleSeries[], wanted: string): number | null {
  const found = samples.find(({ quantity }) => quantity === wanted);
  const [first, last] = [found?.seconds[0], found?.seconds.at(-1)];
  if (found === undefined || first === undefined || last === undefined || last <= first) return null;
  return (found.values.at(-1)! - found.values[0]!) / (last - first);
}

/**
 * Idle power per energy domain, in watts, from readings taken before the model was loaded: growth of the
 * counter where there is one, else the mean of the power (of a mean over a second it is the same). A domain
 * that cannot be told is left out.
 */
export function idleWatts(samples: readonly SampleSeries[]): Record<string, number> {
  const watts: Record<string, number> = {};
  for (const { quantity, seconds, values } of samples.map(cleanSeries)) {
    const [what, domain] = quantity.split(':');
    if (domain === undefined || values.length < 2) continue;
    if (what === 'energyJoules') {
      const power = growth(seconds, values);
      if (power !== null) watts[domain] = power;
    } else if (what === 'powerWatts' || what === 'powerAverageWatts') {
      watts[domain] ??= values.reduce((sum, value) => sum + value, 0) / values.length;
    }
  }
  return watts;
}

/** From the first change of the counter to its last: its steps are longer than our period. */
function growth(seconds: readonly number[], values: readonly number[]): number | null {
  // Begun anew meanwhile: what it counted before is not known.
  if (values.some((value, i) => i > 0 && value < values[i - 1]!)) return null;
  const changes = values.flatMap((value, i) => (i > 0 && value !== values[i - 1] ? [i] : []));
  const [first, last] = [changes[0], changes.at(-1)];
  if (first === undefined || last === undefined || first === last) return null;
  return (values[last]! - values[first]!) / (seconds[last]! - seconds[first]!);
}
