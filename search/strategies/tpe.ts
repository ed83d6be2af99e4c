import { getOrMake } from '../../core/maps.js';
import {
  type Draws,
  drawBelow,
  drawNew,
  type History,
  type Observation,
  type PriorOf,
  type Strategy,
} from '../history.js';
import { ranked } from '../order.js';
import { ABSENT, type SearchAxis, type SearchSpace } from '../space.js';
import { sobol } from './sobol.js';

/** Points of the first design, before densities say anything. */
const FIRST = 10;
/** Of the observations, which are called good; at most MOST_GOOD. */
const GOOD_SHARE = 0.15;
const MOST_GOOD = 30;
/** Points drawn from the density of the good ones, among which the most promising is taken. */
const CANDIDATES = 96;
/** Weight of a uniform density beside the observations of each side, so that no value is ever ruled out. */
const UNIFORM = 1;
/** Values of an axis from which the sum of a kernel is estimated; shorter axes are summed whole. */
const LOOKED_AT = 512;
/** Width of a kernel, as a share of an axis, at one observation; it narrows with their number (Scott's rule). */
const WIDTH = 0.35;
/**
 * What the place among the candidates that a prediction gives one adds to its logarithm of densities, from its first place to its last, where
 * the model explains all that it was not shown; less by what it explains less. A prior that fades with the number of observations (π-BO:
 * Hvarfner et al., ICLR 2022) is right where it was given; this one is learned, and says more the more it has seen.
 */
const PREDICTED = 4;
/** What a candidate that is predicted to take e times as long must promise more, as a logarithm. */
const TIME = 0.5;

/**
 * Multi-objective tree-structured Parzen estimators (Ozaki et al., JAIR 73, 2022, after Bergstra et al., NeurIPS 2011), multivariate (Falkner et
 * al., ICML 2018): the density of values among the good observations over that among the others. An observation's kernel is a product over
 * axes of a step kernel on the distances between their values, so that one on a value says something of its neighbours, and nothing of axes that a
 * point does not have. Points that are being measured count among the others (Ginsbourger's constant liar), so that many agents ask for
 * different ones.
 */
export const tpe: Strategy = {
  begin(history, draws) {
    const { space, observations, prior, worth } = history;
    const begun = observations.length + history.pending.length;
    if (begun < Math.min(FIRST, space.count / 2)) {
      const fill = sobol.begin(history, draws);
      return () => (prior !== null && begun % 2 === 0 ? promising(history, draws) : null) ?? fill();
    }
    const { good, others } = split(observations);
    const pending = history.pending.map((position) => space.digitsAt(position));
    const kernels = kernelsOf(space, observations.length);
    const below = new Density(
      space,
      kernels,
      good.map(({ digits }) => digits),
    );
    const above = new Density(space, kernels, [...others.map(({ digits }) => digits), ...pending]);
    return () => {
      let best: number | null = null;
      let highest = Number.NEGATIVE_INFINITY;
      const candidates = new Set<number>();
      for (let i = 0; i < CANDIDATES; i++) {
        const digits = below.draw(draws);
        const position = space.positionOf(digits);
        if (position !== null && !candidates.has(position) && worth(position)) candidates.add(position);
      }
      const promise = prior === null ? () => 0 : promiseOf(prior, [...candidates]);
      for (const position of candidates) {
        const digits = space.digitsAt(position);
        const score = below.logAt(digits) - above.logAt(digits) + promise(position);
        if (score > highest) {
          highest = score;
          best = position;
        }
      }
      return best ?? drawNew(history, draws);
    };
  },
};

/** @returns what predictions add to the score of each candidate. */
function promiseOf(prior: PriorOf, candidates: readonly number[]): (position: number) => number {
  const predictions = new Map(candidates.map((position) => [position, prior(position)]));
  const predicted = (position: number) => predictions.get(position)!;
  const places = placesBy(predicted, candidates);
  return (position) => {
    const { explained, seconds } = predicted(position);
    return PREDICTED * explained * places.get(position)! - TIME * Math.log(seconds);
  };
}

/** Points drawn, of which the one is taken that a prior thinks most of. */
const DRAWN = 64;

function promising(history: History, draws: Draws): number | null {
  const positions = new Set<number>();
  for (let i = 0; i < DRAWN; i++) {
    const position = drawNew(history, draws);
    if (position !== null) positions.add(position);
  }
  const places = placesBy(history.prior!, [...positions]);
  const best = Math.max(...places.values());
  const ones = [...places].filter(([, place]) => place === best);
  return ones.length === 0 ? null : ones[drawBelow(draws, ones.length)]![0];
}

/** @returns of each position how good it is thought among them, from 1 of the best to 0. */
function placesBy(prior: PriorOf, positions: readonly number[]): Map<number, number> {
  const order = ranked(
    positions.map((position) => {
      const { costs } = prior(position);
      return { position, costs, digits: NONE, violation: 0, starts: 0, seconds: 0 };
    }),
  );
  return new Map(order.map(({ position }, i) => [position, 1 - i / Math.max(1, order.length - 1)]));
}

const NONE = new Int32Array();

function split(observations: readonly Observation[]): { good: Observation[]; others: Observation[] } {
  const count = Math.max(2, Math.min(Math.ceil(GOOD_SHARE * observations.length), MOST_GOOD));
  const order = ranked(observations, count);
  return { good: order.slice(0, count), others: order.slice(count) };
}

/** @returns of each axis the chance of a value beside one that was measured. */
function kernelsOf(space: SearchSpace, observations: number): Kernel[] {
  const width = WIDTH * Math.max(1, observations) ** (-1 / (space.axes.length + 4));
  return space.axes.map((axis) => new Kernel(axis, width, observations));
}

/**
 * A step kernel on the values of an axis, worked out for those alone that were measured: an axis may have ten thousand. The sum over a long axis is
 * estimated from some of its values, at equal distances in their order.
 */
class Kernel {
  readonly #axis: SearchAxis;
  readonly #width: number;
  readonly #spread: number;
  readonly #sums = new Map<number, number>();
  readonly #rows = new Map<number, Float64Array>();

  constructor(axis: SearchAxis, width: number, observations: number) {
    this.#axis = axis;
    this.#width = width;
    this.#spread = 1 / (1 + Math.sqrt(observations)) / 2;
  }

  at(from: number, to: number): number {
    const near = this.#near(from, to) / getOrMake(this.#sums, from, () => this.#sum(from));
    return (1 - this.#spread) * near + this.#spread / this.#axis.size;
  }

  /** @returns the chance of each value beside one from which is drawn. */
  row(from: number): Float64Array {
    return getOrMake(this.#rows, from, () => {
      const row = new Float64Array(this.#axis.size);
      for (let to = 0; to < row.length; to++) row[to] = this.at(from, to);
      return row;
    });
  }

  #near(from: number, to: number): number {
    return Math.exp(-0.5 * (this.#axis.distance(from, to) / this.#width) ** 2);
  }

  #sum(from: number): number {
    const { size } = this.#axis;
    const looked = Math.min(size, LOOKED_AT);
    let sum = 0;
    for (let i = 0; i < looked; i++) sum += this.#near(from, Math.floor((i * size) / looked));
    return sum * (size / looked);
  }
}

/** A mixture of products of kernels, one for each observation, and a uniform density. */
class Density {
  readonly #space: SearchSpace;
  readonly #kernels: readonly Kernel[];
  readonly #centres: readonly Int32Array[];
  readonly #total: number;

  constructor(space: SearchSpace, kernels: readonly Kernel[], centres: readonly Int32Array[]) {
    this.#space = space;
    this.#kernels = kernels;
    this.#centres = centres;
    this.#total = UNIFORM + centres.length;
  }

  logAt(digits: Int32Array): number {
    let uniform = 1;
    for (const [axis, { size }] of this.#space.axes.entries()) if (digits[axis] !== ABSENT) uniform /= size;
    let sum = UNIFORM * uniform;
    for (const centre of this.#centres) {
      let product = 1;
      for (const [axis, { size }] of this.#space.axes.entries()) {
        const to = digits[axis]!;
        const from = centre[axis]!;
        // What one of them does not have says nothing of the other.
        if (to !== ABSENT) product *= from === ABSENT ? 1 / size : this.#kernels[axis]!.at(from, to);
      }
      sum += product;
    }
    return Math.log(sum / this.#total);
  }

  draw(draws: Draws): Int32Array {
    const at = Math.floor(draws.next() * this.#total - UNIFORM);
    const centre = this.#centres[at] ?? null;
    const digits = new Int32Array(this.#space.axes.length);
    for (const axis of digits.keys()) digits[axis] = this.#drawOn(axis, centre?.[axis] ?? ABSENT, draws);
    return digits;
  }

  #drawOn(axis: number, from: number, draws: Draws): number {
    if (from === ABSENT) return drawBelow(draws, this.#space.axes[axis]!.size);
    const row = this.#kernels[axis]!.row(from);
    let rest = draws.next();
    for (let to = 0; to < row.length; to++) {
      rest -= row[to]!;
      if (rest < 0) return to;
    }
    return from;
  }
}
