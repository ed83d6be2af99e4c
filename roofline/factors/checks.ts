import type { FactorCheck, ThreadFactors } from '../../core/result/factors.js';
import { workingSetOf } from '../../core/work/phase-work.js';
import type { MachineModel } from '../machine-model.js';
import { expectPhase } from '../placement.js';
import type { CheckSample } from './sample.js';

/**
 * @returns the errors of predictions for models that were not part of the fit, by phase; no entry for a phase
 *   without timings.
 */
export function checksOf(
  samples: readonly CheckSample[],
  machineModel: MachineModel,
  factors: ThreadFactors,
): FactorCheck[] {
  return (['prefill', 'decode'] as const).flatMap((phase) => {
    const own = samples.filter(({ work }) => work.name === phase);
    const squares = own.map(({ work, seconds }) => {
      const { predictedSeconds } = expectPhase({ work, machineModel, factors });
      return Math.log(predictedSeconds! / seconds) ** 2;
    });
    if (squares.length === 0) return [];
    const passes = own.flatMap(({ work }) => work.passes);
    return [
      {
        phase,
        points: own.length,
        models: new Set(own.map(({ model }) => model)).size,
        error: Math.sqrt(squares.reduce((sum, square) => sum + square, 0) / squares.length),
        sequences: Math.max(...passes.map(({ sequences }) => sequences)),
        passTokens: Math.max(...passes.map(({ tokens }) => tokens)),
        depth: Math.max(...passes.map(({ depth }) => depth)),
        setBytes: Math.max(...passes.map(workingSetOf)),
      },
    ];
  });
}
