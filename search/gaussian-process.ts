import { dot, inverseFactor } from './linear-algebra.js';
import { Neighbours } from './neighbours.js';
import type { SearchAxis } from './space.js';

/** What a model sees of a point. */
export interface Features {
  readonly digits: Int32Array;
  /**
   * What is known without measuring it, each as a difference from the mean of the points that are shown; as
   * many numbers for each point.
   */
  readonly physics: Float64Array;
}

/**
 * What is said of one number at a point: how large, and the standard deviation of what is not known of it.
 */
export interface Estimate {
  readonly mean: number;
  readonly deviation: number;
}

/** One number as it is modelled. */
export interface Model {
  /** Standard deviation of what it gets wrong of points that it was not shown. */
  readonly error: number;
  /** Of the variance of those points, the share that it explains; negative where their mean says more. */
  readonly explained: number;
  estimateAt(point: Features): Estimate;
}

/**
 * How much of a number each part of the kernel makes, in variances of noise, and what says how near points
 * are.
 */
interface Setting {
  readonly additive: number;
  readonly product: number;
  readonly neighbours: Neighbours;
}

/** From settings that act alone to settings of which most depends on the others. */
const AMPLITUDES = [
  { additive: 10, product: 0 },
  { additive: 10, product: 1 },
  { additive: 10, product: 10 },
  { additive: 1, product: 10 },
];
/** How far nearness reaches, as shares of an axis. */
const WIDTHS = [0.2, 0.5];
const NOISE = 1;

/** Of a point and each that was shown, the parts of the kernel. */
interface Parts {
  /** How near they are on each axis, added, and the product of their physics. */
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
 * multiply, so that costs, which are logarithms, add (Duvenaud et al., "Additive Gaussian Processes", NeurIPS
 * 2011). The second is physics, in which costs are linear. The third is how near they are on all axes at
 * once, for interactions of settings, such as a valley that lies elsewhere in each branch.
 *
 * Each number takes the setting of the kernel that best predicts points it was not shown, which leave-one-out
 * tells in closed form (section 5.4.2 there).
 */
export class GaussianProcesses {
  readonly #points: readonly Features[];
  readonly #settings: readonly Factored[];

  private constructor(points: readonly Features[], settings: readonly Factored[]) {
    this.#points = points;
    this.#settings = settings;
  }

  /**
   * @param points two at least. Takes time by the cube of their number.
   * @returns null where no setting's matrix has a Cholesky factor: distances among words need not be those of
   *   any space.
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

  /** @param targets what was measured, one for each point. */
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

/** @param shown points that the neighbours are known by. */
function partsOf(neighbours: Neighbours, shown: readonly Features[], { digits, physics }: Features): Parts {
  return {
    additive: neighbours.sums(digits).map((sum, i) => sum + dot(physics, shown[i]!.physics)),
    product: neighbours.products(digits),
  };
}

function covariancesOf({ additive, product }: Setting, parts: Parts): Float64Array {
  return parts.additive.map((one, i) => additive * one + product * parts.product[i]!);
}

/** @param parts of each point that is shown. */
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
  /** Standard deviation of the noise, as what was left out tells it: in the unit of the targets. */
  readonly scale: number;
}

/** @param centred targets less their mean, which is left out with each of them, too. */
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
