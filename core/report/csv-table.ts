import { isPresent, type Measurement, type Missing, type ResultRecord } from '../result.js';
import { sameJson } from '../same.js';
import { csvFigures, csvPieces } from './csv.js';
import { GrowingReport } from './growing/growing.js';
import type { ReportRequest } from './report.js';

/** A text of figures that was just put together is still its many pieces; as bytes it takes no more than it must. */
const ENCODER = new TextEncoder();
const DECODER = new TextDecoder();

/**
 * The CSV of records that come one by one: the same text as of a report of all of them. Which rows there are, in which order
 * and on which front is known only after the last, so something of each record has to be kept until then: the end of its line as
 * text, and the little that decides on rows.
 */
export class CsvTable {
  readonly #objectives: readonly string[];
  readonly #growing: GrowingReport;
  readonly #figures = new Map<ResultRecord, Uint8Array>();
  /** Of the records before: what the next one says, too, is kept once. */
  #before: ResultRecord | null = null;

  constructor(request: ReportRequest) {
    this.#objectives = request.objectives.map(({ metric }) => metric);
    this.#growing = new GrowingReport(request);
  }

  /** Each trial once. */
  add(record: ResultRecord): void {
    // Drift is judged by every repeat of the controls.
    const measures = record.sweep.purpose === 'measure';
    const kept = measures ? this.#kept(record) : record;
    if (measures) this.#figures.set(kept, ENCODER.encode(csvFigures(record.measurements)));
    this.#growing.add([kept]);
  }

  /** @returns the text, some lines at a time. */
  pieces(): Generator<string> {
    return csvPieces(this.#growing.report(), (trial) => DECODER.decode(this.#figures.get(trial)));
  }

  #kept(record: ResultRecord): ResultRecord {
    const before = this.#before ?? record;
    const measurements: Record<string, Measurement | Missing> = {};
    for (const name of this.#objectives) {
      const entry = record.measurements[name];
      if (entry !== undefined) measurements[name] = quoted(entry);
    }
    this.#before = {
      ...record,
      experiment: sharing(record.experiment, before.experiment),
      node: sharing(record.node, before.node),
      device: sharing(record.device, before.device),
      repeats: sharing(record.repeats, before.repeats),
      warnings: sharing(record.warnings, before.warnings),
      measurements,
      ...{ environment: {}, absent: {}, artifact: null, quality: null, profile: null, roofline: null },
      ...{ training: null, kernel: null, roofs: null, phases: [], tokenSeconds: [], samples: [] },
    };
    return this.#before;
  }
}

/** @returns the number, or why there is none. */
function quoted(entry: Measurement | Missing): Measurement | Missing {
  return isPresent(entry) ? { ...entry, stddev: null, cv: null, ci95: null, samples: null } : entry;
}

/** @returns the value with another one, or parts of it, in its place where they are the same. */
function sharing<T extends object>(value: T, other: T): T {
  if (sameJson(value, other)) return other;
  if (Array.isArray(value)) return value;
  const shared = { ...value } as Record<string, unknown>;
  for (const [key, part] of Object.entries(other)) {
    if (typeof part === 'object' && sameJson(shared[key], part)) shared[key] = part;
  }
  // Every part is what it was.
  return shared as T;
}
