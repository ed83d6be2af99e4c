import type { ThreadFactors } from '../core/result/factors.js';
import type { ProfiledPhase } from '../core/result/profile-record.js';
import type { BoundLevel, RooflineModule, RooflinePhase } from '../core/result/roofline-record.js';
import { operatorsOf, type PhaseWork, workingSetOf } from '../core/work/phase-work.js';
import type { OperatorWork } from '../core/work/work.js';
import { peakFor } from './ceilings.js';
import { bandwidthOf, levelOf, type MachineModel } from './machine-model.js';
import { predictPass, unpredictable } from './predict.js';
import { moduleRows } from './profile/table.js';
import { mainArithmetic, roofTimes } from './roof-time.js';

export interface PlacementRequest {
  readonly work: PhaseWork;
  readonly machineModel: MachineModel;
  /** `roofs` predicts what the roofs allow: of kernels that nobody fits factors of. null = nothing is predicted. */
  readonly factors: ThreadFactors | 'roofs' | null;
  /** Of one repeat. */
  readonly measuredSeconds: number;
  readonly profiled: ProfiledPhase | null;
}

/** Places one phase: what it asked, what the roofs allow, what was predicted, what was measured. */
export function placePhase({
  work,
  machineModel,
  factors,
  measuredSeconds,
  profiled,
}: PlacementRequest): RooflinePhase {
  const operators = operatorsOf(work);
  const workingSet = Math.max(...work.passes.map(workingSetOf));
  const level = levelOf(machineModel, workingSet);
  const sum = (of: (operator: OperatorWork) => number) =>
    operators.reduce((total, one) => total + of(one), 0);
  const flops = sum((one) => one.flops);
  const bytes = {
    weights: sum(({ traffic }) => traffic.weightsRead),
    cacheRead: sum(({ traffic }) => traffic.cacheRead),
    cacheWritten: sum(({ traffic }) => traffic.cacheWritten),
    activations: sum(({ traffic }) => traffic.activationsRead + traffic.activationsWritten),
  };
  const read = bytes.weights + bytes.cacheRead;
  const roof = roofTimes(operators, machineModel, level);
  const arithmetic = mainArithmetic(operators);
  const peak = peakFor(machineModel.ceilings, arithmetic);
  const notPredicted = factors === null || factors === 'roofs' ? null : unpredictable(operators);
  const predictedSeconds =
    factors === null || notPredicted !== null
      ? null
      : factors === 'roofs'
        ? roof.seconds
        : predicted(work, machineModel, factors);
  const bandwidth = { level, bytesPerSecond: bandwidthOf(machineModel, level) };
  return {
    name: work.name,
    tokens: work.tokens,
    passes: work.passes.reduce((total, { times }) => total + times, 0),
    flops,
    bytes,
    intensity: flops / read,
    measuredSeconds,
    roofSeconds: roof.seconds,
    predictedSeconds,
    ...(notPredicted === null ? {} : { notPredicted }),
    residualRatio: predictedSeconds === null ? null : measuredSeconds / predictedSeconds,
    flopsPerSecond: flops / measuredSeconds,
    bytesPerSecond: read / measuredSeconds,
    mfu: peak === null ? null : flops / measuredSeconds / peak.flopsPerSecond,
    peak,
    mbu: read / measuredSeconds / bandwidth.bytesPerSecond,
    bandwidth,
    roofRatio: roof.seconds / measuredSeconds,
    bound: roof.bound,
    boundLevel: roof.bound === 'memory' ? level : (peak?.arithmetic ?? arithmetic),
    modules: profiled === null ? null : modulesOf(profiled, work, operators, machineModel, level),
  };
}

function predicted(work: PhaseWork, machineModel: MachineModel, factors: ThreadFactors): number {
  return work.passes.reduce((sum, pass) => {
    const { tokens, queries, times } = pass;
    const context = { machineModel, factors, workingSet: workingSetOf(pass), tokens, queries };
    return sum + times * predictPass(pass.work, context).seconds;
  }, 0);
}

/** The profiled run may have had fewer passes than a repeat: its work is in proportion. */
function modulesOf(
  profiled: ProfiledPhase,
  work: PhaseWork,
  operators: readonly OperatorWork[],
  machineModel: MachineModel,
  level: BoundLevel,
): RooflineModule[] {
  const share = profiled.tokens / work.tokens;
  return moduleRows(profiled, operators, share).map((row) => {
    const own = operators.filter(({ module }) => module === row.module);
    if (row.flops === null || own.length === 0) return { ...row, roofRatio: null, bound: null };
    const { seconds, bound } = roofTimes(own, machineModel, level);
    return { ...row, roofRatio: (seconds * share) / row.seconds, bound };
  });
}
