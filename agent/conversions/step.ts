import { type ConversionName, conversionNamed, wayTo } from '../../core/models/conversions.js';
import type { ModelFormat } from '../../core/models/formats.js';
import { conversionRecipe } from '../../core/techniques/chain.js';
import type { ResolvedModel } from '../artifacts/resolve.js';
import type { Step } from '../artifacts/step.js';
import { taskOf } from '../isolation/job.js';
import { CONVERTERS } from './index.js';
import { CONVERT } from './job.js';

/** @returns the step that writes a model in another format; weights keep their type. */
export function conversionStep(conversion: ConversionName): Step {
  return {
    recipe: conversionRecipe(conversion),
    ingredients: { converter: CONVERTERS[conversion].version },
    bytes: conversionNamed(conversion).bytes,
    taskFor: async (inputPath) => (outputPath) =>
      taskOf(CONVERT, { conversion, inputPath, outputPath, type: null, dequantize: false }),
  };
}

/** @returns the steps that make of a base what opens these formats; none for one that is opened as it is. */
export function stepsTo({ facts }: ResolvedModel, opens: readonly ModelFormat[]): readonly Step[] {
  return (wayTo(facts.format, opens) ?? []).map(conversionStep);
}
