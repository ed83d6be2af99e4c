import type { Options } from '../core/experiment/experiment.js';
import type { ModelArchitecture } from '../core/work/architecture.js';
import type { NumberFormat } from '../core/work/operator-call.js';
import type { ServedBits } from './analysis/bits.js';

/** Words of engines for how weights are multiplied, by how they begin. */
const METHODS: readonly (readonly [pattern: RegExp, format: NumberFormat])[] = [
  [/^(fp8_per_block|deepseek_v4_fp8|fp8_block)/, 'fp8-block'],
  [/^(fp8|fbgemm_fp8|w8a8_fp8)/, 'fp8'],
  [/^(modelopt_fp4|nvfp4)/, 'nvfp4'],
  [/^(mxfp4|gpt_oss_mxfp4)/, 'mxfp4'],
  [/^(auto_)?(awq|gptq)|^moe_wna16/, 'int4'],
  [/^(experts_int8|int8_per_channel_weight_only)/, 'int8'],
];
/** Types of weights that tables have as bf16: a kernel takes as long in either. */
const SIXTEEN_BITS = /^(auto|bfloat16|float16|half)$/;
const SIXTEEN_BITS_CACHE = /^(auto|bfloat16|bf16|float16|half)$/;

/**
 * @param architecture as the file has it.
 * @param options of a server's runner, in its own words.
 * @returns in what formats an engine on a GPU multiplies and caches under them, or in one clause why no table
 *   tells of that.
 */
export function formatsAsked(architecture: ModelArchitecture, options: Options): ServedBits | string {
  const word = (value: unknown) => (typeof value === 'string' ? value : null);
  const type = word(options.dataType) ?? 'auto';
  if (!SIXTEEN_BITS.test(type)) return `no operators are measured in ${type}`;
  const cacheWord = word(options.kvCacheType) ?? 'auto';
  const cache = SIXTEEN_BITS_CACHE.test(cacheWord) ? 'bf16' : /^fp8/.test(cacheWord) ? 'fp8' : null;
  if (cache === null) return `no operators are measured with a KV cache in ${cacheWord}`;
  const method = word(options.quantizationMethod);
  const format = method === null ? null : (METHODS.find(([pattern]) => pattern.test(method))?.[1] ?? null);
  const online = Math.min(...architecture.layers.map(({ attention }) => attention.output.bits)) >= 16;
  if (method !== null && method !== 'unquant' && online && format === null)
    return `no operators are measured of weights in ${method}`;
  return { matrices: format, cache };
}
