import { type Corners, cornersOf, type Grid, nodesOf, type Surface } from './surface.js';

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
/** How much a step costs: it only matters where bends leave a slope open, and makes the surface flat there. */
const STEP = 0.002;
/** Residuals of less are as good as none. */
const CALM = 0.02;
/** Least squares first, then twice with less weight for what lies far off: outliers pull at little. */
const ROUNDS = 3;
const ITERATIONS = 120;

/**
 * Fits a surface to points: least absolute residuals, by reweighted least squares, and as smooth as the
 * points allow. Nodes without points are carried on from their neighbours.
 */
export function fitSurface(grid: Grid, points: readonly SurfacePoint[]): Surface {
  const corners = points.map(({ at }) => cornersOf(grid, at));
  const values = new Float64Array(nodesOf(grid)).fill(mean(points.map(({ value }) => value)));
  const weights = new Float64Array(points.length).fill(1);
  const smoothing = smoothnessOf(grid, points.length);
  for (let round = 0; round < ROUNDS; round++) {
    solve(corners, points, weights, smoothing, values);
    for (const [index, { value }] of points.entries()) {
      const residual = Math.abs(interpolated(corners[index]!, values) - value);
      weights[index] = CALM / Math.max(residual, CALM);
    }
  }
  return { grid, values };
}

const mean = (values: readonly number[]) =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);

function interpolated({ indices, weights }: Corners, values: Float64Array): number {
  let sum = 0;
  for (let corner = 0; corner < indices.length; corner++) sum += weights[corner]! * values[indices[corner]!]!;
  return sum;
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
function solve(
  corners: readonly Corners[],
  points: readonly SurfacePoint[],
  weights: Float64Array,
  smoothing: Smoothing,
  values: Float64Array,
): void {
  const size = values.length;
  const apply = (at: Float64Array, target: (index: number) => number): Float64Array => {
    const out = new Float64Array(size);
    for (const [index, corner] of corners.entries()) {
      const error = weights[index]! * (interpolated(corner, at) - target(index));
      for (let one = 0; one < corner.indices.length; one++)
        out[corner.indices[one]!]! += error * corner.weights[one]!;
    }
    smoothing(at, out);
    return out;
  };
  const residual = apply(values, (index) => points[index]!.value).map((gradient) => -gradient);
  let direction = residual.slice();
  let length = dot(residual, residual);
  const enough = length * 1e-10;
  for (let iteration = 0; iteration < ITERATIONS && length > enough && length > 0; iteration++) {
    const image = apply(direction, () => 0);
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
