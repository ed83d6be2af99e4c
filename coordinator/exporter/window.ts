import { groupBy } from '../../core/maps.js';
import type { ResultRecord } from '../../core/result/result.js';
import { sameItems } from '../../core/same.js';
import type { Objective } from '../../core/sweep/spec.js';
import { Commons } from '../../judgement/estimates.js';
import { isBetter } from '../../judgement/pareto.js';
import { combinedEntry, combineStarts, startsOf } from '../../judgement/trials.js';
import { comparableValue, quotedEntry, quotedOf, quotedValue } from '../../report/quoted.js';
import { placeKey } from './replayed.js';

/** A result that is exported. */
export interface WindowResult {
  /** What its starts say together, and with the other results of their sweep that are exported. */
  readonly record: ResultRecord;
  /** Oldest first, without their raw samples. */
  readonly starts: readonly ResultRecord[];
}

/** What its starts say alone tells which are the best. */
interface WindowEntry extends WindowResult {
  /** When the newest start came. */
  readonly since: number;
}

/** Of one experiment, so that one that runs for ever does not fill the memory. */
const MOST_STARTS = 100;

function entryOf(before: readonly ResultRecord[], newest: ResultRecord, since: number): WindowEntry {
  const { serving: _, ...rest } = newest;
  const lean: ResultRecord = { ...rest, phases: [], tokenSeconds: [], samples: [] };
  const starts = startsOf([...before, lean]).slice(-MOST_STARTS);
  return new Entry(starts, since);
}

/**
 * What its starts say together takes long to say, and is asked of what is exported alone, and by objectives.
 */
class Entry implements WindowEntry {
  readonly starts: readonly ResultRecord[];
  readonly since: number;
  #record: ResultRecord | null = null;

  constructor(starts: readonly ResultRecord[], since: number) {
    this.starts = starts;
    this.since = since;
  }

  get record(): ResultRecord {
    this.#record ??= combineStarts(this.starts);
    return this.#record;
  }
}

/**
 * @returns a metric by what the starts say together; null = none, or one that is as measured only. One start
 *   alone says what it says, where it has an interval of its own.
 */
function numberOf(entry: WindowEntry, metric: string): number | null {
  const own = quotedOf({ trial: firstOf(entry) }, metric);
  if (entry.starts.length === 1 && own !== null && own.interval !== null) return own.value;
  return comparableValue(quotedEntry(combinedEntry(entry.starts, metric)));
}

/** The sweep and point of an entry, which all of its starts have. */
const firstOf = ({ starts }: WindowEntry): ResultRecord => starts[0]!;

function estimated(entries: readonly WindowEntry[]): WindowEntry[] {
  // In the order of a report, whose first rows tell what all have in common.
  const rows = [...entries].sort((a, b) => firstOf(a).sweep.position - firstOf(b).sweep.position);
  const commons = new Commons(rows.map(({ starts }) => starts));
  return entries.map(({ starts, since }) => ({ starts, since, record: combineStarts(starts, commons) }));
}

/** Sweeps whose best results outlast newer ones: those with the newest results. */
const SWEEPS = 50;

/**
 * The results that are exported right now. Two points of a sweep can differ in any option, so a series needs
 * the experiment's id to be told apart; but a label that grows with every experiment would ruin a Prometheus
 * server. So the id is a label, and what carries it is bounded: the newest `limit` results, and of the newest
 * sweeps the best one by each objective, all for at most `keepSeconds`. Whoever wants history asks
 * Prometheus, whoever wants all of it asks the log. What an id means is exported once, in
 * `ridgepoint_experiment_info`, to be joined `on (experiment)`.
 */
export class ResultWindow {
  readonly #limit: number;
  readonly #keepSeconds: number;
  readonly #objectivesOf: (sweepId: string) => readonly Objective[];
  /** Whether a trial was deleted meanwhile. */
  readonly #isGone: (trialId: string) => boolean;
  /** Oldest first; Map keeps the order of insertion. */
  readonly #newest = new Map<string, WindowEntry>();
  /** By sweep, and what each was estimated from. */
  #estimated = new Map<string, { readonly of: readonly WindowEntry[]; readonly results: WindowEntry[] }>();
  /** By sweep, then by objective. */
  readonly #best = new Map<string, Map<string, WindowEntry>>();

  constructor(
    limit: number,
    keepSeconds: number,
    objectivesOf: (sweepId: string) => readonly Objective[] = () => [],
    isGone: (trialId: string) => boolean = () => false,
  ) {
    this.#isGone = isGone;
    this.#limit = limit;
    this.#keepSeconds = keepSeconds;
    this.#objectivesOf = objectivesOf;
  }

  /** A further start of an experiment on the same device counts together with those before. */
  add(record: ResultRecord, now: number): void {
    const key = placeKey(record);
    const entry = entryOf(
      (this.#newest.get(key)?.starts ?? []).filter(({ trialId }) => !this.#isGone(trialId)),
      record,
      now,
    );
    this.#newest.delete(key);
    this.#newest.set(key, entry);
    for (const oldest of this.#newest.keys()) {
      if (this.#newest.size <= this.#limit) break;
      this.#newest.delete(oldest);
    }
    this.#addBest(entry, key);
  }

  /**
   * Takes in a result that is older than all that are here: it is exported where it is the best by an
   * objective.
   */
  addOlder(record: ResultRecord, since: number): void {
    const { id } = record.sweep;
    const known = this.#best.get(id);
    if (known === undefined && this.#best.size >= SWEEPS) return;
    const byObjective = known ?? new Map<string, WindowEntry>();
    const key = placeKey(record);
    for (const { metric, better } of this.#objectivesOf(id)) {
      const value = quotedValue({ trial: record }, metric);
      const holder = byObjective.get(metric);
      const bestValue = holder === undefined ? null : quotedValue({ trial: holder.record }, metric);
      if (value === null || (holder !== undefined && placeKey(holder.record) === key)) continue;
      if (bestValue === null || isBetter(value, bestValue, better))
        byObjective.set(metric, entryOf([], record, since));
    }
    if (known !== undefined || byObjective.size === 0) return;
    // Sweeps stand by the age of their newest result: this one is the oldest.
    const others = [...this.#best];
    this.#best.clear();
    for (const [sweepId, best] of [[id, byObjective] as const, ...others]) this.#best.set(sweepId, best);
  }

  /** @returns the results to export at this time, oldest first. */
  resultsAt(now: number): WindowResult[] {
    return this.#combineStarts(this.#fresh(now)).sort((a, b) => a.since - b.since);
  }

  /** @returns the trials that they are made of. */
  trials(now: number): string[] {
    return this.#fresh(now).flatMap(({ starts }) => starts.map(({ trialId }) => trialId));
  }

  #fresh(now: number): WindowEntry[] {
    this.#tidy(this.#newest, now);
    const best = [...this.#best].flatMap(([sweepId, byObjective]) => {
      this.#tidy(byObjective, now);
      if (byObjective.size === 0) this.#best.delete(sweepId);
      return [...byObjective.values()];
    });
    const all = new Map(best.map((entry) => [placeKey(firstOf(entry)), entry]));
    for (const [key, entry] of this.#newest) all.set(key, entry);
    return [...all.values()];
  }

  /** Takes out entries that are too old, and starts that were deleted. */
  #tidy(entries: Map<string, WindowEntry>, now: number): void {
    for (const [key, { starts, since }] of entries) {
      const left = starts.filter(({ trialId }) => !this.#isGone(trialId));
      if (left.length === 0 || now - since > this.#keepSeconds) entries.delete(key);
      else if (left.length < starts.length) entries.set(key, new Entry(left, since));
    }
  }

  /**
   * The estimates of a report of what is exported, sweep by sweep; those of a sweep that is as it was are the
   * same objects.
   */
  #combineStarts(entries: readonly WindowEntry[]): WindowEntry[] {
    const before = this.#estimated;
    this.#estimated = new Map(
      [...groupBy(entries, (entry) => firstOf(entry).sweep.id)].map(([id, own]) => {
        const known = before.get(id);
        const isKnown = known !== undefined && sameItems(known.of, own);
        return [id, isKnown ? known : { of: own, results: estimated(own) }];
      }),
    );
    return [...this.#estimated.values()].flatMap(({ results }) => results);
  }

  #addBest(entry: WindowEntry, key: string): void {
    const { id } = firstOf(entry).sweep;
    const byObjective = this.#best.get(id) ?? new Map<string, WindowEntry>();
    this.#best.delete(id);
    this.#best.set(id, byObjective);
    for (const objective of this.#objectivesOf(id)) {
      const value = numberOf(entry, objective.metric);
      const holder = byObjective.get(objective.metric);
      const bestValue = holder === undefined ? null : numberOf(holder, objective.metric);
      // What is measured again replaces itself, also when it is worse now.
      const again = holder !== undefined && placeKey(firstOf(holder)) === key;
      if (value !== null && (bestValue === null || again || isBetter(value, bestValue, objective.better))) {
        byObjective.set(objective.metric, entry);
      }
    }
    for (const oldest of this.#best.keys()) {
      if (this.#best.size <= SWEEPS) break;
      this.#best.delete(oldest);
    }
  }
}
