import { PROMOTED_CHARACTERS } from '../core/result/result.js';
import { dominates } from '../judgement/pareto.js';
import { median } from '../statistics/quantile.js';
import { mean } from '../statistics/summary.js';
import type { Observation, PriorOf } from './history.js';
import { type Costs, undominated } from './hypervolume.js';
import { isMeeting, ranked } from './order.js';
import { isUndecidedDominance, ProbeErrors } from './probe-errors.js';
import { type Beaten, type Decision, FEWEST_ROUNDS, RACERS, Race, type Reading } from './race.js';

/** One of this many probed points is measured in full while others are probed. */
const REDUCTION = 3;
/** Members of a race that were already measured in full, at most. */
const MEASURED_RACERS = 2;
/** The fewest points that must be both probed and measured before the two times are compared. */
const FEWEST_TIMED = 4;
/** The share of racers that are usually dropped; not measuring these in full pays for the rounds. */
const LEFT_BEHIND = 0.5;

/** What a short look at a point said. */
export interface Probe extends Reading {
  readonly position: number;
  readonly digits: Int32Array;
  readonly violation: number;
  readonly seconds: number;
}

interface Waiting extends Omit<Probe, 'block'> {
  /**
   * A reading for each block in which the point was probed. `costs` are their means, null if probes have no
   * number, for example of quality, since probes ask no questions.
   */
  readonly readings: readonly Reading[];
}

/** What is known beside the probes. */
export interface Known {
  /** Points that were measured in full, of the same objectives. */
  readonly measured: readonly Observation[];
  readonly predict: PriorOf | null;
  /** The lowest plausible costs of a point by the prediction. */
  readonly atBest: ((position: number) => Costs) | null;
}

/** The next points: one to measure in full, with the reason, or several to probe again in one block. */
export interface Next {
  readonly positions: readonly number[];
  readonly decision: Decision | null;
}

/**
 * Points that were probed and wait for a full measurement: asynchronous successive halving with two rungs (Li
 * et al., "A System for Massively Parallel Hyperparameter Tuning", MLSys 2020), with promotions that allow
 * for noise. Points that were both probed and measured show the mean error of probes, which is subtracted,
 * and how much it varies; a point that is beaten by more than that is not promoted. Points that are closer to
 * each other are raced in paired blocks (race.ts), because their order may be different in a full
 * measurement, if a race takes less time than measuring them.
 */
export class Probes {
  readonly #waiting = new Map<number, Waiting>();
  /**
   * Points that were measured in full. Points that might replace them on the front are probed again together
   * with them.
   */
  readonly #measured = new Map<number, Waiting>();
  /** Waiting points that lost their race. */
  readonly #beaten = new Set<number>();
  /**
   * Cache of waiting points with their missing numbers filled in, valid as long as the known points stay the
   * same.
   */
  readonly #filled = new Map<number, Observation>();
  #filledBy: Known['predict'] = null;
  readonly #errors: ProbeErrors;
  /** Times of points that were both probed and measured. */
  readonly #times: { readonly probe: number; readonly full: number }[] = [];
  readonly #labelOf: (position: number) => string;
  #known: Known = { measured: [], predict: null, atBest: null };
  #race = this.#newRace([]);

  constructor(objectives: number, labelOf: (position: number) => string) {
    this.#errors = new ProbeErrors(objectives);
    this.#labelOf = labelOf;
  }

  get size(): number {
    return this.#waiting.size;
  }

  has(position: number): boolean {
    return this.#waiting.has(position);
  }

  /** Whether the point was probed, and later measured in full. */
  wasMeasured(position: number): boolean {
    return this.#measured.has(position);
  }

  /** Whether a point is to be probed again. */
  races(position: number): boolean {
    return this.#race.has(position) && !this.#race.over;
  }

  /** @returns decisions about points that this probe shows to be beaten. */
  add(probe: Probe, known: Known): Decision[] {
    this.#known = known;
    const { position, block, costs } = probe;
    const measured = this.#measured.get(position);
    const before = measured ?? this.#waiting.get(position);
    const readings = [...(before?.readings ?? []), { block, costs }];
    const means = costs.map((_, d) => {
      const said = readings.flatMap((reading) => reading.costs[d] ?? []);
      return said.length === 0 ? null : mean(said);
    });
    const { digits, violation, seconds } = probe;
    const all = measured === undefined ? this.#waiting : this.#measured;
    all.set(position, { position, digits, violation, seconds, readings, costs: means });
    this.#filled.delete(position);
    if (before === undefined || this.#beaten.has(position)) return [];
    if (!this.#race.has(position)) this.#rejoin(position, block);
    return this.#race.beaten().map((one) => this.#leave(one));
  }

  /** Restores a race when a search is replayed from a log: probes of one block belong to one race. */
  #rejoin(position: number, block: number): void {
    const side = this.#race.members.some((member) => this.#readingsOf(member)?.at(-1)?.block === block);
    if (!side && this.#race.over) this.#race = this.#newRace([]);
    this.#race.join(position);
  }

  #leave({ position, rival, blocks, p }: Beaten): Decision {
    this.#race.leave(position);
    this.#beaten.add(position);
    const reason = `${this.#labelOf(rival)} is better in ${blocks} paired blocks (Wilcoxon, p = ${p.toFixed(2)})`;
    return { position, promoted: false, reason };
  }

  #newRace(members: readonly number[]): Race {
    const readingsOf = (position: number) => this.#readingsOf(position);
    const cannotBeat = (position: number, rival: number, objective: number) => {
      const best = this.#known.atBest?.(position)[objective];
      const other = this.#known.predict?.(rival).costs[objective];
      return best !== undefined && other !== undefined && other <= best;
    };
    const waits = (position: number) => this.#waiting.has(position);
    return new Race({ readingsOf, waits, cannotBeat }, members);
  }

  #readingsOf(position: number): readonly Reading[] | null {
    return (this.#waiting.get(position) ?? this.#measured.get(position))?.readings ?? null;
  }

  /**
   * Removes a point that was given up or measured.
   * @param full the result and time of its measurement; null if it has none.
   */
  take(
    position: number,
    full: { readonly costs: readonly (number | null)[]; readonly seconds: number } | null,
  ): void {
    const probed = this.#waiting.get(position);
    this.#waiting.delete(position);
    this.#beaten.delete(position);
    if (full === null) this.#filled.delete(position);
    else this.#filled.clear();
    if (probed === undefined) return;
    if (full === null) this.#race.leave(position);
    else {
      this.#errors.add(probed.costs, full.costs);
      this.#times.push({ probe: probed.seconds, full: full.seconds });
      this.#measured.set(position, probed);
    }
  }

  /** Ratio of the time of full measurements to that of probes of the same points; 1 while there are none. */
  get #timesAsLong(): number {
    const probes = total(this.#times, ({ probe }) => probe);
    return probes > 0 ? total(this.#times, ({ full }) => full) / probes : 1;
  }

  /**
   * Why it is better to measure points at once: probing all of them and measuring one in REDUCTION would take
   * as long as measuring all.
   * @returns null while too few points have both times, or if probing takes less.
   */
  get inVain(): string | null {
    if (this.#times.length < FEWEST_TIMED) return null;
    const share = 1 / this.#timesAsLong;
    if (share + 1 / REDUCTION < 1) return null;
    return `a probe takes ${Math.round(100 * share)} % of a measurement's time, and one in ${REDUCTION} points is measured besides`;
  }

  /**
   * @returns probes in the form of measurements; a missing number is replaced by its prediction, or by the
   *   median of the measurements.
   */
  observations({ measured, predict }: Known): Observation[] {
    if (predict !== this.#filledBy) this.#filled.clear();
    this.#filledBy = predict;
    const anew = [...this.#waiting.values()].filter(({ position }) => !this.#filled.has(position));
    if (anew.length > 0) {
      const { off } = this.#errors;
      const middle = off.map((_, d) => {
        const costs = measured.flatMap((one) => (one.costs === null ? [] : [one.costs[d]!]));
        return costs.length === 0 ? 0 : median(costs);
      });
      const slower = this.#timesAsLong;
      for (const one of anew) {
        const predicted = one.costs.includes(null) ? (predict?.(one.position).costs ?? middle) : middle;
        const costs = one.costs.map((cost, d) => (cost === null ? predicted[d]! : cost + off[d]!));
        this.#filled.set(one.position, { ...one, costs, starts: 1, seconds: slower * one.seconds });
      }
    }
    return [...this.#waiting.keys()].map((position) => this.#filled.get(position)!);
  }

  /**
   * @param busy points that are being measured.
   * @param over true if no point is left to probe; then every point that may be on the front is measured,
   *   however many there are.
   * @returns the best point that is worth a full measurement, or a round of a race; null if there is none at
   *   the moment.
   */
  next(known: Known, busy: ReadonlySet<number>, over: boolean): Next | null {
    this.#known = known;
    const race = this.#race;
    const { members } = race;
    if (!race.over && !members.some((one) => busy.has(one))) return { positions: members, decision: null };
    const won = race.over ? race.waiting.find((one) => !busy.has(one)) : undefined;
    if (won !== undefined) return this.#promote(won, this.#wonBy(won));
    const probes = this.observations(known).filter(({ position }) => !this.#beaten.has(position));
    const all = [...known.measured, ...probes];
    const { bands } = this.#errors;
    const isNear = (one: Observation, other: Observation) =>
      isUndecidedDominance(one.costs!, other.costs!, bands);
    const most = over ? all.length : Math.floor((all.length + this.#beaten.size) / REDUCTION);
    const meeting = all.filter(isMeeting);
    const free = ({ position }: Observation) => !busy.has(position) && (race.over || !race.has(position));
    const front = undominated(meeting.map(({ costs }) => costs));
    const mayStand = (one: Observation) =>
      free(one) && one.violation === 0 && !this.#isBeaten(one, front, bands);
    const standing = new Set(probes.filter(mayStand));
    // Mostly none: then nothing is ranked.
    if (standing.size === 0) return null;
    const open = (one: Observation) => standing.has(one);
    const order = ranked(all, most, open);
    const pays = this.#pays(known);
    const rivals = pays ? meeting.filter((one) => free(one) && this.#measured.has(one.position)) : [];
    for (const [rank, one] of order.slice(0, most).entries()) {
      if (!open(one)) continue;
      const before = rivals
        .filter((other) => isNear(one, other))
        .sort((a, b) => dominance(b, one) - dominance(a, one))
        .slice(0, MEASURED_RACERS);
      const rest = firstOf(order, RACERS - 1, (other) => other !== one && isNear(one, other) && open(other));
      if (!pays || rest.length + before.length === 0) {
        const why =
          rest.length === 0 ? 'no other probe is as near as probes are off' : 'a race would take as long';
        return this.#promote(one.position, `rank ${rank + 1} of ${all.length}: ${why}`);
      }
      if (!race.over) continue;
      const racers = [one, ...before, ...rest].slice(0, RACERS);
      this.#race = this.#newRace(racers.map(({ position }) => position));
      return { positions: this.#race.members, decision: null };
    }
    return null;
  }

  #promote(position: number, reason: string): Next {
    const cut = reason.slice(0, PROMOTED_CHARACTERS);
    return { positions: [position], decision: { position, promoted: true, reason: cut } };
  }

  /** The reason for promoting a point that is still in its race. */
  #wonBy(position: number): string {
    const { rounds, members } = this.#race;
    const others = members.filter((member) => member !== position).map(this.#labelOf);
    if (others.length === 0) return 'its rivals were beaten, or failed';
    return `not worse than ${others.join(', ')} in ${rounds} paired blocks`;
  }

  /** Whether a race takes less time than it saves. */
  #pays({ measured }: Known): boolean {
    const numbered = measured.filter(({ starts }) => starts > 0);
    if (numbered.length === 0) return false;
    const full = median(numbered.map(({ seconds, starts }) => seconds / starts));
    const probe = median([...this.#waiting.values()].map(({ seconds }) => seconds));
    return FEWEST_ROUNDS * probe < LEFT_BEHIND * full;
  }

  /**
   * @param front the front of all known points; a point that any known point beats is beaten by one of these.
   */
  #isBeaten(one: Observation, front: readonly Costs[], bands: Costs): boolean {
    const { atBest } = this.#known;
    const said = this.#waiting.get(one.position)!.costs;
    const best = said.includes(null) ? (atBest?.(one.position) ?? null) : null;
    const own = one.costs!.map((cost, d) =>
      said[d] === null ? (best?.[d] ?? Number.NEGATIVE_INFINITY) : cost - bands[d]!,
    );
    return front.some((costs) => dominates(costs, own));
  }
}

function total<T>(items: readonly T[], numberOf: (item: T) => number): number {
  return items.reduce((sum, item) => sum + numberOf(item), 0);
}

/** 1 if one point dominates the other by what is known, otherwise 0. */
const dominance = (a: Observation, b: Observation) => Number(dominates(a.costs!, b.costs!));

function firstOf<T>(items: readonly T[], most: number, wanted: (item: T) => boolean): T[] {
  const found: T[] = [];
  for (const item of items) {
    if (found.length >= most) break;
    if (wanted(item)) found.push(item);
  }
  return found;
}
