import { getOrMake } from '../core/maps.js';
import { Failures } from './failures.js';
import { type Features, GaussianProcesses, type Model } from './gaussian-process.js';
import type { Observation, Prediction, PriorOf } from './history.js';
import type { Costs } from './hypervolume.js';
import { type Numbered, ranked, spread } from './order.js';
import type { SearchSpace } from './space.js';

/** The fewest observations from which anything is predicted. */
const FEWEST = 12;
/** The most points that a model is fitted to, because the time grows with the cube of their number. */
export const MOST_SHOWN = 120;
/**
 * A number that a probe lacks may be better than predicted by this many standard deviations of the model's
 * error.
 */
const BAND = 3;
/** A model is not used if it explains less than this share of the variance of left-out points. */
const LEAST_EXPLAINED = 0.25;

/**
 * Quantities of a point that are known without measuring it (physics.ts); null if nothing is known about its
 * model, and for each that is not known of this point.
 */
export type PhysicsOf = (position: number) => readonly (number | null)[] | null;

/**
 * Predicts points that were not measured: their costs, their time, and the probability that they fail.
 */
export class Surrogate {
  readonly #featuresOf: (position: number) => Features;
  readonly #objectives: readonly Model[];
  readonly #seconds: Model;
  readonly #failures: Failures;
  readonly #explained: number;
  /**
   * Cache of predictions, which do not change and are needed repeatedly for points that were only probed.
   */
  readonly #predictions = new Map<number, Prediction>();

  private constructor(
    featuresOf: (position: number) => Features,
    models: { readonly objectives: readonly Model[]; readonly seconds: Model; readonly failures: Failures },
  ) {
    this.#featuresOf = featuresOf;
    this.#objectives = models.objectives;
    this.#seconds = models.seconds;
    this.#failures = models.failures;
    const explained = this.#objectives.map((model) => Math.max(0, model.explained));
    this.#explained = explained.reduce((sum, one) => sum + one, 0) / explained.length;
  }

  /**
   * @returns a model of the measured points; null if there are too few, or if the model cannot predict
   *   left-out points.
   */
  static fit(space: SearchSpace, physics: PhysicsOf, observations: readonly Observation[]): Surrogate | null {
    const numbered = observations.filter((one): one is Numbered => one.costs !== null);
    if (numbered.length < FEWEST) return null;
    const shown = bestAndOthers(numbered);
    const featuresOf = featuresBeside(space, physics, shown);
    const processes = GaussianProcesses.fit(
      space.axes,
      shown.map(({ position }) => featuresOf(position)),
    );
    if (processes === null) return null;
    const objectives = shown[0]!.costs.map((_, d) => processes.fit(shown.map(({ costs }) => costs[d]!)));
    if (objectives.every(({ explained }) => explained < LEAST_EXPLAINED)) return null;
    const seconds = processes.fit(shown.map((one) => Math.log(Math.max(1e-3, one.seconds / one.starts))));
    const failures = new Failures(space.axes, spread(observations, MOST_SHOWN));
    return new Surrogate(featuresOf, { objectives, seconds, failures });
  }

  readonly predict: PriorOf = (position) =>
    getOrMake(this.#predictions, position, () => this.#predict(position));

  #predict(position: number): Prediction {
    const features = this.#featuresOf(position);
    const estimates = this.#objectives.map((model) => model.estimateAt(features));
    return {
      costs: estimates.map(({ mean }) => mean),
      deviations: estimates.map(({ deviation }) => deviation),
      explained: this.#explained,
      fails: this.#failures.chanceAt(features.digits),
      seconds: Math.exp(this.#seconds.estimateAt(features).mean),
    };
  }

  /**
   * @returns the lowest plausible costs of a point, given the model's error; for an objective that the model
   *   does not explain, any cost is plausible.
   */
  atBest(position: number): Costs {
    const { costs } = this.predict(position);
    return this.#objectives.map(({ explained, error }, d) =>
      explained < LEAST_EXPLAINED ? Number.NEGATIVE_INFINITY : costs[d]! - BAND * error,
    );
  }
}

/**
 * @returns the features of each point. The physics of training points is 0 on average, and 0 if nothing is
 *   known.
 */
function featuresBeside(
  space: SearchSpace,
  physics: PhysicsOf,
  shown: readonly Numbered[],
): (position: number) => Features {
  const known = shown.map(({ position }) => physics(position) ?? []);
  const centre = Array.from({ length: Math.max(0, ...known.map(({ length }) => length)) }, (_, i) => {
    const told = known.flatMap((own) => own[i] ?? []);
    return told.length === 0 ? 0 : told.reduce((sum, one) => sum + one, 0) / told.length;
  });
  return (position) => {
    const own = physics(position);
    return {
      digits: space.digitsAt(position),
      physics: Float64Array.from(centre, (mean, i) => (own?.[i] ?? mean) - mean),
    };
  };
}

/**
 * @returns at most MOST_SHOWN points: the better ones, where a model has to be accurate, and others spread
 *   over the whole search.
 */
function bestAndOthers(observations: readonly Numbered[]): Numbered[] {
  if (observations.length <= MOST_SHOWN) return [...observations];
  const most = MOST_SHOWN / 2;
  const best = new Set<Observation>(ranked(observations, most).slice(0, most));
  const others = observations.filter((one) => !best.has(one));
  return [...observations.filter((one) => best.has(one)), ...spread(others, MOST_SHOWN - most)];
}
