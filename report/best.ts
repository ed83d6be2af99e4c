import { getOrMake } from '../core/maps.js';
import type { ResultRecord } from '../core/result/result.js';
import type { Objective } from '../core/sweep/spec.js';
import { isBetter } from '../judgement/pareto.js';
import { combineStarts, startsOf } from '../judgement/trials.js';
import { buildReport } from './build.js';
import { CompactRecords } from './compact.js';
import { type Quoted, quotedOf } from './quoted.js';

/** A configuration of a model on one device, with all its starts of whatever sweep. */
export interface BestRow extends Pick<Quoted, 'unit' | 'value' | 'interval'> {
  readonly experimentId: string;
  /** What sets it apart from the other rows. */
  readonly label: string;
  readonly node: string;
  readonly device: string;
  /** Of the starts that count: those of the engine that ran last. */
  readonly engine: string | null;
  readonly starts: number;
  /** Names of the sweeps that measured it, each once. */
  readonly sweeps: readonly string[];
  /** Begin of the first and of the last start, ISO 8601. */
  readonly first: string;
  readonly last: string;
}

/**
 * The best rows by a metric over results of any sweeps, to which records are added one by one. Of a record
 * only what decides is kept, about a kilobyte.
 */
export class BestRows {
  readonly #by: Objective;
  readonly #lean: CompactRecords;
  readonly #records = new Map<string, ResultRecord[]>();

  constructor(by: Objective) {
    this.#by = by;
    this.#lean = new CompactRecords([by.metric]);
  }

  /**
   * Failed and invalid trials, probes and drift controls are no rows. Records come in the order of the log.
   */
  add(record: ResultRecord): void {
    if (record.status !== 'complete' || !record.valid || record.sweep.purpose !== 'measure') return;
    const { experimentId, node, device } = record;
    const key = JSON.stringify([experimentId, node.name, device.id]);
    getOrMake(this.#records, key, () => []).push(this.#lean.compacted(record));
  }

  /** @returns so many rows at most, the best one first; rows without a number are left out. */
  rows(most: number): BestRow[] {
    const { metric, better } = this.#by;
    const rated = [...this.#records.values()].flatMap((records) => {
      const starts = startsOf(records);
      const trial = combineStarts(starts);
      const quoted = quotedOf({ trial }, metric);
      return quoted === null ? [] : [{ trial, starts, quoted }];
    });
    rated.sort((a, b) => {
      if (a.quoted.value === b.quoted.value) return 0;
      return isBetter(a.quoted.value, b.quoted.value, better) ? -1 : 1;
    });
    const best = rated.slice(0, most);
    const labels = labelsOf(best.map(({ trial }) => trial));
    return best.map(({ trial, starts, quoted: { unit, value, interval } }) => {
      const times = starts.map(({ startedAt }) => startedAt).sort();
      const engine = starts.at(-1)?.environment.engine;
      return {
        experimentId: trial.experimentId,
        label: labels.get(trial.experimentId) || trial.experiment.model.name,
        node: trial.node.name,
        device: trial.device.name,
        engine: engine === undefined ? null : String(engine),
        unit,
        value,
        interval,
        starts: starts.length,
        sweeps: [...new Set(starts.map(({ sweep }) => sweep.name))],
        first: times[0]!,
        last: times.at(-1)!,
      };
    });
  }
}

function labelsOf(trials: readonly ResultRecord[]): Map<string, string> {
  const { rows } = buildReport(trials, { sweepName: '', objectives: [] });
  return new Map(rows.map(({ experimentId, label }) => [experimentId, label]));
}
