import { median, quantile } from '../../statistics/quantile.js';
import type { Ceilings } from '../ceilings.js';
import { roofTimeOf } from './device-roofs.js';
import type { Family, Measurement } from './family.js';
import { LAUNCH_QUANTILE } from './fit-operators.js';

/** A kernel is launched in a few microseconds, in a captured graph in fewer: what takes more is the host. */
const HOST_SECONDS = 40e-6;
/** The smallest call of any family takes far less. */
const LONGEST_LAUNCH = 2e-3;
/** A cache may be so many times as fast as the memory whose roof it is held against. */
const CACHE_RATIO = 3;

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
  if (family.launchIsOfDevice && shortest > HOST_SECONDS)
    return `its shortest calls take ${(shortest * 1e6).toFixed(0)} µs, so the host was timed and not the device`;
  return null;
}
