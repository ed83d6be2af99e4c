import { fileType } from '../core/techniques/file-types.js';
import { headOf } from '../core/techniques/spelling.js';
import { bytesPerElement, weightType } from '../core/techniques/tensor-types.js';
import type { LayerGroup, ModelArchitecture } from '../core/work/architecture.js';

/** llama.cpp keeps the output matrix at least this well (llama-quant.cpp, llama_tensor_get_type). */
const OUTPUT_TYPE = 'q6_k';

/**
 * The architecture that quantizing gives, before there is a file: every matrix at the bits of the mixture and
 * of its main type, the output at `q6_k` or better. Types of single tensors that a word asks for are not
 * looked at.
 * @param setting of a sweep's `quantization`; `base`, and names of no mixture, leave the architecture as it
 *   is.
 */
export function quantizedArchitecture(architecture: ModelArchitecture, setting: string): ModelArchitecture {
  const mixture = fileType(headOf(setting));
  if (mixture === null) return architecture;
  const type = mainType(mixture.name);
  const { bitsPerWeight: bits } = mixture;
  const keepsOutput = 8 * bytesPerElement(OUTPUT_TYPE) > bits;
  return {
    ...architecture,
    embeddingBits: bits,
    outputBits: keepsOutput ? 8 * bytesPerElement(OUTPUT_TYPE) : bits,
    outputType: keepsOutput ? OUTPUT_TYPE : type,
    layers: architecture.layers.map((layer) => withMatrices(layer, { bits, type }) as LayerGroup),
  };
}

/** `q4_k_m` → q4_k, `q8_0` → q8_0; undefined for a mixture that is named after none of its types. */
function mainType(mixture: string): string | undefined {
  return [mixture, mixture.replace(/_[a-z]+$/, '')].find((name) => weightType(name) !== null);
}

/** Every matrix below a value; routers of experts stay in floats. */
function withMatrices(
  value: unknown,
  stored: { readonly bits: number; readonly type: string | undefined },
): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  if ('inputs' in value && 'outputs' in value && 'bits' in value) return { ...value, ...stored };
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      key === 'router' ? inner : withMatrices(inner, stored),
    ]),
  );
}
