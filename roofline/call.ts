import { arithmeticOf, onGpu } from '../core/kernels/arithmetic.js';
import type { KernelRecord } from '../core/kernels/record.js';
import type { RooflinePhase } from '../core/result/roofline-record.js';
import { peakFor } from './ceilings.js';
import { bandwidthOf, type MachineModel, warmLevelOf } from './machine-model.js';

/**
 * Places a call of an op: the least time that the roofs allow is that of its bytes or of its FLOPs, whichever is longer. A call
 * that finds its inputs in the caches stands under the last cache's bandwidth, where that was measured: of a GPU that is L2.
 * @param measuredSeconds of one call.
 */
export function placeCall(
  kernel: Pick<KernelRecord, 'op' | 'variant' | 'type' | 'flops' | 'bytes' | 'cache'>,
  machineModel: MachineModel,
  measuredSeconds: number,
): RooflinePhase {
  const { flops, bytes } = kernel;
  const level = kernel.cache === 'warm' ? warmLevelOf(machineModel, onGpu(kernel)) : 'memory';
  const bandwidth = { level, bytesPerSecond: bandwidthOf(machineModel, level) };
  const arithmetic = arithmeticOf(kernel);
  const peak = peakFor(machineModel.ceilings, arithmetic);
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
