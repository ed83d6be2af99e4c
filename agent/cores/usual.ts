import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import type { DisturbanceLimits } from '../../core/experiment/experiment.js';
import { leastCoreShare } from '../../core/judgement/disturbance.js';
import type { SampleSeries } from '../../core/result/result.js';
import { median, quantileOfSorted, sorted } from '../../core/statistics/quantile.js';
import type { CoresFound } from '../native/cores.js';

/** Of some CPUs at one moment, as kernels/cores/cores.h has it. */
interface CoresAt extends CoresFound {
  readonly cpus: readonly number[];
}

export interface CoresReading extends CoresAt {
  readonly seconds: number;
}

const namedSchema = z.record(z.string(), z.number().positive());
const keptSchema = z.object({ of: z.string(), widths: namedSchema, latencies: namedSchema });
/** By CPU, and by pair: `0-1`. */
export type CoresUsual = Readonly<Omit<z.infer<typeof keptSchema>, 'of'>>;
export const NOTHING: CoresUsual = { widths: {}, latencies: {} };

/** Readings of a CPU or pair that are looked back on. */
const MOST = 2000;
/** Fewer say too little of what is usual to wait for it, or to be kept for the next run. */
export const FEWEST = 20;
/** So many stand for themselves: what an earlier run saw counts no more, were it too good to come again. */
const ENOUGH = 200;
/** Of all widths, so that a single reading that came out too good does no harm. */
const WIDE = 0.9;
/** Of all latencies: CPUs may lie apart in two thirds of them. */
const NEAR = 0.3;
/** Between two threads of one core it is about half as long as between two cores. */
const ONE_CORE = 0.75;
/** Two CPUs on one core are nearer to each other than those that have a core each, and so for a moment after they left it. */
const OWN_CORE = 0.97;

/**
 * What the cores of this machine give when nobody else is on them, and how far they usually lie from each other, as
 * the readings have it. Kept in a file, for a machine may be shared just when its first trial runs.
 */
export class UsualCores {
  readonly #file: string | null;
  readonly #of: string;
  readonly #before: CoresUsual;
  readonly #widths = new Readings((values) => quantileOfSorted(values, WIDE), Math.max);
  readonly #latencies = new Readings((values) => quantileOfSorted(values, NEAR), Math.min);

  /**
   * @param file null = nothing is kept.
   * @param of what they hang on: those of another processor or library count no more.
   */
  constructor(file: string | null, of: string) {
    this.#file = file;
    this.#of = of;
    this.#before = file === null ? NOTHING : kept(file, of);
  }

  /**
   * Learns from the readings of a trial.
   * @returns the share of its core that the CPU had which had least of it (1 = all to itself), and by how much the pair that lies
   * farthest from its usual place is slower than there (1 = all as usual); without a pair only the first.
   */
  series(trial: readonly CoresReading[]): SampleSeries[] {
    if (trial.length === 0) return [];
    this.learn(trial);
    this.#keep(this.known());
    const usual = this.#usual(1);
    const places = trial.map((reading) => ({ seconds: reading.seconds, ...placeOf(reading, usual) }));
    const gauge = (quantity: string, seconds: number[], values: number[]): SampleSeries => {
      const between = seconds.slice(1).map((time, i) => time - seconds[i]!);
      return {
        ...{ meter: 'cores', quantity, unit: 'ratio', kind: 'gauge' },
        // As often as trials rest.
        periodSeconds: between.length === 0 ? 0 : median(between),
        ...{ seconds, values },
      };
    };
    const paired = places.filter(({ latencyRatio }) => latencyRatio !== null);
    return [
      gauge(
        'coreShareRatio',
        places.map(({ seconds }) => seconds),
        places.map(({ share }) => share),
      ),
      gauge(
        'coreLatencyRatio',
        paired.map(({ seconds }) => seconds),
        paired.map(({ latencyRatio }) => latencyRatio!),
      ),
    ].filter(({ values }) => values.length > 0);
  }

  /** What is usual, as far as enough readings of this run and those before tell. */
  known(): CoresUsual {
    return this.#usual(FEWEST);
  }

  learn(readings: readonly CoresAt[]): void {
    for (const { cpus, widths } of readings) this.#widths.add(cpus.map(String), widths);
    const { widths } = this.#usual(1);
    for (const reading of readings) {
      if (Math.min(...sharesOf(reading, widths)) >= OWN_CORE)
        this.#latencies.add(pairsOf(reading), reading.latencies);
    }
  }

  #usual(fewest: number): CoresUsual {
    return {
      widths: this.#widths.usual(this.#before.widths, fewest),
      latencies: this.#latencies.usual(this.#before.latencies, fewest),
    };
  }

  /** A folder that cannot be written to only means that the next run learns it anew. */
  #keep(found: CoresUsual): void {
    if (this.#file === null || JSON.stringify(found) === JSON.stringify(this.#before)) return;
    const draft = `${this.#file}.${process.pid}.draft`;
    try {
      mkdirSync(dirname(this.#file), { recursive: true });
      writeFileSync(draft, `${JSON.stringify({ of: this.#of, ...found })}\n`);
      renameSync(draft, this.#file);
    } catch {}
  }
}

/** The last readings of CPUs or pairs, by name. */
class Readings {
  readonly #seen = new Map<string, number[]>();
  readonly #best: (sorted: readonly number[]) => number;
  readonly #better: (a: number, b: number) => number;

  constructor(best: (sorted: readonly number[]) => number, better: (a: number, b: number) => number) {
    this.#best = best;
    this.#better = better;
  }

  add(names: readonly string[], values: readonly number[]): void {
    names.forEach((name, i) => {
      const own = this.#seen.get(name) ?? [];
      own.push(values[i]!);
      if (own.length > MOST) own.shift();
      this.#seen.set(name, own);
    });
  }

  /** @returns what is usual of each, or was before where that is better and readings are few; of those with at least so many. */
  usual(before: Readonly<Record<string, number>>, fewest: number): Record<string, number> {
    const usual = [...this.#seen].flatMap(([name, values]) => {
      if (values.length < fewest) return [];
      const now = this.#best(sorted(values));
      const earlier = values.length < ENOUGH ? before[name] : undefined;
      return [[name, this.#better(now, earlier ?? now)] as const];
    });
    return { ...before, ...Object.fromEntries(usual) };
  }
}

/**
 * @returns the share of its core that the CPU has which has least, for threads that share work wait for it, and the latency of the pair
 * farthest from its usual place over what is usual there.
 */
export function placeOf(
  found: CoresAt,
  { widths, latencies }: CoresUsual,
): { readonly share: number; readonly latencyRatio: number | null } {
  const distances = distancesOf(found, latencies);
  return {
    share: Math.min(...sharesOf(found, widths)),
    latencyRatio: distances.length === 0 ? null : Math.max(...distances),
  };
}

/** @returns whether CPUs have their cores to themselves and lie where they usually do, within limits and as far as that is known. */
export function liesAsUsual(
  found: CoresAt,
  { widths, latencies }: CoresUsual,
  limits: DisturbanceLimits,
): boolean {
  return (
    sharesOf(found, widths).every((share) => share >= leastCoreShare(limits)) &&
    distancesOf(found, latencies).every((ratio) => ratio <= limits.maxCoreLatencyRatio)
  );
}

/** @returns whether each CPU is on a core of its own, as near to the next one as usual, as far as that is known: whoever else is on it. */
export function isPlacedAsUsual(
  found: CoresAt,
  { latencies }: CoresUsual,
  { maxCoreLatencyRatio }: Pick<DisturbanceLimits, 'maxCoreLatencyRatio'>,
): boolean {
  return distancesOf(found, latencies).every((ratio) => ratio > ONE_CORE && ratio <= maxCoreLatencyRatio);
}

/** @returns of each CPU the share of its core that it had; of one that nothing is known of, all. */
function sharesOf({ cpus, widths }: CoresAt, usual: CoresUsual['widths']): number[] {
  return cpus.map((cpu, i) => Math.min(1, widths[i]! / (usual[cpu] ?? widths[i]!)));
}

/** @returns of each pair that something is known of, latency over the usual. */
function distancesOf(found: CoresAt, usual: CoresUsual['latencies']): number[] {
  return pairsOf(found).flatMap((pair, i) => (pair in usual ? found.latencies[i]! / usual[pair]! : []));
}

function pairsOf({ cpus }: CoresAt): string[] {
  return cpus.slice(1).map((cpu, i) => `${cpus[i]}-${cpu}`);
}

function kept(file: string, of: string): CoresUsual {
  try {
    const { of: whose, ...found } = keptSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
    return whose === of ? found : NOTHING;
  } catch {
    return NOTHING;
  }
}
