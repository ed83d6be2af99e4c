import { getOrMake } from '../../core/maps.js';
import { type Draws, drawBelow, drawNew, type History, type Observation, type Strategy } from '../history.js';
import { type Nearness, nearnessOf } from '../nearness.js';
import { frontOf, ranked } from '../order.js';
import { ABSENT, type SearchAxis, type SearchSpace } from '../space.js';
import { promiseOf } from './promise.js';
import { sobol } from './sobol.js';
import { explores, unfamiliar } from './unfamiliar.js';

/** Number of points chosen by a design before there are enough observations for densities. */
const FIRST = 10;
/** The share of observations that count as good; at most MOST_GOOD of them. */
const GOOD_SHARE = 0.15;
const MOST_GOOD = 30;
/** Points drawn from the density of the good ones, among which the most promising is taken. */
const CANDIDATES = 96;
/**
 * One in so many trials, where something is predicted, takes the point that predictions alone promise most
 * of. Densities say little of a point among the neighbours of poor ones, however well it is predicted.
 */
const PREDICTED_TURN = 5;
/** The same before there are observations, where predictions need none of them. */
const OPENING_TURN = 2;
/** Exchanges of one value of a point of the front that are drawn then, beside the draws from the density. */
const EXCHANGES = 1000;
/** Weight of a uniform density beside the observations of each side, so that no value is ever ruled out. */
const UNIFORM = 1;
/**
 * The sum of a kernel over a long axis is estimated from this many values; shorter axes are summed
 * completely.
 */
const LOOKED_AT = 512;
/**
 * Widths of a kernel, as shares of an axis, at one observation; they narrow with their number (Scott's rule).
 * Trials alternate between them: a wide kernel can leave a region that is good but not the best, and a narrow
 * one finds the best point within a region.
 */
const WIDTHS = [0.35, 0.12];

/**
 * Multi-objective tree-structured Parzen estimators (Ozaki et al., JAIR 73, 2022, after Bergstra et al.,
 * NeurIPS 2011), multivariate (Falkner et al., ICML 2018): the density of values among the good observations
 * over that among the others. An observation's kernel is a product over axes of a step kernel on the
 * distances between their values, so that an observation at one value says something about its neighbours,
 * and nothing about axes that a point does not have. Points that are being measured count among the others
 * (Ginsbourger's constant liar), so that many agents get different points. Densities and predictions order
 * candidates but exclude none. In a share of the trials the predictions alone choose, also among points that
 * differ from the front in one value (as the local search of SMAC: Hutter et al., LION 5, 2011). Once the
 * front hardly grows, a share of the trials explores points that neither of them would choose.
 */
export const tpe: Strategy = {
  choose(history, draws) {
    const { space, observations } = history;
    const begun = observations.length + history.pending.length;
    const isOpening = begun < Math.min(FIRST, space.count / 2);
    const turn = isOpening ? OPENING_TURN : PREDICTED_TURN;
    const isPredicted = history.prior !== null && begun % turn === 0;
    if (isOpening && !isPredicted) return sobol.choose(history, draws);
    if (!isOpening && explores(history)) return unfamiliar(history, draws);
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
    if (isPredicted) for (const position of exchanged(history, draws)) candidates.add(position);
    const promise = promiseOf(history, [...candidates]);
    let best: number | null = null;
    let highest = Number.NEGATIVE_INFINITY;
    for (const position of candidates) {
      const digits = space.digitsAt(position);
      const familiar = isPredicted ? 0 : below.logAt(digits) - above.logAt(digits);
      const score = familiar + promise(position);
      if (score > highest) {
        highest = score;
        best = position;
      }
    }
    return best ?? drawNew(history, draws);
  },
};

/** @returns points that nobody asked for yet and that differ from one of the front in one value. */
function exchanged({ space, observations, asked }: History, draws: Draws): Set<number> {
  const front = frontOf(observations);
  const positions = new Set<number>();
  for (let i = 0; i < EXCHANGES && front.length > 0; i++) {
    const digits = Int32Array.from(front[drawBelow(draws, front.length)]!.digits);
    const axis = drawBelow(draws, space.axes.length);
    digits[axis] = drawBelow(draws, space.axes[axis]!.size);
    const position = space.positionOf(digits);
    if (position !== null && !asked(position)) positions.add(position);
  }
  return positions;
}

function split(observations: readonly Observation[]): { good: Observation[]; others: Observation[] } {
  const count = Math.max(2, Math.min(Math.ceil(GOOD_SHARE * observations.length), MOST_GOOD));
  const order = ranked(observations, count);
  return { good: order.slice(0, count), others: order.slice(count) };
}

/** @returns for each axis, the kernel: the probability of a value given one that was measured. */
function kernelsOf(space: SearchSpace, observations: number): Kernel[] {
  const width =
    WIDTHS[observations % WIDTHS.length]! * Math.max(1, observations) ** (-1 / (space.axes.length + 4));
  return space.axes.map((axis) => new Kernel(axis, width, observations));
}

/**
 * A step kernel on the values of an axis, computed only for measured values, because an axis may have ten
 * thousand. The sum over a long axis is estimated from some of its values, at equal distances in their order.
 */
class Kernel {
  readonly #size: number;
  readonly #near: Nearness;
  readonly #spread: number;
  readonly #sums = new Map<number, number>();
  readonly #rows = new Map<number, Float64Array>();

  constructor(axis: SearchAxis, width: number, observations: number) {
    this.#size = axis.size;
    this.#near = nearnessOf(axis, width);
    this.#spread = 1 / (1 + Math.sqrt(observations)) / 2;
  }

  probability(from: number, to: number): number {
    const near = this.#near(from, to) / getOrMake(this.#sums, from, () => this.#sum(from));
    return (1 - this.#spread) * near + this.#spread / this.#size;
  }

  /** @returns the probability of each value given one value, for drawing from it. */
  row(from: number): Float64Array {
    return getOrMake(this.#rows, from, () => {
      const row = new Float64Array(this.#size);
      for (let to = 0; to < row.length; to++) row[to] = this.probability(from, to);
      return row;
    });
  }

  #sum(from: number): number {
    const looked = Math.min(this.#size, LOOKED_AT);
    let sum = 0;
    for (let i = 0; i < looked; i++) sum += this.#near(from, Math.floor((i * this.#size) / looked));
    return sum * (this.#size / looked);
  }
}

/** A mixture of products of kernels, one for each observation, and a uniform density. */
class Density {
  readonly #space: SearchSpace;
  readonly #kernels: readonly Kernel[];
  readonly #centres: readonly Int32Array[];
  readonly #total: number;
  /** For each axis and each value that was needed, the probability under each centre. */
  readonly #factors: readonly Map<number, Float64Array>[];
  readonly #products: Float64Array;

  constructor(space: SearchSpace, kernels: readonly Kernel[], centres: readonly Int32Array[]) {
    this.#space = space;
    this.#kernels = kernels;
    this.#centres = centres;
    this.#total = UNIFORM + centres.length;
    this.#factors = space.axes.map(() => new Map());
    this.#products = new Float64Array(centres.length);
  }

  logAt(digits: Int32Array): number {
    const products = this.#products.fill(1);
    let uniform = 1;
    for (const [axis, { size }] of this.#space.axes.entries()) {
      const to = digits[axis]!;
      if (to === ABSENT) continue;
      uniform /= size;
      const factors = getOrMake(this.#factors[axis]!, to, () => this.#factorsOf(axis, to));
      for (let i = 0; i < products.length; i++) products[i]! *= factors[i]!;
    }
    let sum = UNIFORM * uniform;
    for (let i = 0; i < products.length; i++) sum += products[i]!;
    return Math.log(sum / this.#total);
  }

  #factorsOf(axis: number, to: number): Float64Array {
    const kernel = this.#kernels[axis]!;
    const { size } = this.#space.axes[axis]!;
    return Float64Array.from(this.#centres, (centre) => {
      const from = centre[axis]!;
      // An axis that one of the two points lacks says nothing about the other.
      return from === ABSENT ? 1 / size : kernel.probability(from, to);
    });
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
