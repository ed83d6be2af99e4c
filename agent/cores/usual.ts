import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import { orElse } from '../../core/or-else.js';
import type { SampleSeries } from '../../core/result/result.js';
import type { CoresFound } from '../../engines/native/cores.js';
import { median, quantile } from '../../statistics/quantile.js';

/** Of the CPUs of a trial at one moment. */
export interface CoresReading extends CoresFound {
  readonly seconds: number;
}

/** Readings that are looked back on, of each CPU and pair: those of some thirty trials. */
const MOST = 200;
/**
 * So many of them are at least as good as usual: in three quarters CPUs may share their cores, or lie apart.
 */
const GOOD = 0.25;

/** The last readings by CPU (`0`), or by pair (`0-1`). */
const readings = z.record(z.string(), z.array(z.number().positive()));
const keptSchema = z.object({ of: z.string(), widths: readings, latencies: readings });
type Kept = z.infer<typeof keptSchema>;

/**
 * What the cores of this machine usually give, and how far they usually lie from each other: the best quarter
 * of the last readings begins there. They are kept in a file, for a machine may be shared just when its first
 * trial runs.
 */
export class UsualCores {
  readonly #file: string | null;
  readonly #usual: Kept;

  /**
   * @param file null = nothing is kept.
   * @param of what they hang on: those of another processor or library count no more.
   */
  constructor(file: string | null, of: string) {
    this.#file = file;
    this.#usual = keptIn(file, of) ?? { of, widths: {}, latencies: {} };
  }

  /** @returns from each of these CPUs to the next and back, seconds; null where nothing is known. */
  latencies(cpus: readonly number[]): (number | null)[] {
    return pairsOf(cpus).map((pair) => {
      const last = this.#usual.latencies[pair];
      return last === undefined ? null : quantile(last, GOOD);
    });
  }

  /**
   * Learns from the readings of a trial.
   * @returns two series; without a pair of CPUs only the first. The first is the smallest share of its core
   *   that a CPU of the trial had (1 = all of it), since threads that share work wait for the slowest. The
   *   second is how much slower than usual the pair of CPUs communicates that lies farthest from its usual
   *   distance (1 = as usual).
   */
  series(cpus: readonly number[], trial: readonly CoresReading[]): SampleSeries[] {
    if (trial.length === 0) return [];
    for (const { widths, latencies } of trial) {
      add(this.#usual.widths, cpus.map(String), widths);
      add(this.#usual.latencies, pairsOf(cpus), latencies);
    }
    this.#keep();
    const seconds = trial.map((reading) => reading.seconds);
    const usualWidths = cpus.map((cpu) => quantile(this.#usual.widths[cpu]!, 1 - GOOD));
    const usualLatencies = this.latencies(cpus);
    const share = gauge(
      'coreShareRatio',
      seconds,
      trial.map(({ widths }) => Math.min(1, ...widths.map((width, i) => width / usualWidths[i]!))),
    );
    if (cpus.length === 1) return [share];
    const ratios = trial.map(({ latencies }) =>
      Math.max(...latencies.map((latency, i) => latency / usualLatencies[i]!)),
    );
    return [share, gauge('coreLatencyRatio', seconds, ratios)];
  }

  /** A folder that cannot be written to only means that the next run learns it anew. */
  #keep(): void {
    if (this.#file === null) return;
    const draft = `${this.#file}.${process.pid}.draft`;
    try {
      mkdirSync(dirname(this.#file), { recursive: true });
      writeFileSync(draft, `${JSON.stringify(this.#usual)}\n`);
      renameSync(draft, this.#file);
    } catch {}
  }
}

function add(stored: Kept['widths'], names: readonly string[], values: readonly number[]): void {
  names.forEach((name, i) => {
    stored[name] = [...(stored[name] ?? []), Number(values[i]!.toPrecision(4))].slice(-MOST);
  });
}

function gauge(quantity: string, seconds: number[], values: number[]): SampleSeries {
  const between = seconds.slice(1).map((time, i) => time - seconds[i]!);
  return {
    meter: 'cores',
    quantity,
    unit: 'ratio',
    kind: 'gauge',
    // As often as trials rest.
    periodSeconds: between.length === 0 ? 0 : median(between),
    seconds,
    values,
  };
}

function pairsOf(cpus: readonly number[]): string[] {
  return cpus.slice(1).map((cpu, i) => `${cpus[i]}-${cpu}`);
}

function keptIn(file: string | null, of: string): Kept | null {
  const stored = orElse(() => keptSchema.parse(JSON.parse(readFileSync(file ?? '', 'utf8'))), null);
  return stored?.of === of ? stored : null;
}
