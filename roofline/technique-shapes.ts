import type { TechniqueChoice } from '../core/experiment/experiment.js';
import { readAdapter } from '../core/techniques/adapter.js';
import type { ModelArchitecture } from '../core/work/architecture.js';
import { withAttention } from './analysis/attention-word.js';
import { withLayers } from './analysis/layers-word.js';
import { quantizedArchitecture } from './quantized.js';

/**
 * @param base the model as its file has it.
 * @returns the shapes that a point's techniques leave of it; a clause where its work is not counted.
 */
export function techniqueShapes(
  base: ModelArchitecture,
  { adapter: setting, layers, attention, quantization }: TechniqueChoice,
): ModelArchitecture | string {
  const adapter = readAdapter(setting);
  if (adapter.ok && adapter.value?.mode === 'attached')
    return 'the work of adapters beside the weights is not counted';
  return quantizedArchitecture(withAttention(withLayers(base, layers), attention), quantization);
}
