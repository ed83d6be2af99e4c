import { isPresent, type Measurement, type Missing, type ResultRecord } from '../core/result/result.js';
import { sameJson } from '../core/same.js';
import { leadOf, paceOf, READING_METRICS } from '../judgement/pace.js';

type Measurements = Record<string, Measurement | Missing>;

/**
 * Records of which only the part that decides on rows is kept, for when there are tens of thousands. Which
 * rows they make, in which order and on which front is known after the last record only. What a record has in
 * common with the one before it is kept once.
 */
export class CompactRecords {
  /** Those that decide, and what they are estimated from. */
  readonly metrics: ReadonlySet<string>;
  #before: ResultRecord | null = null;

  /** @param metrics whose numbers decide */
  constructor(metrics: readonly string[]) {
    const leads = metrics.map((metric) => leadOf(metric, paceOf(metric).pace));
    const adjusted = metrics.some((metric) => paceOf(metric).pace !== 'plain');
    this.metrics = new Set([...metrics, ...leads, ...(adjusted ? READING_METRICS : [])]);
  }

  /** @returns the record without all else. */
  compacted(record: ResultRecord): ResultRecord {
    const before = this.#before ?? record;
    const { serving: _, graph: __, ...rest } = record;
    const measurements: Measurements = {};
    for (const name of this.metrics) {
      const entry = record.measurements[name];
      if (entry === undefined) continue;
      const bare = { stddev: null, cv: null, ci95: null, samples: null };
      measurements[name] = isPresent(entry) ? { ...entry, ...bare } : entry;
    }
    this.#before = {
      ...rest,
      experiment: sharing(record.experiment, before.experiment),
      node: sharing(record.node, before.node),
      device: sharing(record.device, before.device),
      repeats: sharing(record.repeats, before.repeats),
      warnings: sharing(record.warnings, before.warnings),
      measurements,
      environment: decidingOf(record),
      absent: {},
      artifact: null,
      quality: null,
      profile: null,
      roofline: null,
      training: null,
      kernel: null,
      roofs: null,
      phases: [],
      tokenSeconds: [],
      samples: [],
    };
    return this.#before;
  }
}

/**
 * Starts of different engines, or of different builds of one, are no starts of one row; and others on CPUs
 * that no thread wants are no neighbours.
 */
const decidingOf = ({
  environment: { engine, engineBuild, threads },
}: ResultRecord): ResultRecord['environment'] => ({
  ...(engine !== undefined && { engine }),
  ...(engineBuild !== undefined && { engineBuild }),
  ...(threads !== undefined && { threads }),
});

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
