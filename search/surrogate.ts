import { getOrMake } from '../core/maps.js';
import type { Observation, Prediction, PriorOf } from './history.js';
import type { Costs } from './hypervolume.js';
import { ABSENT, type SearchSpace } from './space.js';

/** How strongly a value's effect is drawn to none: as if one more point had been measured that says so. */
const SHRINKAGE = 1;
/** Observations before anything is predicted. */
const FEWEST = 12;
/** Standard deviations of what the model itself gets wrong, by which a number that a probe lacks may be better than it says. */
const BAND = 3;
/** A model that explains less than this of what it was not shown says nothing. */
const LEAST_EXPLAINED = 0.25;

/** A fit takes time by the cube of its effects; where so many values were measured, few points say something of each. */
const MOST_EFFECTS = 200;

/** What is known of a point without measuring it (physics.ts); null of a model of which nothing is known. */
export type PhysicsOf = (position: number) => readonly number[] | null;

/** One number that is predicted. */
interface Fit {
  readonly weights: Float64Array;
  readonly mean: number;
  /** Standard deviation of what it gets wrong of points that it was not shown. */
  readonly error: number;
  /** Of the variance of those points, what it explains. */
  readonly explained: number;
}

/**
 * A linear model of costs, and of the time that a trial takes, on the physics of a point and the value it has on each axis: effects of settings
 * multiply, so that costs, which are logarithms, add. Ridge regression by the normal equations; what it gets wrong is judged by leaving
 * each point out, which the hat matrix says without another fit (Allen, Technometrics 16(1), 1974: PRESS).
 */
export class Surrogate {
  readonly #space: SearchSpace;
  readonly #physics: PhysicsOf;
  /** Of each axis, where the effects of those of its values stand that were measured: of another one nothing is known. */
  readonly #effects: readonly ReadonlyMap<number, number>[];
  readonly #width: number;
  readonly #physicsCount: number;
  readonly #centre: readonly number[];
  readonly #objectives: readonly Fit[];
  readonly #seconds: Fit;
  readonly #explained: number;
  /** What it said before: it does not change, and is asked again and again of points that were only probed. */
  readonly #predictions = new Map<number, Prediction>();

  private constructor(space: SearchSpace, physics: PhysicsOf, shown: readonly Shown[]) {
    this.#space = space;
    this.#physics = physics;
    this.#physicsCount = physics(shown[0]!.position)?.length ?? 0;
    let width = this.#physicsCount;
    this.#effects = seenOf(space, shown).map((values) => new Map(values.map((value) => [value, width++])));
    this.#width = width;
    this.#centre = Array.from({ length: this.#physicsCount }, (_, i) => {
      const values = shown.map(({ position }) => physics(position)?.[i] ?? 0);
      return values.reduce((sum, value) => sum + value, 0) / values.length;
    });
    const rows = shown.map(({ position, digits }) => this.#row(position, digits));
    const solver = new Ridge(rows, width);
    this.#objectives = shown[0]!.costs.map((_, d) => solver.fit(shown.map(({ costs }) => costs[d]!)));
    this.#seconds = solver.fit(
      shown.map(({ seconds, starts }) => Math.log(Math.max(1e-3, seconds / starts))),
    );
    const explained = this.#objectives.map((fit) => Math.max(0, fit.explained));
    this.#explained = explained.reduce((sum, one) => sum + one, 0) / explained.length;
  }

  /** @returns a model of what was measured; null while that is too little, or says nothing of what it was not shown. */
  static of(space: SearchSpace, physics: PhysicsOf, observations: readonly Observation[]): Surrogate | null {
    const shown = observations.filter((one): one is Shown => one.costs !== null);
    if (shown.length < FEWEST) return null;
    const effects = seenOf(space, shown).reduce((sum, values) => sum + values.length, 0);
    if (effects > MOST_EFFECTS) return null;
    const model = new Surrogate(space, physics, shown);
    return model.#objectives.some(({ explained }) => explained >= LEAST_EXPLAINED) ? model : null;
  }

  readonly predict: PriorOf = (position) =>
    getOrMake(this.#predictions, position, () => this.#predict(position));

  #predict(position: number): Prediction {
    const row = this.#row(position, this.#space.digitsAt(position));
    return {
      costs: this.#objectives.map((fit) => predicted(fit, row)),
      explained: this.#explained,
      seconds: Math.exp(predicted(this.#seconds, row)),
    };
  }

  /** @returns what a point would cost at best, by what the model gets wrong; in an objective that it does not explain anything may come out. */
  atBest(position: number): Costs {
    const { costs } = this.predict(position);
    return this.#objectives.map(({ explained, error }, d) =>
      explained < LEAST_EXPLAINED ? Number.NEGATIVE_INFINITY : costs[d]! - BAND * error,
    );
  }

  #row(position: number, digits: Int32Array): Float64Array {
    const row = new Float64Array(this.#width);
    const physics = this.#physics(position);
    for (let i = 0; i < this.#physicsCount; i++) {
      row[i] = physics === null ? 0 : physics[i]! - this.#centre[i]!;
    }
    for (const [axis, effects] of this.#effects.entries()) {
      const effect = effects.get(digits[axis]!);
      if (effect !== undefined) row[effect] = 1;
    }
    return row;
  }
}

/** @returns of each axis the values that were measured, in their order. */
function seenOf({ axes }: SearchSpace, shown: readonly Shown[]): number[][] {
  return axes.map((_, axis) => {
    const seen = new Set(shown.map(({ digits }) => digits[axis]!));
    seen.delete(ABSENT);
    return [...seen].sort((a, b) => a - b);
  });
}

type Shown = Observation & { readonly costs: Costs };

function predicted({ weights, mean }: Fit, row: Float64Array): number {
  let value = mean;
  for (let i = 0; i < row.length; i++) value += weights[i]! * row[i]!;
  return value;
}

/** Solves for several targets on the same rows. */
class Ridge {
  readonly #rows: readonly Float64Array[];
  readonly #inverse: Float64Array[];
  readonly #leverage: readonly number[];

  constructor(rows: readonly Float64Array[], width: number) {
    this.#rows = rows;
    const gram = Array.from({ length: width }, (_, i) => {
      const line = new Float64Array(width);
      line[i] = SHRINKAGE;
      return line;
    });
    for (const row of rows) {
      for (let i = 0; i < width; i++) {
        if (row[i] === 0) continue;
        for (let j = 0; j < width; j++) gram[i]![j]! += row[i]! * row[j]!;
      }
    }
    this.#inverse = inverse(gram);
    // The mean is fitted beside them.
    this.#leverage = rows.map((row) => Math.min(0.95, quadratic(row, this.#inverse) + 1 / rows.length));
  }

  fit(targets: readonly number[]): Fit {
    const mean = targets.reduce((sum, target) => sum + target, 0) / targets.length;
    const width = this.#inverse.length;
    const onto = new Float64Array(width);
    for (const [n, row] of this.#rows.entries()) {
      for (let i = 0; i < width; i++) onto[i]! += row[i]! * (targets[n]! - mean);
    }
    const weights = Float64Array.from(this.#inverse, (line) =>
      line.reduce((sum, value, i) => sum + value * onto[i]!, 0),
    );
    const fit = { weights, mean };
    let wrong = 0;
    let all = 0;
    for (const [n, row] of this.#rows.entries()) {
      const residual = targets[n]! - predicted({ ...fit, error: 0, explained: 0 }, row);
      wrong += (residual / (1 - this.#leverage[n]!)) ** 2;
      all += (targets[n]! - mean) ** 2;
    }
    const count = this.#rows.length;
    return { ...fit, error: Math.sqrt(wrong / count), explained: all > 0 ? 1 - wrong / all : 0 };
  }
}

function quadratic(row: Float64Array, matrix: readonly Float64Array[]): number {
  let sum = 0;
  for (let i = 0; i < row.length; i++) {
    if (row[i] === 0) continue;
    for (let j = 0; j < row.length; j++) sum += row[i]! * matrix[i]![j]! * row[j]!;
  }
  return sum;
}

/** Of a symmetric positive definite matrix, by Gauss–Jordan; the shrinkage on its diagonal keeps pivots away from zero. */
function inverse(matrix: readonly Float64Array[]): Float64Array[] {
  const size = matrix.length;
  const left = matrix.map((line) => Float64Array.from(line));
  const right = Array.from({ length: size }, (_, i) => {
    const line = new Float64Array(size);
    line[i] = 1;
    return line;
  });
  for (let pivot = 0; pivot < size; pivot++) {
    const [from, beside] = [left[pivot]!, right[pivot]!];
    const scale = 1 / from[pivot]!;
    for (let j = 0; j < size; j++) from[j]! *= scale;
    // Beyond the diagonal it is still zero.
    for (let j = 0; j <= pivot; j++) beside[j]! *= scale;
    for (let i = 0; i < size; i++) {
      const [to, other] = [left[i]!, right[i]!];
      const factor = to[pivot]!;
      if (i === pivot || factor === 0) continue;
      for (let j = 0; j < size; j++) to[j]! -= factor * from[j]!;
      for (let j = 0; j <= pivot; j++) other[j]! -= factor * beside[j]!;
    }
  }
  return right;
}
