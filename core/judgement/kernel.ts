import { ARITHMETIC_OF_TYPE } from '../kernels/op.js';
import type { MetricName } from '../metrics/catalogue.js';
import { measuredPhysics } from '../roofline/physics.js';
import { median } from '../statistics/quantile.js';
import { type Entry, perRepeat } from './entries.js';
import type { Evidence, Findings } from './evidence.js';
import { UNASKED } from './unasked.js';

/** What a call of an op took, what it achieved, and how near the roofs of its node that is. */
export function kernelFindings({ input }: Evidence): Findings {
  const { kernel } = input;
  const perCall = kernel?.callSeconds.map((calls) => median(calls)) ?? [];
  const least = kernel === null ? null : leastSeconds(input);
  const of = (
    value: (seconds: number) => number,
    unit: 's' | 'B/s' | 'FLOP/s' | 'ratio',
    why?: string,
  ): Entry => perRepeat(perCall.map(value), unit, why ?? UNASKED.kernel);
  const noRoofs = input.absent.roofs ?? 'no roofs were measured on this device';
  const entries: Partial<Record<MetricName, Entry>> = {
    kernelSeconds: of((seconds) => seconds, 's'),
    achievedBytesPerSecond: of((seconds) => kernel!.bytes / seconds, 'B/s'),
    achievedFlopsPerSecond: of((seconds) => kernel!.flops / seconds, 'FLOP/s'),
    kernelRoofRatio:
      least === null
        ? perRepeat([], 'ratio', kernel === null ? UNASKED.kernel : noRoofs)
        : of((seconds) => least / seconds, 'ratio'),
  };
  return { entries, warnings: [] };
}

/**
 * The least time that the node's roofs allow for a call: of bytes or of FLOPs, whichever is longer. A call that finds its inputs
 * in the caches stands under the last cache's bandwidth. null without roofs.
 */
function leastSeconds({ kernel, roofs, device, roofline }: Evidence['input']): number | null {
  if (kernel === null || roofs === null) return null;
  const cacheBytes = roofline?.cacheBytes ?? null;
  const physics = measuredPhysics(
    roofs,
    { name: device.name, memoryBytes: null },
    kernel.threads,
    cacheBytes,
  );
  if (physics === null) return null;
  const bandwidth =
    kernel.cache === 'warm'
      ? (physics.cacheBytesPerSecond ?? physics.ceilings.memoryBytesPerSecond)
      : physics.ceilings.memoryBytesPerSecond;
  const peak = physics.ceilings.peaks[ARITHMETIC_OF_TYPE[kernel.type]];
  return Math.max(kernel.bytes / bandwidth, peak === undefined ? 0 : kernel.flops / peak);
}
