import type { OperatorCall } from '../../core/work/operator-call.js';
import { quantileOfSorted, sorted } from '../../statistics/quantile.js';
import type { Ceilings } from '../ceilings.js';
import { roofTimeOf } from './device-roofs.js';
import type { Family, Measurement } from './family.js';
import { fitSurface, type SurfacePoint } from './fit-surface.js';
import { type Surface, valueAt } from './surface.js';

/** What measurements of calls that behave alike say. */
export interface FittedOperators {
  /** ln of how many times longer a call takes than its launch and its roof. */
  readonly slowdown: Surface;
  /** What the smallest calls of the table take. */
  readonly launchSeconds: number;
  /** Of the published bandwidth, that calls reach which no cache holds. */
  readonly reachableShare: number;
  /** Root mean square of ln(predicted / measured) on shapes that the fit had not seen. */
  readonly spread: number;
  readonly measurements: number;
  /** Measurements above a published roof, which are left out. */
  readonly aboveRoof: number;
}

/** A measurement with what the device could do at best. */
interface Sample {
  readonly at: readonly number[];
  readonly shape: string;
  readonly seconds: number;
  readonly roofSeconds: number;
  readonly memorySeconds: number;
  readonly bytes: number;
}

/** Of measured times: the smallest are launches. */
export const LAUNCH_QUANTILE = 0.01;
/** What any GPU of today reads at, where a table's kernels do not show it. */
const LEAST_REACHABLE_SHARE = 0.85;
/** Times the last cache, from which on a call streams from memory. */
const BEYOND_CACHES = 4;

/**
 * @param measurements of one surface of a family.
 * @throws Error where all of them are above the device's roofs: `refusalOf` tells of these.
 */
export function fitOperators<Call extends OperatorCall>(
  family: Family<Call>,
  measurements: readonly Measurement<Call>[],
  ceilings: Ceilings,
): FittedOperators {
  const all = samplesOf(family, measurements, ceilings);
  const samples = belowRoofs(all);
  if (samples.length === 0) throw new Error('no measurement is below the roofs');
  const launchSeconds = launchOf(samples);
  return {
    slowdown: fitSurface(family.grid, pointsOf(samples, launchSeconds)),
    launchSeconds,
    reachableShare: reachableShareOf(samples, ceilings),
    spread: spreadOf(family, samples),
    measurements: samples.length,
    aboveRoof: all.length - samples.length,
  };
}

/** Of one shape alone nothing tells how others would do: as far off as tables of few shapes are. */
const UNKNOWN_SPREAD = 0.4;

function spreadOf(family: Pick<Family, 'grid'>, samples: readonly Sample[]): number {
  const residuals = residualsOf(family, samples);
  return residuals.length === 0 ? UNKNOWN_SPREAD : rootMeanSquare(residuals);
}

function samplesOf<Call extends OperatorCall>(
  family: Family<Call>,
  measurements: readonly Measurement<Call>[],
  ceilings: Ceilings,
): Sample[] {
  return measurements.flatMap(({ call, seconds }) => {
    const work = family.workOf(call);
    const roof = roofTimeOf(work, ceilings);
    if (roof === null) return [];
    return [
      {
        at: family.coordinatesOf(call).point,
        shape: family.shapeOf(call),
        seconds,
        roofSeconds: roof.seconds,
        memorySeconds: work.bytes / ceilings.memoryBytesPerSecond,
        bytes: work.bytes,
      },
    ];
  });
}

const belowRoofs = (samples: readonly Sample[]) =>
  samples.filter(({ seconds, roofSeconds }) => seconds >= roofSeconds);

const launchOf = (samples: readonly Sample[]) =>
  quantileOfSorted(sorted(samples.map(({ seconds }) => seconds)), LAUNCH_QUANTILE);

function reachableShareOf(samples: readonly Sample[], { onChipBytes }: Ceilings): number {
  const cache = onChipBytes ?? 50e6;
  const shares = samples
    .filter(
      ({ bytes, memorySeconds, roofSeconds }) =>
        bytes > BEYOND_CACHES * cache && memorySeconds === roofSeconds,
    )
    .map(({ memorySeconds, seconds }) => memorySeconds / seconds);
  return Math.max(LEAST_REACHABLE_SHARE, shares.length < 20 ? 0 : quantileOfSorted(sorted(shares), 0.95));
}

const pointsOf = (samples: readonly Sample[], launchSeconds: number): SurfacePoint[] =>
  samples.map(({ at, seconds, roofSeconds }) => ({
    at,
    value: Math.log(seconds / (launchSeconds + roofSeconds)),
  }));

const FOLDS = 5;
/** To tell how a table does. */
const ENOUGH_SAMPLES = 8000;

/**
 * Leaves a fifth of the shapes out of the fit, five times; a large table is thinned out before.
 * @returns ln(predicted / measured) of each measurement by the fit that saw none of its shape.
 */
function residualsOf({ grid }: Pick<Family, 'grid'>, all: readonly Sample[]): number[] {
  if (all.length === 0) return [];
  const every = Math.ceil(all.length / ENOUGH_SAMPLES);
  const samples = all.filter((_sample, index) => index % every === 0);
  const shapes = [...new Set(samples.map(({ shape }) => shape))];
  const foldOf = new Map(shapes.map((shape, index) => [shape, index % FOLDS]));
  const points = pointsOf(samples, launchOf(all));
  return Array.from({ length: FOLDS }, (_, fold) => {
    const isOut = (index: number) => foldOf.get(samples[index]!.shape) === fold;
    const seen = points.filter((_point, index) => !isOut(index));
    if (seen.length === 0) return [];
    const surface = fitSurface(grid, seen);
    return samples.flatMap(({ at }, index) =>
      isOut(index) ? [valueAt(surface, at) - points[index]!.value] : [],
    );
  }).flat();
}

/** @returns ln(predicted / measured) of measurements whose shape the fit had not seen. */
export function unseenResiduals<Call extends OperatorCall>(
  family: Family<Call>,
  measurements: readonly Measurement<Call>[],
  ceilings: Ceilings,
): number[] {
  return residualsOf(family, belowRoofs(samplesOf(family, measurements, ceilings)));
}

const rootMeanSquare = (values: readonly number[]) =>
  Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / Math.max(1, values.length));
