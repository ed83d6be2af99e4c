import { z } from 'zod';
import { integerBetween, orNull } from '../bounds.js';
import { KV_CACHE_TYPES } from '../techniques/tensor-types.js';
import { batch, cpuBackend, engine, poll, threads } from './cpu-options.js';
import { readEviction } from './eviction.js';

const cacheType = (what: string) =>
  z.enum(KV_CACHE_TYPES).default('f16').describe(`Type of the ${what} cache (llama-bench: -ct${what[0]}).`);

/** Options that every engine on llama.cpp has, in the trial's process or behind an address. */
export const LLAMA_CPP_OPTIONS = {
  flashAttention: z
    .union([z.boolean(), z.literal('auto')])
    .default('auto')
    .describe('Flash attention; auto leaves it to llama.cpp (llama-bench: -fa).'),
  kvCacheTypeK: cacheType('key'),
  kvCacheTypeV: cacheType('value'),
  threads,
  batch,
  ubatch: integerBetween(1, 1_048_576)
    .default(512)
    .describe('Tokens computed at once, at most; not above batch (llama-bench: -ub).'),
  gpuLayers: z
    .union([integerBetween(0, 10_000), z.literal('all')])
    .default('all')
    .describe('Layers placed on the GPU; all on a cpu device means none (llama-bench: -ngl).'),
  mmap: z.boolean().default(true).describe('Map the model file instead of reading it (llama-bench: -mmp).'),
} as const;

const eviction = z
  .string()
  .superRefine((spelling, context) => {
    const reading = readEviction(spelling);
    if (!reading.ok) context.addIssue({ code: 'custom', message: reading.message });
  })
  .default('none')
  .describe(
    'Which tokens a full cache gives up: none, streaming:N, knorm:N or keydiff:N, where N tokens stay (docs/attention.md).',
  );

/** How llama.cpp in the trial's process spreads a model over devices. */
const SPREAD_OPTIONS = {
  gpus: integerBetween(1, 16)
    .default(1)
    .describe('Devices of one node that the trial has to itself; the model is split over them.'),
  splitMode: z
    // Rows, the third mode of llama.cpp v0.4.0, need buffers that of its backends SYCL alone has
    // (make_gpu_buft_list).
    .enum(['layer', 'tensor'])
    .default('layer')
    .describe('How a model is split over several GPUs: by layers, or every matrix (llama-bench: -sm).'),
  mainGpu: integerBetween(0, 15)
    .default(0)
    .describe('Which of its GPUs, from 0, has what is not split (llama-bench: -mg).'),
  tensorSplit: orNull(z.string().regex(/^\d+(\.\d+)?(\/\d+(\.\d+)?)*$/)).describe(
    'Shares of the devices, e.g. `3/1`, those of RPC servers first; null splits by their free memory (llama-bench: -ts).',
  ),
  rpcServers: orNull(z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}(\/[a-z0-9][a-z0-9-]{0,62}){0,15}$/)).describe(
    'RPC servers of the node’s configuration whose devices the model is split over, too, e.g. `desk/attic` (docs/rpc.md).',
  ),
} as const;

/** All options of llama.cpp in the trial's process. */
export const llamaCppOptions = z.strictObject({
  ...LLAMA_CPP_OPTIONS,
  eviction,
  cpuBackend,
  poll,
  kvCacheRotation: z
    .boolean()
    .default(true)
    .describe(
      'Keys and values are rotated (Hadamard) before a quantized cache takes them, as llama.cpp does where heads are multiples of 64.',
    ),
  ...SPREAD_OPTIONS,
  engine,
});
export type LlamaCppOptions = Readonly<z.output<typeof llamaCppOptions>>;

/** What of them the work of a pass follows from; other options of a point do not matter to it. */
export const passOptions = z.object({
  flashAttention: LLAMA_CPP_OPTIONS.flashAttention,
  kvCacheTypeK: LLAMA_CPP_OPTIONS.kvCacheTypeK,
  kvCacheTypeV: LLAMA_CPP_OPTIONS.kvCacheTypeV,
  batch: LLAMA_CPP_OPTIONS.batch,
  ubatch: LLAMA_CPP_OPTIONS.ubatch,
  eviction,
});
export type PassOptions = Readonly<z.output<typeof passOptions>>;

export const PASS_DEFAULTS: PassOptions = passOptions.parse({});

/** What the size of a key/value cache follows from, of any runner. */
export const cacheOptions = passOptions.pick({
  kvCacheTypeK: true,
  kvCacheTypeV: true,
  batch: true,
  ubatch: true,
});
export type CacheOptions = Readonly<z.output<typeof cacheOptions>>;

/** What says which part of a model a device has. */
export const spreadOptions = z.object({ gpuLayers: LLAMA_CPP_OPTIONS.gpuLayers, ...SPREAD_OPTIONS });
export type SpreadOptions = Readonly<z.output<typeof spreadOptions>>;

/** What the memory of a trial follows from. */
export const memoryOptions = passOptions.extend(spreadOptions.shape);
