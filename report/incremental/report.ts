import type { ResultRecord } from '../../core/result/result.js';
import { sameItems } from '../../core/same.js';
import { axisValuesAnywhere, NAME, nameOf } from '../../core/sweep/labels.js';
import { type Drift, driftOf, type StartSpeeds, speedsOf } from '../../judgement/drift.js';
import { Commons, TELLING_ROWS } from '../../judgement/estimates.js';
import { readingsOf } from '../../judgement/pace.js';
import { combineStarts, startsOf } from '../../judgement/trials.js';
import { offFront, unplaced } from '../front.js';
import { headlinesOf } from '../headlines.js';
import { type SharedLevel, sharedLevels, withCalm } from '../levels.js';
import { noteGroups } from '../notes.js';
import type { Report, ReportRequest } from '../report.js';
import { rowLabels } from '../row-labels.js';
import { gradeOfRow, type Row, type RowState } from '../rows.js';
import { AbsenceTally } from './absences.js';
import { type Axes, AxisTally } from './axes.js';
import { compareEntries, type Entry, insertByTime } from './entry.js';
import { MetricTally } from './metrics.js';
import { ParetoStatus } from './pareto-status.js';
import { RunSummary } from './run-summary.js';

/**
 * A report to which records are added. Only what a new record changes is computed again. Rows, columns and
 * axes that did not change are the same objects, so that whoever draws them knows. However records are
 * divided into additions, the report is the same, except for the order among trials that began in the same
 * millisecond.
 */
export class IncrementalReport {
  readonly #request: ReportRequest;
  readonly #entries = new Map<string, Entry>();
  readonly #order: Entry[] = [];
  /** Entries that got trials since the last report. */
  readonly #changed = new Set<Entry>();
  readonly #numbers: RowNumbers | null;
  readonly #run = new RunSummary();
  readonly #axes = new AxisTally();
  readonly #drift = new DriftTally();
  readonly #pareto: ParetoStatus;
  readonly #metrics: MetricTally;
  readonly #absences: AbsenceTally;
  readonly #controls: ResultRecord[] = [];
  /** What rows have in common, and the starts that told it. */
  #commons = new Commons([]);
  #telling: readonly (readonly ResultRecord[])[] = [];
  /** Names that say all of a row. */
  readonly #single: ReadonlySet<string>;
  #byNode = false;
  #labels = '';
  #shown: Report['metrics'] = [];

  constructor(request: ReportRequest) {
    const { objectives, columns = null, points } = request;
    this.#request = request;
    this.#single = new Set((request.names ?? []).flatMap(({ name, single }) => (single ? [name] : [])));
    this.#numbers = points === undefined ? null : new RowNumbers(points);
    this.#pareto = new ParetoStatus(objectives, request.bounds ?? []);
    this.#metrics = new MetricTally(objectives, columns);
    this.#absences = new AbsenceTally(columns);
  }

  /** Each trial once. */
  add(records: readonly ResultRecord[]): void {
    for (const record of records) {
      this.#run.add(record);
      // Another depth is another number: no row, and no reading of drift.
      if (record.sweep.purpose === 'probe') continue;
      this.#drift.add(record);
      if (record.sweep.purpose === 'control') insertByTime(this.#controls, record);
      if (record.sweep.purpose === 'measure') this.#addMeasured(record);
    }
  }

  /** @returns the report of all records so far. */
  report(): Report {
    const { sweepName, objectives, columns = null, starts = null, maxStarts = null } = this.#request;
    const { names = [] } = this.#request;
    const come = this.#chooseTrials();
    const axes = this.#axes.axesOf(this.#order, come.fresh);
    this.#label(axes);
    this.#pareto.place(this.#order, come.changed);
    const rows = this.#rows();
    const states: Record<RowState, number> = { valid: 0, invalid: 0, failed: 0 };
    for (const { state } of rows) states[state] += 1;
    const drift = this.#drift;
    const { count } = drift;
    const levels = sharedLevels(this.#commons, rows);
    const controls = [...this.#controls];
    let headlines: string[] | null = null;
    return {
      sweepName,
      objectives,
      columns,
      starts,
      maxStarts,
      names,
      rows,
      axes: axes.varying,
      constants: axes.constant,
      metrics: this.#columns(levels),
      levels,
      notes: noteGroups(rows),
      // A CSV shows none, and judging the drift of many starts takes its time.
      get headlines() {
        headlines ??= headlinesOf({
          rows,
          starts,
          maxStarts,
          drift: drift.drift(count),
          objectives,
          levels,
          controls,
        });
        return headlines;
      },
      absences: this.#absences.list(),
      unplaced: unplaced(this.#withoutPlace(), objectives, this.#request.bounds ?? []),
      counts: {
        experiments: rows.length,
        ...states,
        disturbed: rows.filter(({ grade }) => grade === 'disturbed').length,
        trials: this.#run.trials,
      },
      place: this.#run.place,
      controls,
      startedAt: this.#run.startedAt,
      endedAt: this.#run.endedAt,
    };
  }

  /** The same list where neither it nor what is shown of a calm machine has changed. */
  #columns(levels: readonly SharedLevel[]): Report['metrics'] {
    const columns = withCalm(this.#metrics.columns(), levels);
    if (!sameItems(columns.map(keyOf), this.#shown.map(keyOf))) this.#shown = columns;
    return this.#shown;
  }

  /** Rows without a number for an objective, or that miss a bound. */
  #withoutPlace(): Row[] {
    const lacking = this.#order.filter(({ mark }) => mark !== null && mark.missing !== null);
    return lacking.flatMap(({ row }) => row ?? []);
  }

  #addMeasured(record: ResultRecord): void {
    const { experimentId, sweep } = record;
    let entry = this.#entries.get(experimentId);
    if (entry === undefined) {
      const number = this.#numbers?.take(sweep.position) ?? 0;
      entry = {
        trials: [],
        starts: [],
        trial: null,
        position: sweep.position,
        point: {},
        label: null,
        number,
        mark: null,
        row: null,
        rendered: { mark: null, dominatedBy: null },
      };
      this.#entries.set(experimentId, entry);
    }
    insertByTime(entry.trials, record);
    // Rows of one position stand by their first trials.
    if (entry.trial !== null && entry.trials[0] === record) this.#axes.spoil();
    this.#changed.add(entry);
  }

  /**
   * Finds the trials that count and their common estimate.
   * @returns what is new, and what has changed.
   */
  #chooseTrials(): { fresh: readonly Entry[]; changed: readonly Entry[] } {
    const fresh: Entry[] = [];
    const changed = new Set<Entry>();
    for (const entry of this.#changed) {
      entry.row = null;
      const counted = startsOf(entry.trials);
      // Without a complete trial the last one says what went wrong.
      const starts = counted.length > 0 ? counted : entry.trials.slice(-1);
      if (sameItems(starts, entry.starts)) continue;
      if (entry.trial === null) {
        fresh.push(entry);
        this.#order.push(entry);
      } else this.#axes.spoil();
      changed.add(entry);
      entry.starts = starts;
      entry.position = starts[0]!.sweep.position;
      entry.label = null;
    }
    if (this.#changed.size > 0) this.#order.sort(compareEntries);
    this.#changed.clear();
    const learned = this.#learn();
    // With another adjustment every number of every row changes a little.
    if (learned) this.#metrics.clear();
    for (const { trial } of changed) {
      if (trial !== null && !learned) this.#metrics.remove(trial);
      if (trial !== null) this.#absences.remove(trial);
    }
    for (const entry of learned ? this.#order : changed) this.#combine(entry);
    for (const { trial } of changed) this.#absences.add(trial!);
    if (learned) for (const entry of this.#order) changed.add(entry);
    this.#place(changed);
    return { fresh, changed: [...changed] };
  }

  /** What all rows have in common follows from the first of them. @returns whether it has changed. */
  #learn(): boolean {
    const first = this.#order.slice(0, TELLING_ROWS).map(({ starts }) => starts);
    // One start says nothing about spread, but its readings of neighbours count.
    const telling = first.filter((starts) => starts.length > 1 || readingsOf(starts[0]!, 'decode') !== null);
    if (sameItems(telling, this.#telling)) return false;
    this.#telling = telling;
    this.#commons = new Commons(telling);
    return true;
  }

  #combine(entry: Entry): void {
    entry.row = null;
    entry.trial = combineStarts(entry.starts, this.#commons);
    this.#metrics.add(entry.trial);
  }

  /** Where a row ran is worth a column as soon as there is more than one place. */
  #place(changed: ReadonlySet<Entry>): void {
    const byNode = this.#run.place.nodes.length > 1;
    const all = byNode !== this.#byNode;
    this.#byNode = byNode;
    if (all) this.#axes.spoil();
    for (const entry of all ? this.#order : changed) {
      if (entry.trial !== null) entry.point = this.#pointOf(entry.trial);
      if (all) entry.row = null;
    }
  }

  /** Labels name what varies, so they are all written again when something else does. */
  #label({ varying }: Axes): void {
    const labels = JSON.stringify(varying.map(({ name, numeric, texts }) => [name, numeric ? [] : texts]));
    const same = labels === this.#labels;
    this.#labels = labels;
    const labelOf = rowLabels(varying);
    for (const entry of this.#order) {
      if ((same && entry.label !== null) || entry.trial === null) continue;
      const { name } = entry.point;
      const label = typeof name === 'string' && this.#single.has(name) ? name : labelOf(entry.point);
      if (label !== entry.label) entry.row = null;
      entry.label = label;
    }
  }

  /** The axes of a row, with its name and the place where it ran, where there are any. */
  #pointOf(trial: ResultRecord): Entry['point'] {
    const axes = axisValuesAnywhere(trial.experiment);
    const names = this.#request.names ?? [];
    const name = names.length === 0 ? {} : { [NAME]: nameOf(names, axes)?.name ?? null };
    return { ...name, ...axes, ...(this.#byNode ? { node: trial.node.name } : {}) };
  }

  #rows(): Row[] {
    if (this.#numbers === null) {
      this.#order.forEach((entry, i) => {
        entry.number = i + 1;
      });
    }
    const rows: Row[] = [];
    // Of ten thousand rows one has changed: what the others are made of is not even looked at.
    for (const entry of this.#order) {
      const dominatedBy = entry.mark?.dominatedBy?.number ?? null;
      const same =
        entry.row?.number === entry.number &&
        entry.rendered.mark === entry.mark &&
        entry.rendered.dominatedBy === dominatedBy;
      if (!same && entry.trial !== null) entry.row = this.#row(entry, entry.trial, dominatedBy);
      entry.rendered = { mark: entry.mark, dominatedBy };
      if (entry.row !== null) rows.push(entry.row);
    }
    return rows;
  }

  #row(
    { trials, starts, mark, number, label, point, row }: Entry,
    trial: ResultRecord,
    dominatedBy: number | null,
  ): Row {
    const { objectives, bounds = [] } = this.#request;
    const off = mark === null ? null : offFront(trial, { ...mark, dominatedBy }, objectives, bounds);
    const onFront = mark?.onFront ?? false;
    if (row?.number === number && row.onFront === onFront && row.offFront === off) return row;
    return {
      experimentId: trial.experimentId,
      number,
      experiment: trial.experiment,
      axes: point,
      label: label ?? '',
      trial,
      starts,
      others: trials.filter((t) => !starts.includes(t)),
      state: trial.status === 'failed' ? 'failed' : trial.valid ? 'valid' : 'invalid',
      grade: trial.status === 'failed' ? null : gradeOfRow({ trial, starts }),
      onFront,
      offFront: off,
      warnings: trial.warnings,
    };
  }
}

/** What a column of metrics is told by. */
const keyOf = ({ name, scale, shown }: Report['metrics'][number]): string =>
  `${name} ${scale.unit} ${scale.divisor} ${scale.decimals} ${shown}`;

/** Whether the machine drifted, judged when somebody asks and something came since. */
class DriftTally {
  readonly #starts: StartSpeeds[] = [];
  #judged = 0;
  #drift: Drift | null = null;

  /** Starts so far. */
  get count(): number {
    return this.#starts.length;
  }

  add(record: ResultRecord): void {
    const speeds = speedsOf(record);
    if (speeds !== null) this.#starts.push(speeds);
  }

  /** @param count of the first starts that are judged. */
  drift(count: number): Drift | null {
    if (this.#judged !== count) this.#drift = driftOf(this.#starts.slice(0, count));
    this.#judged = count;
    return this.#drift;
  }
}

/** Numbers of rows that stay as they are: a row's place in its sweep, from 1. */
class RowNumbers {
  readonly #taken = new Set<number>();
  #beyond: number;

  /** @param points of the sweep */
  constructor(points: number) {
    this.#beyond = points;
  }

  /**
   * @returns the number for a position. Where another row has that place already (the same point on another
   *   node, or a result taken over from another sweep), the next one after all points.
   */
  take(position: number): number {
    const place = position + 1;
    const free = place <= this.#beyond && !this.#taken.has(place);
    if (!free) this.#beyond += 1;
    const number = free ? place : this.#beyond;
    this.#taken.add(number);
    return number;
  }
}
