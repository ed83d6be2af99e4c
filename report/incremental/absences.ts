import { getOrMake } from '../../core/maps.js';
import { METRICS, metricNamed } from '../../core/metrics/catalogue.js';
import type { ResultRecord } from '../../core/result/result.js';
import { notApplicable } from '../../judgement/not-applicable.js';
import type { ColumnChoice } from '../column-sets.js';
import type { Absence } from '../notes.js';

/** How often each text was said. */
type Counts = Map<string, number>;

/** Why metrics have no number anywhere, counted while rows come. */
export class AbsenceTally {
  readonly #choice: ColumnChoice | null;
  /** Metric → rows that have it. */
  readonly #present: Counts = new Map();
  /** Metric → reason → rows. */
  readonly #reasons = new Map<string, Counts>();
  /** Reason → what as a whole is absent for it → rows. */
  readonly #named = new Map<string, Counts>();

  constructor(choice: ColumnChoice | null) {
    this.#choice = choice;
  }

  add(trial: ResultRecord): void {
    this.#count(trial, 1);
  }

  remove(trial: ResultRecord): void {
    this.#count(trial, -1);
  }

  /** @returns the metrics without a single number among rows that were measured, grouped by their reason. */
  list(): Absence[] {
    const byReason = new Map<string, string[]>();
    for (const { name } of METRICS) {
      const reason = mostCommon(this.#reasons.get(name));
      if ((this.#present.get(name) ?? 0) > 0 || reason === null) continue;
      byReason.set(reason, [...(byReason.get(reason) ?? []), name]);
    }
    return [...byReason].map(([reason, metrics]) => this.#absence(reason, metrics));
  }

  #absence(reason: string, metrics: readonly string[]): Absence {
    const choice = this.#choice;
    // A metric may say more than why the thing as a whole is absent.
    const whole = mostCommon(this.#named.get(reason)) ?? mostCommon(this.#beginningOf(reason));
    const wanted = (name: string) =>
      choice === null || choice.includes('default')
        ? metricNamed(name)?.column !== null
        : choice.includes(name);
    const chosen = choice !== null && metrics.some((name) => choice.includes(name));
    const missed = chosen || (notApplicable(reason) === null && (whole !== null || metrics.some(wanted)));
    return { what: whole ?? metrics.join(', '), metrics, reason, missed };
  }

  /** The longest reason that this one begins with. */
  #beginningOf(reason: string): Counts | undefined {
    const begins = [...this.#named].filter(([text, counts]) => counts.size > 0 && reason.startsWith(text));
    return begins.sort((a, b) => b[0].length - a[0].length)[0]?.[1];
  }

  #count(trial: ResultRecord, by: 1 | -1): void {
    if (trial.status === 'failed') return;
    for (const name in trial.measurements) {
      const entry = trial.measurements[name];
      if (entry === undefined) continue;
      if (entry.value !== null) change(this.#present, name, by);
      else change(countsOf(this.#reasons, name), entry.reason, by);
    }
    for (const [what, reason] of Object.entries(trial.absent))
      change(countsOf(this.#named, reason), what, by);
  }
}

const countsOf = (all: Map<string, Counts>, key: string): Counts => getOrMake(all, key, () => new Map());

function change(counts: Counts, key: string, by: 1 | -1): void {
  const count = (counts.get(key) ?? 0) + by;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}

/** @returns what was said most; of equals the first by name, so that the order of arrival says nothing. */
function mostCommon(counts: Counts | undefined): string | null {
  let best: [string, number] | null = null;
  for (const [text, count] of counts ?? []) {
    if (best === null || count > best[1] || (count === best[1] && text < best[0])) best = [text, count];
  }
  return best?.[0] ?? null;
}
