import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import type { SampleSeries } from '../../core/result/result.js';
import { median, quantileOfSorted, sorted } from '../../core/statistics/quantile.js';
import { mean } from '../../core/statistics/summary.js';

/** Of one CPU at one moment, as kernels/cores/cores.h has it. */
interface Reading {
  readonly cpu: number;
  readonly width: number;
}

/** Of all CPUs of a trial at one moment. */
export interface CoresReading {
  readonly seconds: number;
  readonly readings: readonly Reading[];
}

const keptSchema = z.object({ of: z.string(), widths: z.record(z.string(), z.number().positive()) });

/** Readings of a CPU that are looked back on. */
const MOST = 2000;
/** Of what was seen, so that a single reading that came out too high does no harm. */
const BEST = 0.9;

/**
 * What cores give a CPU when nobody else is on them: of all readings of it the best tenth begins there. Kept in a file, for a machine may be
 * shared just when its first trial runs.
 */
export class CoreWidths {
  readonly #file: string;
  readonly #of: string;
  readonly #before: Readonly<Record<string, number>>;
  readonly #seen = new Map<number, number[]>();

  /** @param of what widths hang on: those of another processor or library count no more. */
  constructor(file: string, of: string) {
    this.#file = file;
    this.#of = of;
    this.#before = kept(file, of);
  }

  /** Learns from the readings of a trial. @returns the share of their cores that its CPUs had, averaged over them: 1 = all to themselves. */
  series(trial: readonly CoresReading[]): SampleSeries[] {
    if (trial.length === 0) return [];
    for (const { readings } of trial) this.#add(readings);
    // Once for each CPU: a trial has hundreds of readings, and a machine hundreds of CPUs.
    const best = new Map([...this.#seen.keys()].map((cpu) => [cpu, this.#best(cpu)]));
    this.#keep(best);
    const seconds = trial.map((reading) => reading.seconds);
    const between = seconds.slice(1).map((time, i) => time - seconds[i]!);
    return [
      {
        ...{ meter: 'cores', quantity: 'coreShareRatio', unit: 'ratio', kind: 'gauge' },
        // As often as trials rest.
        periodSeconds: between.length === 0 ? 0 : median(between),
        seconds,
        values: trial.map(({ readings }) =>
          mean(readings.map(({ cpu, width }) => Math.min(1, width / best.get(cpu)!))),
        ),
      },
    ];
  }

  #add(readings: readonly Reading[]): void {
    for (const { cpu, width } of readings) {
      const own = this.#seen.get(cpu) ?? [];
      own.push(width);
      if (own.length > MOST) own.shift();
      this.#seen.set(cpu, own);
    }
  }

  /** A folder that cannot be written to only means that the next run learns it anew. */
  #keep(best: ReadonlyMap<number, number>): void {
    const widths = { ...this.#before, ...Object.fromEntries(best) };
    if (JSON.stringify(widths) === JSON.stringify(this.#before)) return;
    const draft = `${this.#file}.${process.pid}.draft`;
    try {
      mkdirSync(dirname(this.#file), { recursive: true });
      writeFileSync(draft, `${JSON.stringify({ of: this.#of, widths })}\n`);
      renameSync(draft, this.#file);
    } catch {}
  }

  #best(cpu: number): number {
    const seen = this.#seen.get(cpu);
    const now = seen === undefined ? 0 : quantileOfSorted(sorted(seen), BEST);
    return Math.max(now, this.#before[cpu] ?? 0);
  }
}

function kept(file: string, of: string): Readonly<Record<string, number>> {
  try {
    const read = keptSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
    return read.of === of ? read.widths : {};
  } catch {
    return {};
  }
}
