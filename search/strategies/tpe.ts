import { type Draws, drawBelow, drawNew, type History, type Observation, type Strategy } from '../history.js';
import { ranked } from '../order.js';
import { ABSENT, type SearchAxis, type SearchSpace } from '../space.js';
import { nearnessOf } from './nearness.js';
import { placesBy, promiseOf } from './promise.js';
import { sobol } from './sobol.js';
import { unfamiliar } from './unfamiliar.js';

/** Points of the first design, before densities say anything. */
const FIRST = 10;
/** One in so many trials measures what was measured least, whatever is thought of it. */
const EXPLORED = 10;
/** Of the observations, which are called good; at most MOST_GOOD. */
const GOOD_SHARE = 0.15;
const MOST_GOOD = 30;
/** Points drawn from the density of the good ones, among which the most promising is taken. */
const CANDIDATES = 96;
/** Weight of a uniform density beside the observations of each side, so that no value is ever ruled out. */
const UNIFORM = 1;
/** Width of a kernel, as a share of an axis, at one observation; it narrows with their number (Scott's rule). */
const WIDTH = 0.12;

/**
 * Multi-objective tree-structured Parzen estimators (Ozaki et al., JAIR 73, 2022, after Bergstra et al., NeurIPS 2011), multivariate (Falkner et
 * al., ICML 2018): the density of values among the good observations over that among the others. An observation's kernel is a product over
 * axes of a step kernel on the distances between their values, so that one on a value says something of its neighbours, and nothing of axes that a
 * point does not have. Points that are being measured count among the others (Ginsbourger's constant liar), so that many agents ask for
 * different ones. Densities and predictions order candidates and rule none out; what neither would ever ask for, a share of the trials explores.
 */
export const tpe: Strategy = {
  choose(history, draws) {
    const { space, observations, prior } = history;
    const begun = observations.length + history.pending.length;
    if (begun < Math.min(FIRST, space.count / 2)) {
      const first = prior !== null && begun % 2 === 0 ? promising(history, draws) : null;
      return first ?? sobol.choose(history, draws);
    }
    if (begun % EXPLORED === 0) return unfamiliar(history, draws);
    const { good, others } = split(observations);
    const pending = history.pending.map((position) => space.digitsAt(position));
    const kernels = kernelsOf(space, observations.length);
    const below = new Density(
      space,
      kernels,
      good.map(({ digits }) => digits),
    );
    const above = new Density(space, kernels, [...others.map(({ digits }) => digits), ...pending]);
    const candidates = new Set<number>();
    for (let i = 0; i < CANDIDATES; i++) {
      const position = space.positionOf(below.draw(draws));
      if (position !== null && !history.asked(position)) candidates.add(position);
    }
    const promise = promiseOf(prior, [...candidates]);
    let best: number | null = null;
    let highest = Number.NEGATIVE_INFINITY;
    for (const position of candidates) {
      const digits = space.digitsAt(position);
      const score = below.logAt(digits) - above.logAt(digits) + promise(position);
      if (score > highest) {
        highest = score;
        best = position;
      }
    }
    return best ?? drawNew(history, draws);
  },
};

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

function split(observations: readonly Observation[]): { good: Observation[]; others: Observation[] } {
  const count = Math.max(2, Math.min(Math.ceil(GOOD_SHARE * observations.length), MOST_GOOD));
  const order = ranked(observations, count);
  return { good: order.slice(0, count), others: order.slice(count) };
}

/** Of each axis the chance of a value beside one that was measured, row by row. */
function kernelsOf(space: SearchSpace, observations: number): Float64Array[] {
  const width = WIDTH * Math.max(1, observations) ** (-1 / (space.axes.length + 4));
  return space.axes.map((axis) => kernelOf(axis, width, observations));
}

function kernelOf(axis: SearchAxis, width: number, observations: number): Float64Array {
  const { size } = axis;
  const near = nearnessOf(axis, width);
  const spread = 1 / (1 + Math.sqrt(observations)) / 2;
  for (let i = 0; i < size; i++) {
    const row = near.subarray(i * size, (i + 1) * size);
    const sum = row.reduce((all, one) => all + one, 0);
    for (let j = 0; j < size; j++) row[j] = ((1 - spread) * row[j]!) / sum + spread / size;
  }
  return near;
}

/** A mixture of products of kernels, one for each observation, and a uniform density. */
class Density {
  readonly #space: SearchSpace;
  readonly #kernels: readonly Float64Array[];
  readonly #centres: readonly Int16Array[];
  readonly #total: number;
  /** The digits of the centres, axis by axis. */
  readonly #columns: readonly Int16Array[];
  readonly #products: Float64Array;

  constructor(space: SearchSpace, kernels: readonly Float64Array[], centres: readonly Int16Array[]) {
    this.#space = space;
    this.#kernels = kernels;
    this.#centres = centres;
    this.#total = UNIFORM + centres.length;
    this.#columns = space.axes.map((_, axis) => Int16Array.from(centres, (centre) => centre[axis]!));
    this.#products = new Float64Array(centres.length);
  }

  logAt(digits: Int16Array): number {
    const products = this.#products.fill(1);
    let uniform = 1;
    for (const [axis, { size }] of this.#space.axes.entries()) {
      const to = digits[axis]!;
      if (to === ABSENT) continue;
      uniform /= size;
      const kernel = this.#kernels[axis]!;
      const column = this.#columns[axis]!;
      for (let i = 0; i < products.length; i++) {
        const from = column[i]!;
        // What one of them does not have says nothing of the other.
        products[i]! *= from === ABSENT ? 1 / size : kernel[from * size + to]!;
      }
    }
    let sum = UNIFORM * uniform;
    for (let i = 0; i < products.length; i++) sum += products[i]!;
    return Math.log(sum / this.#total);
  }

  draw(draws: Draws): Int16Array {
    const at = Math.floor(draws.next() * this.#total - UNIFORM);
    const centre = this.#centres[at] ?? null;
    return Int16Array.from(this.#space.axes, ({ size }, axis) => {
      const from = centre?.[axis] ?? ABSENT;
      if (from === ABSENT) return drawBelow(draws, size);
      let rest = draws.next();
      for (let to = 0; to < size; to++) {
        rest -= this.#kernels[axis]![from * size + to]!;
        if (rest < 0) return to;
      }
      return from;
    });
  }
}
