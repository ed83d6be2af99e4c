import { arithmeticOf, onGpu } from '../kernels/arithmetic.js';
import type { KernelRecord } from '../kernels/record.js';
import { peakFor } from './ceilings.js';
import type { Physics } from './physics.js';
import type { RooflinePhase } from './record.js';

/**
 * Places a call of an op: the least time that the roofs allow is that of its bytes or of its FLOPs, whichever is longer. A call
 * that finds its inputs in the caches stands under the last cache's bandwidth, where that was measured: of a GPU that is L2.
 * @param measuredSeconds of one call.
 */
export function placeCall(
  kernel: Pick<KernelRecord, 'op' | 'variant' | 'type' | 'flops' | 'bytes' | 'cache'>,
  physics: Physics,
  measuredSeconds: number,
): RooflinePhase {
  const { flops, bytes } = kernel;
  const bandwidth = bandwidthOf(kernel, physics);
  const arithmetic = arithmeticOf(kernel);
  const peak = peakFor(physics.ceilings, arithmetic);
  const memorySeconds = bytes / bandwidth.bytesPerSecond;
  const computeSeconds = peak === null ? 0 : flops / peak.flopsPerSecond;
  const roofSeconds = Math.max(memorySeconds, computeSeconds);
  const bound = memorySeconds >= computeSeconds ? 'memory' : 'compute';
  return {
    name: 'call',
    tokens: null,
    passes: 1,
    flops,
    bytes: null,
    intensity: flops / bytes,
    measuredSeconds,
    roofSeconds,
    predictedSeconds: roofSeconds,
    residualRatio: measuredSeconds / roofSeconds,
    flopsPerSecond: flops / measuredSeconds,
    bytesPerSecond: bytes / measuredSeconds,
    mfu: peak === null ? null : computeSeconds / measuredSeconds,
    peak,
    mbu: memorySeconds / measuredSeconds,
    bandwidth,
    roofRatio: roofSeconds / measuredSeconds,
    bound,
    boundLevel: bound === 'memory' ? bandwidth.level : (peak?.arithmetic ?? arithmetic),
    modules: null,
  };
}

function bandwidthOf(
  { cache, variant }: Pick<KernelRecord, 'cache' | 'variant'>,
  { ceilings, cacheBytesPerSecond, nearBytesPerSecond }: Physics,
): RooflinePhase['bandwidth'] {
  if (cache === 'warm' && onGpu(variant)) return { level: 'L2', bytesPerSecond: nearBytesPerSecond };
  if (cache === 'warm' && cacheBytesPerSecond !== null)
    return { level: 'L3', bytesPerSecond: cacheBytesPerSecond };
  return { level: 'memory', bytesPerSecond: ceilings.memoryBytesPerSecond };
}
