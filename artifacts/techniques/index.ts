import { failed } from '../../core/errors.js';
import type { TechniqueChoice } from '../../core/experiment/experiment.js';
import { makerFor, runnerNamed } from '../../core/runners/index.js';
import { type ChainStep, chainSteps } from '../../core/techniques/chain.js';
import { type ObservedPlace, ON_CPU } from '../../engines/runners/observer.js';
import { importanceFor } from '../calibration/importance.js';
import { conversionStep } from '../conversions/step.js';
import type { ModelSettings, ResolvedModel } from '../files/resolve.js';
import type { Step } from '../files/step.js';
import { fourBitStep } from './four-bit.js';
import { mergeStep } from './merge.js';
import { pruneStep } from './prune.js';
import { quantizeGraphStep, quantizeStep } from './quantize.js';
import { cutLayersStep, groupHeadsStep, windowStep } from './shape.js';

export interface StepsRequest {
  readonly base: ResolvedModel;
  /** What the base is called in sentences. */
  readonly modelName: string;
  readonly technique: TechniqueChoice;
  readonly runnerKind: string;
  /** Release of the engine that quantizes and calibrates: that of `makerFor`. */
  readonly engine: string;
  /** Where files may be that a technique names. */
  readonly settings: ModelSettings;
  /** Where it calibrates; left out = on the CPU. */
  readonly place?: ObservedPlace;
}

/**
 * What is done to the base of an experiment, in the order of core/techniques/chain.ts.
 * @throws FailureError `impossible-combination` for a word this agent cannot read, `source-not-allowed` and
 *   `model-missing` for files that techniques name.
 */
export async function stepsFor(request: StepsRequest): Promise<Step[]> {
  const { technique, base, runnerKind } = request;
  const chain = chainSteps(technique, base.facts, runnerNamed(runnerKind)?.formats ?? []);
  if (!chain.ok) {
    // A sweep of a newer release may have words that this agent does not know.
    const hint = 'Use an agent of the release that the sweep was written for.';
    throw failed('impossible-combination', chain.message, hint);
  }
  const steps: Step[] = [];
  for (const one of chain.value) steps.push(await stepOf(one, request));
  return steps;
}

async function stepOf(
  one: ChainStep,
  { base, modelName, runnerKind, engine, settings, place = ON_CPU }: StepsRequest,
): Promise<Step> {
  switch (one.kind) {
    case 'convert':
      return conversionStep(one.conversion, base);
    case 'cut-layers':
      return cutLayersStep(one.kept);
    case 'group-heads':
      return groupHeadsStep(one.kvHeads);
    case 'merge':
      return mergeStep(one.parts, modelName, settings);
    case 'prune':
      return pruneStep(one.setting, one.spec, engine, settings, place);
    case 'quantize': {
      const { importance: text } = one.spec;
      const importance = text === null ? null : await importanceFor(text, engine, settings, place);
      const maker = makerFor(runnerKind);
      return quantizeStep({ setting: one.setting, spec: one.spec, runnerKind: maker, engine, importance });
    }
    case 'quantize-four-bit':
      return fourBitStep(one.setting, one.spec, engine, settings, place);
    case 'quantize-graph':
      return quantizeGraphStep(one.setting, one.spec);
    case 'window':
      return windowStep(one.window);
  }
}
