import { FailureError, failure } from '../../../core/errors.js';
import type { TechniqueChoice } from '../../../core/sweep/experiment.js';
import { readQuantization } from '../../../core/techniques/quantization.js';
import type { Reading } from '../../../core/techniques/spelling.js';
import type { ResolvedModel } from '../resolve.js';
import type { Step } from '../step.js';
import { quantizeStep } from './quantize.js';

export interface StepsRequest {
  readonly base: ResolvedModel;
  readonly technique: TechniqueChoice;
  readonly runnerKind: string;
  /** The engine's release. */
  readonly engine: string;
}

/**
 * What the techniques of an experiment do to its base, in the order in which it is done: heads are grouped,
 * adapters merged, weights pruned, and at last quantized.
 * @throws FailureError `impossible-combination` for a word this agent cannot read.
 */
export async function stepsFor({ base, technique, runnerKind, engine }: StepsRequest): Promise<Step[]> {
  const steps: Step[] = [];
  const quantization = specOf(readQuantization(technique.quantization));
  if (quantization !== null && technique.quantization !== base.facts.quantization) {
    steps.push(quantizeStep(technique.quantization, quantization, runnerKind, engine));
  }
  return steps;
}

/** A sweep of a newer release may have words that this agent does not know. */
function specOf<T>(reading: Reading<T>): T {
  if (reading.ok) return reading.value;
  const hint = 'Use an agent of the release that the sweep was written for.';
  throw new FailureError(failure('impossible-combination', reading.message, { hint }));
}
