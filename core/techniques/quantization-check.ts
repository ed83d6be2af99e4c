import type { QuantizationSpec } from './quantization.js';
import { isFloat, tensorType } from './tensor-types.js';

/**
 * What llama.cpp would pass over in silence, or abort on, in words that follow the spelling; null when there
 * is nothing. Everything else depends on the tensors of a model and is found out when they are quantized.
 */
export function flawOf(spec: QuantizationSpec, hasMatrix: boolean): string | null {
  const { type, tensorTypes, outputType, embeddingType, pure } = spec;
  if (isFloat(type)) {
    // llama-quant.cpp, llama_tensor_get_type: both are looked at for quantized types only.
    if (tensorTypes.length > 0) return `llama.cpp ignores types of single tensors when it writes ${type}`;
    if (pure) return `${type} is no mixture, so pure changes nothing`;
  }
  const bare = tensorTypes.find((override) => tensorType(override.type)?.needsMatrix);
  if (bare !== undefined && !hasMatrix) {
    return `${bare.pattern}:${bare.type} needs an importance matrix: name the text it is made of (importance)`;
  }
  if (pure && tensorType(type)?.needsMatrix === 'ggml' && (outputType === null || embeddingType === null)) {
    return `pure gives ${type} to the token embedding and the output too, which no importance matrix covers: give both outputType and embeddingType`;
  }
  return null;
}
