import { FormatError } from '../../../../formats/format.js';
import { type Architecture, DECODER, PAIRED } from '../architecture.js';
import { headDefaults, llamaEntries, llamaValues, ropeFactors, windowCaveats } from './llama.js';

/** Llama’s layers, every fourth without positions. */
export const smollm3: Architecture = {
  classes: ['SmolLM3ForCausalLM'],
  defaults: headDefaults,
  places: { ...DECODER, ...PAIRED },
  entries: llamaEntries,
  values: llamaValues,
  added: ropeFactors,
  caveats(config) {
    // 1 for a layer that has positions.
    const layers = config.list('no_rope_layers') ?? [];
    if (layers.some((one, i) => one !== ((i + 1) % 4 === 0 ? 0 : 1)))
      throw new FormatError(
        'its layers without positions (no_rope_layers) are not every fourth, as in llama.cpp’s graph',
      );
    return windowCaveats(config);
  },
};
