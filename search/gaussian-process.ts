import { dot, inverseFactor } from './linear-algebra.js';
import { Neighbours } from './neighbours.js';
import type { SearchAxis } from './space.js';

/** What a model sees of a point. */
export interface Features {
  readonly digits: Int32Array;
  /**
   * Quantities that are known without measuring, each as a difference from the mean over the training points;
   * every point has the same number of them.
   */
  readonly physics: Float64Array;
}

/**
 * The prediction of one number at a point: its mean and its standard deviation.
 */
export interface Estimate {
  readonly mean: number;
  readonly deviation: number;
}

/** One number as it is modelled. */
export interface Model {
  /** Standard deviation of its errors on points that it was not trained on. */
  readonly error: number;
  /**
   * Share of the variance of those points that it explains; negative if their mean would predict them better.
   */
  readonly explained: number;
  estimateAt(point: Features): Estimate;
}

/**
 * The amplitude of each part of the kernel, in units of the noise variance, and its width.
 */
interface Setting {
  readonly additive: number;
  readonly product: number;
  readonly neighbours: Neighbours;
}

/** From settings with independent effects to settings whose effects mostly depend on each other. */
const AMPLITUDES = [
  { additive: 10, product: 0 },
  { additive: 10, product: 1 },
  { additive: 10, product: 10 },
  { additive: 1, product: 10 },
];
/** Widths of the kernel, as shares of an axis. */
const WIDTHS = [0.2, 0.5];
const NOISE = 1;

/** The parts of the kernel between a point and each training point. */
interface Parts {
  /** The sum of their nearness on each axis, and the product of their physics. */
  readonly additive: Float64Array;
  /** How near they are on all axes at once. */
  readonly product: Float64Array;
}

interface Factored {
  readonly setting: Setting;
  /** Rows of L⁻¹ of the kernel's matrix with the noise on its diagonal, K = L Lᵀ. */
  readonly inverse: readonly Float64Array[];
  /** The diagonal of K⁻¹. */
  readonly diagonal: Float64Array;
}

/**
 * Gaussian processes of several numbers that were measured at the same points (Rasmussen & Williams,
 * "Gaussian Processes for Machine Learning", 2006, chapter 2).
 *
 * The kernel adds three parts. The first is how near two points are on each axis: effects of settings
 * multiply, so they add in costs, which are logarithms (Duvenaud et al., "Additive Gaussian Processes",
 * NeurIPS 2011). The second is physics, in which costs are linear. The third is how near they are on all axes
 * at once, for interactions of settings, such as a best number of threads that differs between quantizations.
 * For each number the kernel's settings are those that best predict points left out, which leave-one-out
 * cross-validation gives in closed form (section 5.4.2 there).
 */
export class GaussianProcesses {
  readonly #points: readonly Features[];
  readonly #settings: readonly Factored[];

  private constructor(points: readonly Features[], settings: readonly Factored[]) {
    this.#points = points;
    this.#settings = settings;
  }

  /**
   * @param points at least two. The time grows with the cube of their number.
   * @returns null if no setting's matrix has a Cholesky factor, because distances among words need not be
   *   those of a Euclidean space.
   */
  static fit(axes: readonly SearchAxis[], points: readonly Features[]): GaussianProcesses | null {
    const known = points.map(({ digits }) => digits);
    const settings = WIDTHS.flatMap((width) => {
      const neighbours = new Neighbours(axes, known, width);
      const parts = points.map((point) => partsOf(neighbours, points, point));
      return AMPLITUDES.flatMap((amplitudes) => factored({ ...amplitudes, neighbours }, parts) ?? []);
    });
    return settings.length === 0 ? null : new GaussianProcesses(points, settings);
  }

  /** @param targets the measured value of each point. */
  fit(targets: readonly number[]): Model {
    const mean = targets.reduce((sum, target) => sum + target, 0) / targets.length;
    const centred = Float64Array.from(targets, (target) => target - mean);
    const fits = this.#settings.map((factored) => leaveOneOut(factored, centred));
    const best = fits.reduce((least, one) => (one.error < least.error ? one : least));
    const whole = Math.sqrt(dot(centred, centred) / targets.length);
    return {
      error: best.error,
      explained: whole > 0 ? 1 - (best.error / whole) ** 2 : 0,
      estimateAt: (point) => this.#estimateAt(best, mean, point),
    };
  }

  #estimateAt({ factored, weights, scale }: Fit, mean: number, point: Features): Estimate {
    const { setting, inverse } = factored;
    const covariances = covariancesOf(setting, partsOf(setting.neighbours, this.#points, point));
    let known = 0;
    for (const row of inverse) known += dot(row, covariances) ** 2;
    const whole =
      setting.additive * (point.digits.length + dot(point.physics, point.physics)) + setting.product;
    return {
      mean: mean + dot(weights, covariances),
      deviation: scale * Math.sqrt(Math.max(0, whole - known)),
    };
  }
}

/** @param shown the training points, with which the neighbours were built. */
function partsOf(neighbours: Neighbours, shown: readonly Features[], { digits, physics }: Features): Parts {
  return {
    additive: neighbours.sums(digits).map((sum, i) => sum + dot(physics, shown[i]!.physics)),
    product: neighbours.products(digits),
  };
}

function covariancesOf({ additive, product }: Setting, parts: Parts): Float64Array {
  return parts.additive.map((one, i) => additive * one + product * parts.product[i]!);
}

/** @param parts those of each training point. */
function factored(setting: Setting, parts: readonly Parts[]): Factored | null {
  const matrix = parts.map((one, i) => {
    const line = covariancesOf(setting, one);
    line[i]! += NOISE;
    return line;
  });
  const inverse = inverseFactor(matrix);
  if (inverse === null) return null;
  const diagonal = new Float64Array(inverse.length);
  for (const row of inverse) {
    for (let i = 0; i < row.length; i++) diagonal[i]! += row[i]! ** 2;
  }
  return { setting, inverse, diagonal };
}

interface Fit {
  readonly factored: Factored;
  readonly weights: Float64Array;
  readonly error: number;
  /** Standard deviation of the noise, estimated from the points left out, in the unit of the targets. */
  readonly scale: number;
}

/** @param centred targets minus their mean; the mean, too, is computed without the point that is left out. */
function leaveOneOut(factored: Factored, centred: Float64Array): Fit {
  const { inverse, diagonal } = factored;
  const count = centred.length;
  const weights = new Float64Array(count);
  for (const row of inverse) {
    const along = dot(row, centred);
    for (let i = 0; i < row.length; i++) weights[i]! += row[i]! * along;
  }
  let wrong = 0;
  let scaled = 0;
  for (const [i, weight] of weights.entries()) {
    wrong += ((weight / diagonal[i]!) * (count / (count - 1))) ** 2;
    scaled += weight ** 2 / diagonal[i]!;
  }
  return { factored, weights, error: Math.sqrt(wrong / count), scale: Math.sqrt(scaled / count) };
}
