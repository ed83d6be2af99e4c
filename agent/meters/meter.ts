import {
  ENERGY_QUANTITIES,
  type EnergyQuantityName,
  type MeterName,
  QUANTITIES,
  type QuantityName,
} from '../../core/metrics/meters.js';

/**
 * A Meter measures while a trial runs. It lives in the agent, never in the trial's process, and nobody
 * tells it when a phase starts: samples and phases meet in core/metrics/integrate.ts, by their times.
 */
export interface Meter {
  /** Part of every series. */
  readonly name: MeterName;
  readonly quantities: readonly Quantity[];
  /** How often it is read. How often its source renews each quantity is measured (update-period.ts). */
  readonly periodSeconds: number;
  /** Its source renews what it tells by a clock of its own, whose period is measured at the agent's start. */
  readonly ownRhythm?: true;
  /**
   * Reads every quantity once. A quantity that cannot be read now is left out, never 0.
   * Cheap: well under a millisecond, since it runs while others compute.
   */
  read(): readonly Reading[];
  /** What costs more than a reading may cost, read only while the trial rests between two repeats. */
  readResting?(): readonly Reading[];
  /**
   * How often a quantity that was promised could not be read so far: the driver refused, or gave what
   * stands for no value.
   */
  refused?(): ReadonlyMap<string, number>;
  /** The trial's processes are there, or others than before (or gone: null). */
  attach(target: MeterTarget | null): void;
  close(): void;
}

export interface MeterTarget {
  /**
   * Whatever computes for the trial: CPU time and memory of others are foreign. None = nobody knows which.
   */
  readonly processes: readonly TrialProcess[];
  readonly deviceId: string;
  readonly cpus: readonly number[];
}

export interface TrialProcess {
  readonly pid: number;
  /** What it starts computes for the trial, too: a server has workers. Left out = it works alone. */
  readonly tree?: boolean;
}

export interface Quantity {
  /** camelCase with its unit, e.g. `packageEnergyJoules`, `processCpuSeconds`, `cpuClockHertz`. */
  readonly name: string;
  readonly unit: string;
  /** A counter only grows (wrap-around is undone by the meter); a gauge is what it is at that moment. */
  readonly kind: 'gauge' | 'counter';
  /** Energy and power of what: `package-0`, `dram`, `gpu`; null for other quantities. */
  readonly domain: string | null;
}

/** As core/metrics/meters.ts describes it. */
export function quantity(name: QuantityName): Quantity {
  const { unit, kind } = QUANTITIES[name];
  return { name, unit, kind, domain: null };
}

/**
 * Energy or power of a domain. Those called `part` lie inside another domain: to look at, never added to
 * anything.
 */
export function energyQuantity(name: EnergyQuantityName, domain: string): Quantity {
  const { unit, kind } = ENERGY_QUANTITIES[name];
  return { name: `${name}:${domain}`, unit, kind, domain };
}

export interface Reading {
  readonly quantity: string;
  /** Monotonic seconds at which the value held. */
  readonly seconds: number;
  readonly value: number;
}

/** A source that was looked for: found, or absent with the reason that goes into records. */
export type MeterSearch =
  | { readonly found: true; readonly meter: Meter }
  | {
      readonly found: false;
      readonly name: string;
      readonly reason: string;
      /** What it would have told, where that is known; then the reason stands for each of these. */
      readonly quantities?: readonly Quantity[];
    };

/** @returns what a search gives that was in vain. */
export function absentMeter(name: string, reason: string, quantities?: readonly Quantity[]): MeterSearch {
  return { found: false, name, reason, ...(quantities !== undefined && { quantities }) };
}
