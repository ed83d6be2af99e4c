import type { Objective, SearchSpec } from '../core/sweep/spec.js';
import { missBy } from '../judgement/pareto.js';
import { PythonRandom } from '../statistics/python-random.js';
import { Ending, type Said, type Spent } from './ending.js';
import { drawBelow, type History, type Observation } from './history.js';
import { type Grown, Measured } from './measured.js';
import { costOf } from './objectives.js';
import { type Known, type Next, Probes } from './probes.js';
import type { Decision } from './race.js';
import type { SearchSpace } from './space.js';
import { STRATEGIES } from './strategies/gen/strategies.js';
import { type PhysicsOf, Surrogate } from './surrogate.js';

/** What one trial of a point said. */
export interface Told extends Said {
  readonly position: number;
  /** Device-seconds from its start to its end. */
  readonly seconds: number;
  /** Of one repeat, which is what is measured; null where nothing measured it. */
  readonly joules: number | null;
}

export interface SearchOptions {
  readonly spec: SearchSpec;
  readonly objectives: readonly Objective[];
  readonly physics: PhysicsOf;
  /** What a point is called in reasons. */
  labelOf(position: number): string;
}

/** What was decided of a probed point, for those who read it. */
export interface Decided {
  readonly label: string;
  /** To a full measurement. */
  readonly promoted: boolean;
  readonly reason: string;
}

/** Where a search stands, for those who watch it. */
export interface SearchProgress extends Spent {
  readonly budget: SearchSpec['budget'];
  readonly measured: number;
  /** Points that were only probed. */
  readonly probed: number;
  readonly pending: number;
  /**
   * Points of which was decided whether they are measured in full, and what was decided last, newest first.
   */
  readonly decided: number;
  readonly decisions: readonly Decided[];
  /** Points that nothing can measure, by the reason. */
  readonly skipped: readonly { readonly reason: string; readonly points: number }[];
  /**
   * Share that the front covers of the volume between the best that was met in each objective and a tenth
   * beyond the worst, 0 to 1; null without two points.
   */
  readonly hypervolume: number | null;
  /** Why nothing new is asked for; null = the search goes on. */
  readonly ended: string | null;
}

/** Decisions that are shown: the log has them all. */
const DECISIONS = 24;
/** Of points that were not probed when probing was given up. */
const UNPROBED = { label: 'every point not probed yet', promoted: true };

/**
 * Chooses which points of a sweep are measured, and how often: new ones by a strategy, and further starts for
 * those that may stand on the front by all that their starts say. When it is over, `Ending` says. It decides
 * from what it was told alone, in that order: one that is told a log's results again goes on as if it had
 * never stopped.
 */
export class Searcher {
  readonly #space: SearchSpace;
  readonly #options: SearchOptions;
  readonly #measured = new Measured();
  readonly #ending: Ending;
  readonly #probes: Probes;
  readonly #pending = new Set<number>();
  /** Points that gave no number, and will not: for a strategy, the worst ones. */
  readonly #skipped = new Map<number, { readonly reason: string; readonly failure: Observation }>();
  #surrogate: Surrogate | null = null;
  #relearnAt = 0;
  /** By position, in the order of decisions. */
  readonly #decided = new Map<number, Decision>();
  /**
   * Why points are measured at once that were not probed yet; null = they are probed. What it follows from is
   * in the log.
   */
  #unprobed: string | null = null;
  /** Not in the log yet. */
  #news: Decision[] = [];
  /** How the front grew until so many trials had said something: who watches asks far oftener. */
  #curve: { readonly trials: number; readonly grown: readonly Grown[] } | null = null;

  constructor(space: SearchSpace, options: SearchOptions) {
    this.#space = space;
    this.#options = options;
    this.#ending = new Ending(options.spec, options.objectives, this.#measured);
    this.#probes = new Probes(options.objectives.length, options.labelOf);
  }

  /**
   * Why no new point is asked for: a budget is spent, nothing is left, or nothing is gained any more; null =
   * it goes on.
   */
  get ended(): string | null {
    const over = this.#ending.reason ?? this.#ending.withoutRows(() => this.#skips[0]?.reason);
    if (over !== null) return over;
    if (this.#pending.size > 0) return null;
    const left = this.#space.count - this.#measured.size - this.#probes.size - this.#skipped.size;
    if (left > 0 || this.#nextProbed(true) !== null) return null;
    return this.#probes.size === 0
      ? 'every point was measured or skipped'
      : 'every point was probed, and measured where it may stand on the front';
  }

  /**
   * @returns points to give to one device, one after the other, which are pending from then on: one, or some
   *   that are probed again side by side; none when the search has ended, or all that is left is pending.
   */
  next(): readonly number[] {
    const probed = this.#nextGroup(false);
    if (probed !== null) return probed;
    const position = this.ask();
    return position === null ? (this.#nextGroup(true) ?? []) : [position];
  }

  #nextGroup(over: boolean): readonly number[] | null {
    const next = this.ended === null && !this.#isCommitted ? this.#nextProbed(over) : null;
    for (const position of next?.positions ?? []) this.#pending.add(position);
    if (next?.decision) this.#decide(next.decision);
    return next?.positions ?? null;
  }

  #decide(decision: Decision): void {
    this.note(decision);
    this.#news.push(decision);
  }

  /** Takes in a decision that the log has. */
  note(decision: Decision): void {
    this.#decided.delete(decision.position);
    this.#decided.set(decision.position, decision);
    this.#news = this.#news.filter(({ position }) => position !== decision.position);
  }

  /** Why a point is measured in full; left out where that was not to be decided. */
  reasonOf(position: number): string | undefined {
    const decision = this.#decided.get(position);
    if (decision === undefined && !this.#measured.has(position)) return this.#unprobed ?? undefined;
    return decision?.promoted === true ? decision.reason : undefined;
  }

  /** @returns what was decided since it was asked last, for the log. */
  takeNews(): readonly Decision[] {
    const news = this.#news;
    this.#news = [];
    return news;
  }

  /**
   * @returns a point to measure for the first time, which is pending from then on; null when the search has
   *   ended, or all that is left is pending.
   */
  ask(): number | null {
    if (this.ended !== null || this.#isCommitted) return null;
    const strategy = STRATEGIES[this.#options.spec.strategy];
    const position = strategy.choose(this.#history(), new PythonRandom(this.#drawSeed()));
    if (position !== null) this.#pending.add(position);
    return position;
  }

  /** Whether the next trial of a point is a probe. */
  wantsProbe(position: number): boolean {
    if (this.#options.spec.fidelity !== 'probe') return false;
    if (this.#probes.races(position)) return true;
    return this.#unprobed === null && !this.#measured.has(position) && !this.#probes.has(position);
  }

  #nextProbed(over: boolean): Next | null {
    return this.#probes.size === 0 ? null : this.#probes.next(this.#known(), this.#pending, over);
  }

  #known(): Known {
    const model = this.#surrogate;
    return {
      measured: this.#measured.all,
      predict: model?.predict ?? null,
      atBest: model === null ? null : (position) => model.atBest(position),
    };
  }

  /** Notes a point that nothing can measure. */
  skip(position: number, reason: string): void {
    this.#pending.delete(position);
    this.#probes.take(position, null);
    if (this.#measured.has(position)) return;
    const digits = this.#space.digitsAt(position);
    const failure = { position, digits, costs: null, violation: 0, starts: 0, seconds: 0 };
    this.#skipped.set(position, { reason, failure });
    this.#learn();
  }

  /** A point that was pending is not looked at, after all. */
  letGo(position: number): void {
    this.#pending.delete(position);
  }

  /** Counts a trial that gave no row. @param joules null = nothing measured them. */
  spend(seconds: number, joules: number | null): void {
    this.#ending.spend(seconds, joules);
  }

  /**
   * Takes in what a probe said: it orders points, and stands on no front.
   * @param block of points that a device had one after the other: probes that share one are paired.
   */
  tellProbe({ position, values, seconds, joules }: Told, block: number): void {
    this.spend(seconds, joules);
    this.#pending.delete(position);
    if (this.#measured.has(position) && !this.#probes.wasMeasured(position)) return;
    this.#skipped.delete(position);
    const { costs, missed } = this.#read(values);
    // What a probe has no number of it does not miss.
    const violation = missed.reduce<number>((sum, one) => sum + (one ?? 0), 0);
    const digits = this.#space.digitsAt(position);
    const left = this.#probes.add({ position, block, digits, costs, violation, seconds }, this.#known());
    for (const decision of left) this.#decide(decision);
    this.#learn();
  }

  #read(values: Told['values']) {
    const { objectives, spec } = this.#options;
    return {
      costs: objectives.map(({ metric, better }) => costOf(metric, better, values[metric] ?? null)),
      missed: spec.constraints.map((bound) => missBy(bound, values[bound.metric] ?? null)),
    };
  }

  /** Takes in what a trial said. */
  tell(reading: Told): void {
    const { position, values, seconds, joules } = reading;
    this.#pending.delete(position);
    this.#skipped.delete(position);
    this.spend(seconds, joules);
    this.#ending.note(reading);
    const { costs, missed } = this.#read(values);
    this.#probes.take(position, { costs, seconds });
    this.#unprobed ??= this.#probes.inVain;
    this.#measured.add(position, this.#space.digitsAt(position), this.spent.deviceSeconds, {
      costs: costs.some((cost) => cost === null) ? null : (costs as number[]),
      violation: missed.some((one) => one === null)
        ? null
        : (missed as number[]).reduce((sum, one) => sum + one, 0),
      seconds,
    });
    this.#learn();
    this.#ending.judge();
  }

  get spent(): Spent {
    return this.#ending.spent;
  }

  get progress(): SearchProgress {
    return {
      ...this.spent,
      budget: this.#options.spec.budget,
      measured: this.#measured.size,
      probed: this.#probes.size,
      pending: this.#pending.size,
      decided: this.#decided.size,
      decisions: [
        ...(this.#unprobed === null ? [] : [{ ...UNPROBED, reason: this.#unprobed }]),
        ...[...this.#decided.values()]
          .slice(-DECISIONS)
          .reverse()
          .map(({ position, ...decision }) => ({ label: this.#options.labelOf(position), ...decision })),
      ],
      skipped: this.#skips,
      hypervolume: this.curve().at(-1)?.hypervolume ?? null,
      ended: this.ended,
    };
  }

  /** Why points are skipped, the reason of most of them first. */
  get #skips(): SearchProgress['skipped'] {
    const reasons = new Map<string, number>();
    for (const { reason } of this.#skipped.values()) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    return [...reasons].map(([reason, points]) => ({ reason, points })).sort((a, b) => b.points - a.points);
  }

  /** @returns whether another start of a measured point can change where it stands on the front. */
  worthAnotherStart(position: number): boolean {
    return this.#measured.worthAnotherStart(position);
  }

  /**
   * @returns how the front grew with the time that was spent, equally far apart and up to now; empty without
   *   two points.
   */
  curve(): readonly Grown[] {
    const { trials, deviceSeconds } = this.spent;
    if (this.#curve?.trials !== trials) this.#curve = { trials, grown: this.#measured.curve(deviceSeconds) };
    return this.#curve.grown;
  }

  #history(): History {
    const { seed, budget } = this.#options.spec;
    return {
      space: this.#space,
      observations: this.#observations(),
      pending: [...this.#pending].filter((position) => !this.#probes.has(position)),
      asked: (position) =>
        this.#measured.has(position) ||
        this.#probes.has(position) ||
        this.#pending.has(position) ||
        this.#skipped.has(position),
      prior: this.#surrogate?.predict ?? null,
      seed,
      trials: budget.trials,
    };
  }

  /** Of all points that were looked at, as deep as that was. */
  #observations(): readonly Observation[] {
    return [
      ...this.#measured.all,
      ...(this.#probes.size === 0 ? [] : this.#probes.observations(this.#known())),
      ...[...this.#skipped.values()].map(({ failure }) => failure),
    ];
  }

  /**
   * Makes the model anew when a twentieth more points are known: as things are told, so that a log that is
   * told again gives the same models.
   */
  #learn(): void {
    const known = this.#measured.size + this.#probes.size + this.#skipped.size;
    if (!this.#options.spec.predict || known < this.#relearnAt) return;
    this.#relearnAt = Math.ceil(known * 1.05);
    if (this.#relearnAt === known) this.#relearnAt += 1;
    this.#surrogate = Surrogate.fit(this.#space, this.#options.physics, this.#observations());
  }

  /**
   * Another one after each thing that was told or asked for, and the same again in a search that was told and
   * asked the same.
   */
  #drawSeed(): number {
    const state = new PythonRandom(this.#options.spec.seed >>> 0);
    const steps = (this.spent.trials * 65_537 + this.#pending.size * 257) % 2 ** 31;
    return (drawBelow(state, 2 ** 32) ^ Math.imul(steps, 0x9e37_79b9)) >>> 0;
  }

  /** Whether what is pending will spend a budget: many devices ask at once. */
  get #isCommitted(): boolean {
    return this.#ending.overspent(this.#pending.size) !== null;
  }
}
