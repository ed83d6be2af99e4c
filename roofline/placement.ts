import type { ThreadFactors } from '../core/result/factors.js';
import type { ProfiledPhase } from '../core/result/profile-record.js';
import type { BoundLevel, RooflineModule, RooflinePhase } from '../core/result/roofline-record.js';
import { operatorsOf, type PhaseWork, workingSetOf } from '../core/work/phase-work.js';
import type { OperatorWork } from '../core/work/work.js';
import { peakFor } from './ceilings.js';
import { type ErrorBand, errorBandOf } from './error-band.js';
import { bandwidthOf, levelOf, type MachineModel } from './machine-model.js';
import { predictPass, unpredictable } from './predict.js';
import { moduleRows } from './profile/table.js';
import { mainArithmetic, roofTimes } from './roof-time.js';

export interface PlacementRequest {
  readonly work: PhaseWork;
  readonly machineModel: MachineModel;
  /** `roofs` predicts what the roofs allow: of kernels that nobody fits factors of. null = nothing is predicted. */
  readonly factors: ThreadFactors | 'roofs' | null;
  /** That the phase runs on; left out = those that the factors are of. */
  readonly threads?: number;
  /** Of one repeat. */
  readonly measuredSeconds: number;
  readonly profiled: ProfiledPhase | null;
}

/** What can be said of a phase before it has run. */
export interface ExpectedPhase {
  /** Where weights and cache come from. */
  readonly level: BoundLevel;
  /** The least time that the roofs allow, and what decides. */
  readonly roof: ReturnType<typeof roofTimes>;
  /** null without factors, and for work that they say nothing of. */
  readonly predictedSeconds: number | null;
  /** How far it may lie off; null where nobody looked, or nothing is predicted by factors. */
  readonly band: ErrorBand | null;
  /** Why they say nothing; null where they do, or there are none. */
  readonly notPredicted: string | null;
}

/** Says of one repeat of a phase what the roofs allow, and what is predicted by factors. */
export function expectPhase(
  {
    work,
    machineModel,
    factors,
    threads,
  }: Pick<PlacementRequest, 'work' | 'machineModel' | 'factors' | 'threads'>,
  operators: readonly OperatorWork[] = operatorsOf(work),
): ExpectedPhase {
  const workingSet = Math.max(...work.passes.map(workingSetOf));
  const level = levelOf(machineModel, workingSet);
  const roof = roofTimes(operators, machineModel, level);
  const notPredicted = factors === null || factors === 'roofs' ? null : unpredictable(operators);
  const predictedSeconds =
    factors === null || notPredicted !== null
      ? null
      : factors === 'roofs'
        ? roof.seconds
        : predicted(work, machineModel, factors);
  const fitted = factors !== null && factors !== 'roofs' && predictedSeconds !== null;
  return {
    ...{ level, roof, predictedSeconds, notPredicted },
    band: fitted ? errorBandOf(work, factors, threads) : null,
  };
}

/** Places one phase: what it asked, what the roofs allow, what was predicted, what was measured. */
export function placePhase(request: PlacementRequest): RooflinePhase {
  const { work, machineModel, measuredSeconds, profiled } = request;
  const operators = operatorsOf(work);
  const { level, roof, predictedSeconds, band, notPredicted } = expectPhase(request, operators);
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
  const arithmetic = mainArithmetic(operators);
  const peak = peakFor(machineModel.ceilings, arithmetic);
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
    ...(band === null ? {} : { predictionError: { ratio: band.ratio, beyond: [...band.beyond] } }),
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
