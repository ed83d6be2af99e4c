import { cornersOf, type Grid, nodesOf, type Surface } from './surface.js';

/** One measurement: where, and what was found there. */
export interface SurfacePoint {
  readonly at: readonly number[];
  readonly value: number;
}

/**
 * How much a bend between three neighbouring nodes costs, beside the mean of a node's points. It smooths
 * noise, and carries the surface over nodes that nothing was measured at.
 */
const BEND = 0.02;
/**
 * How much a step costs: it only matters where bends leave a slope open, and makes the surface flat there.
 */
const STEP = 0.002;
/** Residuals of less are as good as none. */
const CALM = 0.02;
/** Least squares first, then twice with less weight for what lies far off: outliers pull at little. */
const ROUNDS = 3;
const ITERATIONS = 120;
/** Of the first gradient's square, where to end. */
const ENOUGH = 1e-7;

/**
 * Fits a surface to points: least absolute residuals, by reweighted least squares, and as smooth as the
 * points allow. Nodes without points are carried on from their neighbours.
 */
export function fitSurface(grid: Grid, points: readonly SurfacePoint[]): Surface {
  const system = new Interpolation(grid, points);
  const values = new Float64Array(nodesOf(grid)).fill(mean(points.map(({ value }) => value)));
  const smoothing = smoothnessOf(grid, points.length);
  for (let round = 0; round < ROUNDS; round++) {
    solve(system, smoothing, values);
    system.reweigh(values);
  }
  return { grid, values };
}

const mean = (values: readonly number[]) =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);

/** The corners of all points in one place, for it is gone through a thousand times. */
class Interpolation {
  readonly #targets: Float64Array;
  readonly #weights: Float64Array;
  /** Where each point's corners begin, and where the last's end. */
  readonly #starts: Int32Array;
  readonly #nodes: Int32Array;
  readonly #shares: Float64Array;

  constructor(grid: Grid, points: readonly SurfacePoint[]) {
    const corners = points.map(({ at }) => cornersOf(grid, at));
    const size = corners.reduce((sum, { indices }) => sum + indices.length, 0);
    this.#targets = Float64Array.from(points, ({ value }) => value);
    this.#weights = new Float64Array(points.length).fill(1);
    this.#starts = new Int32Array(points.length + 1);
    this.#nodes = new Int32Array(size);
    this.#shares = new Float64Array(size);
    for (const [point, { indices, weights }] of corners.entries()) {
      const start = this.#starts[point]!;
      this.#nodes.set(indices, start);
      this.#shares.set(weights, start);
      this.#starts[point + 1] = start + indices.length;
    }
  }

  /**
   * Adds the gradient of the squared residuals at `values` to `into`.
   * @param targets 1 = beside what was measured, 0 = beside nothing.
   */
  addGradient(values: Float64Array, into: Float64Array, targets: 0 | 1): void {
    const [starts, nodes, shares] = [this.#starts, this.#nodes, this.#shares];
    for (let point = 0; point < this.#targets.length; point++) {
      const end = starts[point + 1]!;
      let sum = -targets * this.#targets[point]!;
      for (let one = starts[point]!; one < end; one++) sum += shares[one]! * values[nodes[one]!]!;
      sum *= this.#weights[point]!;
      for (let one = starts[point]!; one < end; one++) into[nodes[one]!]! += sum * shares[one]!;
    }
  }

  /** Gives each point the weight by which its square counts as its absolute value. */
  reweigh(values: Float64Array): void {
    for (let point = 0; point < this.#targets.length; point++) {
      let sum = -this.#targets[point]!;
      for (let one = this.#starts[point]!; one < this.#starts[point + 1]!; one++)
        sum += this.#shares[one]! * values[this.#nodes[one]!]!;
      this.#weights[point] = CALM / Math.max(Math.abs(sum), CALM);
    }
  }
}

/** Adds the gradient of what roughness costs, at `values`, to `into`. */
type Smoothing = (values: Float64Array, into: Float64Array) => void;

function smoothnessOf(grid: Grid, points: number): Smoothing {
  const share = points / nodesOf(grid);
  const strides = grid.map((_, axis) => nodesOf(grid.slice(axis + 1)));
  return (values, into) => {
    for (const [axis, nodes] of grid.entries()) {
      const stride = strides[axis]!;
      for (let index = 0; index < values.length; index++) {
        const place = Math.floor(index / stride) % nodes.length;
        if (place === 0) continue;
        const step = STEP * share * (values[index]! - values[index - stride]!);
        into[index]! += step;
        into[index - stride]! -= step;
        if (place + 1 === nodes.length) continue;
        const bend = BEND * share * (values[index - stride]! - 2 * values[index]! + values[index + stride]!);
        into[index - stride]! += bend;
        into[index]! -= 2 * bend;
        into[index + stride]! += bend;
      }
    }
  };
}

/** Conjugate gradients on the normal equations, from `values` on and into them. */
function solve(system: Interpolation, smoothing: Smoothing, values: Float64Array): void {
  const size = values.length;
  const gradientAt = (at: Float64Array, targets: 0 | 1): Float64Array => {
    const gradient = new Float64Array(size);
    system.addGradient(at, gradient, targets);
    smoothing(at, gradient);
    return gradient;
  };
  const residual = gradientAt(values, 1).map((gradient) => -gradient);
  let direction = residual.slice();
  let length = dot(residual, residual);
  const enough = length * ENOUGH;
  for (let iteration = 0; iteration < ITERATIONS && length > enough && length > 0; iteration++) {
    const image = gradientAt(direction, 0);
    const step = length / dot(direction, image);
    for (let index = 0; index < size; index++) {
      values[index]! += step * direction[index]!;
      residual[index]! -= step * image[index]!;
    }
    const next = dot(residual, residual);
    const turn = next / length;
    direction = residual.map((value, index) => value + turn * direction[index]!);
    length = next;
  }
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let index = 0; index < a.length; index++) sum += a[index]! * b[index]!;
  return sum;
}
