import { type ConversionName, conversionNamed, wayTo } from '../../core/models/conversions.js';
import type { ModelFormat } from '../../core/models/formats.js';
import { conversionRecipe } from '../../core/techniques/chain.js';
import { taskOf } from '../../process/isolation/job.js';
import type { ResolvedModel } from '../files/resolve.js';
import type { Step } from '../files/step.js';
import { CONVERTERS } from './index.js';
import { CONVERT } from './job.js';

/**
 * @param of what the chain begins with: where it has the format that is written, what it says beside its
 *   weights is kept.
 * @returns the step that writes a model in another format; weights keep their type.
 */
export function conversionStep(
  conversion: ConversionName,
  { path, facts }: Pick<ResolvedModel, 'path' | 'facts'>,
): Step {
  const { bytes, to, takesBase } = conversionNamed(conversion);
  const base = takesBase && facts.format === to ? path : null;
  return {
    recipe: conversionRecipe(conversion),
    ingredients: { converter: CONVERTERS[conversion].version },
    bytes,
    taskFor: async (inputPath) => (outputPath) =>
      taskOf(CONVERT, { conversion, inputPath, outputPath, type: null, dequantize: false, base }),
  };
}

/** @returns the steps that make of a base what opens these formats; none for one that is opened as it is. */
export function stepsTo(base: ResolvedModel, opens: readonly ModelFormat[]): readonly Step[] {
  return (wayTo(base.facts.format, opens) ?? []).map((conversion) => conversionStep(conversion, base));
}
