import { median, quantile } from '../../statistics/quantile.js';
import type { Ceilings } from '../ceilings.js';
import { roofTimeOf } from './device-roofs.js';
import type { Family, Measurement } from './family.js';
import { LAUNCH_QUANTILE } from './fit-operators.js';

/** The smallest call of any family takes far less. */
const LONGEST_LAUNCH = 2e-3;
/** A cache may be so many times as fast as the memory whose roof it is held against. */
const CACHE_RATIO = 3;

/** Beyond every cache. */
const LARGE_BYTES = 500e6;
/** Of memory's bandwidth: the slowest kernels that pass bytes through reach more. */
const LEAST_STREAMED = 0.15;

/** @returns why measurements of one surface cannot be what they say, one clause; null where they can. */
export function refusalOf(
  family: Family,
  measurements: readonly Measurement[],
  ceilings: Ceilings,
): string | null {
  const shares = measurements.flatMap(({ call, seconds }) => {
    const roof = roofTimeOf(family.workOf(call), ceilings);
    return roof === null ? [] : [roof.seconds / seconds];
  });
  if (shares.length === 0) return `nobody publishes a roof of ${ceilings.name} for it`;
  const ratio = median(shares);
  if (ratio > CACHE_RATIO)
    return `half of its times are ${ratio.toPrecision(2)} times as short as the device's roofs allow, so they cannot be in milliseconds`;
  const shortest = quantile(
    measurements.map(({ seconds }) => seconds),
    LAUNCH_QUANTILE,
  );
  if (shortest > LONGEST_LAUNCH)
    return `its shortest calls take ${(shortest * 1e3).toPrecision(2)} ms, which no launch does, so they cannot be in milliseconds`;
  if (shortest > (family.longestLaunchSeconds ?? Number.POSITIVE_INFINITY))
    return `its shortest calls take ${(shortest * 1e6).toFixed(0)} µs, so the host was timed and not the device`;
  const reached = streamedShare(family, measurements, ceilings);
  if (reached !== null && reached < LEAST_STREAMED)
    return `its largest calls, which only pass bytes through, reach ${(100 * reached).toFixed(0)} % of the memory's bandwidth, so something else was timed with them`;
  return null;
}

/**
 * @returns the share of memory's bandwidth that the best of large calls reach, of a family that does nothing
 *   else; null of others, and where no call is large.
 */
function streamedShare(
  { workOf }: Family,
  measurements: readonly Measurement[],
  { memoryBytesPerSecond }: Ceilings,
): number | null {
  const shares = measurements.flatMap(({ call, seconds }) => {
    const { bytes, flops, linkBytes } = workOf(call);
    return flops === 0 && linkBytes === 0 && bytes > LARGE_BYTES
      ? [bytes / memoryBytesPerSecond / seconds]
      : [];
  });
  return shares.length === 0 ? null : quantile(shares, 0.9);
}
