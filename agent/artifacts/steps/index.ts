import { FailureError, failure } from '../../../core/errors.js';
import type { TechniqueChoice } from '../../../core/sweep/experiment.js';
import { readAdapter } from '../../../core/techniques/adapter.js';
import { readAttention } from '../../../core/techniques/attention.js';
import { readQuantization } from '../../../core/techniques/quantization.js';
import { readSparsity } from '../../../core/techniques/sparsity.js';
import type { Reading } from '../../../core/techniques/spelling.js';
import { importanceFor } from '../../calibration/importance.js';
import type { ModelSettings, ResolvedModel } from '../resolve.js';
import type { Step } from '../step.js';
import { groupHeadsStep } from './group-heads.js';
import { mergeStep } from './merge.js';
import { pruneStep } from './prune.js';
import { quantizeStep } from './quantize.js';
import { windowStep } from './window.js';

export interface StepsRequest {
  readonly base: ResolvedModel;
  /** What the base is called in sentences. */
  readonly modelName: string;
  readonly technique: TechniqueChoice;
  readonly runnerKind: string;
  /** The engine's release. */
  readonly engine: string;
  /** Where files may be that a technique names. */
  readonly settings: ModelSettings;
}

/**
 * What the techniques of an experiment do to its base, in the order in which it is done: heads are grouped,
 * adapters merged, weights pruned and quantized; a window is given last, since it may rename the architecture.
 * @throws FailureError `impossible-combination` for a word this agent cannot read, `source-not-allowed` and `model-missing`
 * for files that techniques name.
 */
export async function stepsFor(request: StepsRequest): Promise<Step[]> {
  const { base, modelName, technique, runnerKind, engine, settings } = request;
  const steps: Step[] = [];
  const attention = specOf(readAttention(technique.attention));
  const kvHeads = attention?.kvHeads ?? null;
  if (kvHeads !== null && kvHeads !== base.facts.heads?.keyValue) steps.push(groupHeadsStep(kvHeads));
  const adapter = specOf(readAdapter(technique.adapter));
  if (adapter?.mode === 'merged') steps.push(await mergeStep(adapter.parts, modelName, settings));
  const sparsity = specOf(readSparsity(technique.sparsity));
  if (sparsity !== null) steps.push(await pruneStep(technique.sparsity, sparsity, engine, settings));
  const quantization = specOf(readQuantization(technique.quantization));
  if (quantization !== null && technique.quantization !== base.facts.quantization) {
    const { importance: text } = quantization;
    const importance = text === null ? null : await importanceFor(text, engine, settings);
    steps.push(
      quantizeStep({ word: technique.quantization, spec: quantization, runnerKind, engine, importance }),
    );
  }
  if (attention !== null && attention.window !== null) steps.push(windowStep(attention.window));
  return steps;
}

/** A sweep of a newer release may have words that this agent does not know. */
function specOf<T>(reading: Reading<T>): T {
  if (reading.ok) return reading.value;
  const hint = 'Use an agent of the release that the sweep was written for.';
  throw new FailureError(failure('impossible-combination', reading.message, { hint }));
}
