import { getOrMake } from '../core/maps.js';
import type { Objective, SearchSpec } from '../core/sweep/spec.js';
import { missBy } from '../judgement/pareto.js';
import { PythonRandom } from '../statistics/python-random.js';
import { Ending, type Said, type Spent } from './ending.js';
import { drawBelow, type Forecast, type History, type Observation, type PriorOf } from './history.js';
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
  /** Joules of one repeat; null if they were not measured. */
  readonly joules: number | null;
  /** That it was measured on, as its system calls it; left out = nobody says. */
  readonly device?: string | undefined;
}

export interface SearchOptions {
  readonly spec: SearchSpec;
  readonly objectives: readonly Objective[];
  readonly physics: PhysicsOf;
  /**
   * What is predicted of points on a device of this name before any is measured; null, or left out = nothing.
   */
  forecastOn?(device: string): Forecast | null;
  /** What a point is called in reasons. */
  labelOf(position: number): string;
}

/** A decision about a probed point, in a form for display. */
export interface Decided {
  readonly label: string;
  /** To a full measurement. */
  readonly promoted: boolean;
  readonly reason: string;
}

/** The progress of a search, for display. */
export interface SearchProgress extends Spent {
  readonly budget: SearchSpec['budget'];
  readonly measured: number;
  /** Points that were only probed. */
  readonly probed: number;
  readonly pending: number;
  /**
   * Number of points with a decision whether to measure them in full, and the last decisions, newest first.
   */
  readonly decided: number;
  readonly decisions: readonly Decided[];
  /** Points that cannot be measured, by reason. */
  readonly skipped: readonly { readonly reason: string; readonly points: number }[];
  /**
   * The volume under the front, as a share of that between the best value found in each objective and a tenth
   * beyond the worst, 0 to 1; null with fewer than two points.
   */
  readonly hypervolume: number | null;
  /** What orders points before any is measured, or why nothing does; null = nobody asked for one yet. */
  readonly prior: string | null;
  /** Why no new point is begun; null = the search continues. */
  readonly ended: string | null;
}

/** Decisions that are shown: the log has them all. */
const DECISIONS = 24;
/** Points of a space in which what is predicted of each is part of the model; it takes milliseconds. */
const MOST_FORECAST = 2048;
/** Of a point of which nothing is predicted: it neither promises nor takes long. */
const UNPREDICTED = { explained: 0, fails: 0, seconds: 60 };
/** The decision shown for all points that had not been probed when probing was given up. */
const UNPROBED = { label: 'every point not probed yet', promoted: true };

/**
 * Chooses which points of a sweep are measured, and how often: new ones by a strategy, and further starts for
 * those that may be on the front according to their starts. `Ending` decides when the search is over. The
 * searcher decides only from the results it was told, in their order, so that after a replay of the log it
 * continues as if it had never stopped.
 */
export class Searcher {
  readonly #space: SearchSpace;
  readonly #options: SearchOptions;
  readonly #measured = new Measured();
  readonly #ending: Ending;
  readonly #probes: Probes;
  readonly #pending = new Set<number>();
  /** Points that will never give a number; a strategy counts them as the worst ones. */
  readonly #skipped = new Map<number, { readonly reason: string; readonly failure: Observation }>();
  #surrogate: Surrogate | null = null;
  #relearnAt = 0;
  /** The device of the first result, which the log has; until then, of whoever asks. */
  #device: string | null = null;
  #asking: string | null = null;
  readonly #forecasts = new Map<string, Forecast | null>();
  /** By position, in the order of decisions. */
  readonly #decided = new Map<number, Decision>();
  /**
   * Why points that were not probed yet are measured at once; null = they are probed first. It follows from
   * what is in the log.
   */
  #unprobed: string | null = null;
  /** Not in the log yet. */
  #news: Decision[] = [];
  /**
   * Cache of how the front grew, for a number of trials, because viewers ask far more often than trials end.
   */
  #curve: { readonly trials: number; readonly grown: readonly Grown[] } | null = null;

  constructor(space: SearchSpace, options: SearchOptions) {
    this.#space = space;
    this.#options = options;
    this.#ending = new Ending(options.spec, options.objectives, this.#measured);
    this.#probes = new Probes(options.objectives.length, options.labelOf);
  }

  /**
   * Why no new point is begun: a budget is spent, no point is left, or nothing more would be gained; null =
   * the search continues.
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
   * @param device that asks, as its system calls it.
   * @returns points for one device to measure one after the other, which are pending from then on: a single
   *   point, or several that are probed again in one block. None if the search has ended, or all remaining
   *   points are pending.
   */
  next(device: string | null = null): readonly number[] {
    this.#asking = device;
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

  /** Why a point is measured in full; undefined if no decision was needed. */
  reasonOf(position: number): string | undefined {
    const decision = this.#decided.get(position);
    if (decision === undefined && !this.#measured.has(position)) return this.#unprobed ?? undefined;
    return decision?.promoted === true ? decision.reason : undefined;
  }

  /** @returns the decisions since the last call, for the log. */
  takeNews(): readonly Decision[] {
    const news = this.#news;
    this.#news = [];
    return news;
  }

  /**
   * @returns a point to measure for the first time, which is pending from then on; null if the search has
   *   ended, or all remaining points are pending.
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

  /** Notes a point that cannot be measured. */
  skip(position: number, reason: string): void {
    this.#pending.delete(position);
    this.#probes.take(position, null);
    if (this.#measured.has(position)) return;
    const digits = this.#space.digitsAt(position);
    const failure = { position, digits, costs: null, violation: 0, starts: 0, seconds: 0 };
    this.#skipped.set(position, { reason, failure });
    this.#learn();
  }

  /** Takes back a pending point, which will not be measured now. */
  letGo(position: number): void {
    this.#pending.delete(position);
  }

  /** Counts a trial that gave no row. @param joules null = nothing measured them. */
  spend(seconds: number, joules: number | null): void {
    this.#ending.spend(seconds, joules);
  }

  /**
   * Adds the result of a probe, which orders points but is never on the front.
   * @param block the block in which it ran; probes that share a block are paired.
   */
  tellProbe({ position, values, seconds, joules, device }: Told, block: number): void {
    this.#device ??= device ?? null;
    this.spend(seconds, joules);
    this.#pending.delete(position);
    if (this.#measured.has(position) && !this.#probes.wasMeasured(position)) return;
    this.#skipped.delete(position);
    const { costs, missed } = this.#read(values);
    // A constraint for which a probe has no number does not count as violated.
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
    const { position, values, seconds, joules, device } = reading;
    this.#device ??= device ?? null;
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
      prior: this.#forecast?.says ?? null,
      ended: this.ended,
    };
  }

  /** Why points are skipped, the most frequent reason first. */
  get #skips(): SearchProgress['skipped'] {
    const reasons = new Map<string, number>();
    for (const { reason } of this.#skipped.values()) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    return [...reasons].map(([reason, points]) => ({ reason, points })).sort((a, b) => b.points - a.points);
  }

  /** @returns whether another start of a measured point could change whether it is on the front. */
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
      prior: this.#prior,
      seed,
      trials: budget.trials,
    };
  }

  /** The model of what was measured; before there is one, what was predicted without measuring. */
  get #prior(): PriorOf | null {
    if (this.#surrogate !== null) return this.#surrogate.predict;
    const predict = this.#forecast?.predict ?? null;
    if (predict === null) return null;
    const zeros = this.#options.objectives.map(() => 0);
    const nothing = { ...UNPREDICTED, costs: zeros, deviations: zeros };
    return (position) => predict(position) ?? nothing;
  }

  get #forecast(): Forecast | null {
    const device = this.#device ?? this.#asking;
    const { forecastOn, spec } = this.#options;
    if (device === null || forecastOn === undefined || !spec.predict) return null;
    return getOrMake(this.#forecasts, device, () => forecastOn(device));
  }

  /** What is predicted of a point is the first of its known quantities: measured costs are linear in it. */
  readonly #physics: PhysicsOf = (position) => {
    const { physics, objectives } = this.#options;
    const own = physics(position);
    const predict = this.#space.count > MOST_FORECAST ? null : (this.#forecast?.predict ?? null);
    if (predict === null) return own;
    return [...(predict(position)?.costs ?? objectives.map(() => null)), ...(own ?? [])];
  };

  /** Observations of all points, measured or only probed. */
  #observations(): readonly Observation[] {
    return [
      ...this.#measured.all,
      ...(this.#probes.size === 0 ? [] : this.#probes.observations(this.#known())),
      ...[...this.#skipped.values()].map(({ failure }) => failure),
    ];
  }

  /**
   * Fits the model again when a twentieth more points are known. It does so as results arrive, so that a
   * replay of the log gives the same models.
   */
  #learn(): void {
    const known = this.#measured.size + this.#probes.size + this.#skipped.size;
    if (!this.#options.spec.predict || known < this.#relearnAt) return;
    this.#relearnAt = Math.ceil(known * 1.05);
    if (this.#relearnAt === known) this.#relearnAt += 1;
    this.#surrogate = Surrogate.fit(this.#space, this.#physics, this.#observations());
  }

  /**
   * A different seed after each result and each request, but the same one in a search that had the same
   * results and requests.
   */
  #drawSeed(): number {
    const state = new PythonRandom(this.#options.spec.seed >>> 0);
    const steps = (this.spent.trials * 65_537 + this.#pending.size * 257) % 2 ** 31;
    return (drawBelow(state, 2 ** 32) ^ Math.imul(steps, 0x9e37_79b9)) >>> 0;
  }

  /** Whether pending points will spend the budget, which matters if many devices ask at once. */
  get #isCommitted(): boolean {
    return this.#ending.overspent(this.#pending.size) !== null;
  }
}
