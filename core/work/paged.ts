import type { Options } from '../experiment/experiment.js';
import type { ModelArchitecture } from './architecture.js';
import type { PassSetting, ServedPasses } from './engine-passes.js';
import { DEFAULT_SETTING } from './pass/setting.js';
import type { Arithmetic } from './work.js';

/**
 * Tokens of a pass where a point leaves them to the server: vLLM takes 2048 or 8192 and SGLang 2048 to 16384
 * by the memory of the GPU, TensorRT-LLM 8192, TGI what fits. Prompts below it are one pass under any of
 * these.
 */
const PASS_TOKENS = 8192;

/** Types of weights and activations that are not quantized, in bits. */
const DATA_TYPES: Readonly<Record<string, readonly [bits: number, arithmetic: Arithmetic]>> = {
  auto: [16, 'bf16'],
  bfloat16: [16, 'bf16'],
  float16: [16, 'f16'],
  half: [16, 'f16'],
  float32: [32, 'f32'],
  float: [32, 'f32'],
};

/** Words for types of the KV cache, by how they begin. */
const CACHE_BITS = [
  [/^(auto|bfloat16|bf16|float16|half)$/, 16],
  [/^(fp8|int8|mxfp8)/, 8],
] as const;

/** Methods that make 8-bit weights of a file in 16 bits while they load it. */
const ONLINE_8_BITS = /^(fp8|fbgemm_fp8|w8a8_fp8|fp8_per_|int8_per_channel)/;

/**
 * The passes of servers that keep the cache in pages on a GPU (PagedAttention, arXiv 2309.06180) and compute
 * in 16 bits: weights, activations and cache are of `dataType`; weights of 8 bits in fp8 or int8 meet
 * activations of the same, narrower ones are expanded first.
 * @param mixes see ServedPasses
 */
export function pagedPasses(mixes: boolean): ServedPasses {
  return {
    setting,
    passTokens: ({ batchedTokens }) => (typeof batchedTokens === 'number' ? batchedTokens : PASS_TOKENS),
    mixes,
  };
}

function setting(architecture: ModelArchitecture, options: Options): PassSetting | string {
  const { dataType, kvCacheType, quantizationMethod } = options;
  const type = DATA_TYPES[String(dataType ?? 'auto')];
  if (type === undefined) return `bits of the type ${dataType} are not known`;
  const [activationBits, matrix] = type;
  const cache = String(kvCacheType ?? 'auto');
  const cacheBits =
    cache === 'auto' ? activationBits : CACHE_BITS.find(([pattern]) => pattern.test(cache))?.[1];
  if (cacheBits === undefined) return `bits of a KV cache of ${cache} are not known`;
  const method =
    quantizationMethod === null || quantizationMethod === undefined ? '' : String(quantizationMethod);
  const stored = Math.min(...architecture.layers.map(({ attention }) => attention.output.bits));
  const online = stored >= 16 && method !== '' && method !== 'unquant';
  if (online && !ONLINE_8_BITS.test(method))
    return `the file is not quantized, and how many bits ${method} makes of its weights is not known`;
  const bits = online ? 8 : stored;
  // Whole bytes, with next to nothing for scales: GPTQ's 8 bits have a scale for each group, and are
  // expanded.
  const inBytes = bits >= 8 && bits < 8.1;
  return {
    activationBits,
    cacheBits: { key: cacheBits, value: cacheBits },
    arithmetic: {
      ...DEFAULT_SETTING.arithmetic,
      matrix,
      quantizedMatrix: inBytes ? (/int8/.test(method) ? 'int8' : 'fp8') : matrix,
      attention: matrix,
    },
    ...(online && { weights: { bits, valueBits: bits, density: 1 } }),
  };
}
