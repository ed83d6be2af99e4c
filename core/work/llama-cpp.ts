import { readOptions } from '../experiment/options.js';
import { bytesPerElement } from '../techniques/tensor-types.js';
import { CELLS, passesUnder, type ServedPasses, type Texts } from './engine-passes.js';
import { evictionOf, piecesBetweenCuts, tokensHeld } from './eviction.js';
import { microBatch } from './kv-cache.js';
import type { LatencyWork } from './latency.js';
import { type PassOptions, passOptions, type SpreadOptions } from './llama-cpp-options.js';
import { FLASH, type PassRequest, UNFUSED, type WorkSetting } from './pass/setting.js';

/** How llama.cpp computes, as far as it changes what a pass asks. */
export type EngineSetting = Pick<
  WorkSetting,
  'activationBits' | 'cacheBits' | 'arithmetic' | 'attention' | 'logits' | 'trimsLastLayer'
>;

/**
 * What llama.cpp (v0.4.0) does with a model under a runner's options: activations in f32; quantized matrices
 * multiplied in int8, for activations are quantized on the way; rows of the last layer that have no logits
 * are left out; latent attention absorbed in prefill, too. Keys behind the mask are skipped by its flash
 * attention, and read once for all queries at best.
 */
export function llamaCppSetting({
  flashAttention,
  kvCacheTypeK,
  kvCacheTypeV,
}: Pick<PassOptions, 'flashAttention' | 'kvCacheTypeK' | 'kvCacheTypeV'>): EngineSetting {
  const kernel = flashAttention === false ? UNFUSED : FLASH;
  return {
    activationBits: 32,
    cacheBits: { key: 8 * bytesPerElement(kvCacheTypeK), value: 8 * bytesPerElement(kvCacheTypeV) },
    arithmetic: { matrix: 'f16', quantizedMatrix: 'int8', attention: 'f16', vector: 'f32' },
    attention: { ...kernel, maskKeys: CELLS, queryBlock: null, latent: 'absorbed' },
    logits: 'last',
    trimsLastLayer: true,
  };
}

/**
 * The passes of a prefill: prompts one behind the other fill batches, and each batch is cut into
 * micro-batches that take the same number of tokens of each of its sequences (llama-batch.cpp, split_equal).
 */
function prefillPasses(
  { promptTokens, sequences, contextDepth }: LatencyWork,
  options: PassOptions,
): PassRequest[] {
  const setting = llamaCppSetting(options);
  const { batch } = options;
  const ubatch = microBatch(options);
  const eviction = evictionOf(options.eviction);
  if (eviction !== null) {
    // Sequences are read one after the other, for a batch ends where a cache is cut.
    const groups = piecesBetweenCuts(eviction, contextDepth, promptTokens, ubatch);
    const ofOne = groups.map(({ tokens, held }, index): PassRequest => {
      const logits = index === groups.length - 1 ? 'last' : 0;
      const batch = [{ sequences: 1, newTokens: tokens, cachedTokens: held }];
      return { ...setting, phase: 'prefill', batch, logits };
    });
    return Array.from({ length: sequences }, () => ofOne).flat();
  }
  const done = new Int32Array(sequences);
  const passes: PassRequest[] = [];
  for (let start = 0; start < promptTokens * sequences; start += batch) {
    const end = Math.min(start + batch, promptTokens * sequences);
    const left = Array.from({ length: sequences }, (_, s) =>
      Math.max(0, Math.min(end, (s + 1) * promptTokens) - Math.max(start, s * promptTokens)),
    );
    while (left.some((tokens) => tokens > 0)) {
      const waiting = left.flatMap((tokens, s) => (tokens > 0 ? [s] : [])).slice(0, ubatch);
      const each = Math.min(
        ...waiting.map((s) => left[s]!),
        Math.max(1, Math.floor(ubatch / waiting.length)),
      );
      const groups = waiting.map((s) => {
        const group = { sequences: 1, newTokens: each, cachedTokens: contextDepth + done[s]! };
        done[s] = done[s]! + each;
        left[s] = left[s]! - each;
        return { group, ends: done[s] === promptTokens };
      });
      const logits = groups.some(({ ends }) => ends) ? ('last' as const) : 0;
      passes.push({
        ...setting,
        phase: 'prefill',
        batch: mergeEqualGroups(groups.map(({ group }) => group)),
        logits,
      });
    }
  }
  return passes;
}

/** One step of decoding: a token of each sequence, with so many before it. */
function decodePass({ sequences }: LatencyWork, cachedTokens: number, options: PassOptions): PassRequest {
  const held = tokensHeld(evictionOf(options.eviction), cachedTokens);
  const batch = [{ sequences, newTokens: 1, cachedTokens: held }];
  return { ...llamaCppSetting(options), phase: 'decode', batch };
}

/**
 * Texts side by side, their keys and values in f16 for flash attention; without it every token would be held
 * against those of other texts, too (llama-graph.cpp, build_attn_inp_no_cache).
 */
function encodePass({ items, tokens }: Texts, options: PassOptions): PassRequest | string {
  const setting = llamaCppSetting(options);
  const { kind } = setting.attention;
  if (kind === 'unfused' && items > 1)
    return 'attention over several texts at once is not counted without flash attention';
  const bits = kind === 'flash' ? 16 : 32;
  return {
    ...setting,
    phase: 'prefill',
    batch: [{ sequences: items, newTokens: tokens, cachedTokens: 0 }],
    cacheBits: { key: bits, value: bits },
    attention: { ...setting.attention, maskKeys: 1 },
  };
}

export const llamaCppPasses = passesUnder(passOptions, {
  prefill: prefillPasses,
  decode: decodePass,
  encode: encodePass,
});

/**
 * llama.cpp's server gives llama_decode a token of each sequence that decodes and fills the batch up with
 * prompts (server-context.cpp, update_slots, v0.4.0), which is then cut into micro-batches.
 */
export const llamaServerPasses: ServedPasses = {
  setting: (_, options) => llamaCppSetting(readOptions(passOptions, options)),
  passTokens: (options) => microBatch(readOptions(passOptions, options)),
  mixes: true,
};

/**
 * Shares layers out among devices as llama.cpp does (llama-model.cpp, load_tensors, v0.4.0), in its 32 bits:
 * layer i of n, and the output as the n-th, is on the first device up to which the shares are more than i /
 * (n + 1) of all.
 * @param shares of the devices, of any sum above 0.
 * @returns layers of each device up to the one that has the output; those behind it have nothing.
 */
export function layersByShare(depth: number, shares: readonly number[]): number[] {
  const { fround } = Math;
  let sum = 0;
  const sums = shares.map((share) => {
    sum = fround(sum + fround(share));
    return sum;
  });
  const deviceOf = (layer: number) =>
    sums.findIndex((upTo) => fround(upTo / sum) > fround(layer / (depth + 1)));
  const layers = Array.from({ length: deviceOf(depth) + 1 }, () => 0);
  for (let layer = 0; layer < depth; layer++) layers[deviceOf(layer)]! += 1;
  return layers;
}

/**
 * @returns the shares of devices that a point asks for, `3/1`; null where it leaves them to their free
 *   memory, as zeros alone do, too.
 */
export function sharesAsked({ tensorSplit }: Pick<SpreadOptions, 'tensorSplit'>): number[] | null {
  if (tensorSplit === null) return null;
  const shares = tensorSplit.split('/').map(Number);
  return shares.some((share) => share > 0) ? shares : null;
}

/** LLAMA_MAX_LAYERS of llama-hparams.h: a damaged file may say any number. */
const MOST_LAYERS = 512;

/**
 * @returns the part of the layers (the output counts as one more) that `gpuLayers` puts on devices other than
 *   the CPU.
 */
export function offloadedShare(gpuLayers: SpreadOptions['gpuLayers'], layers: number): number {
  if (gpuLayers === 'all') return 1;
  return Math.min(1, Math.max(0, gpuLayers / (layers + 1)));
}

/**
 * @returns the part of a model that the CPU of a point has whose device it is: what `gpuLayers` leaves of it
 *   where RPC servers take layers.
 */
export function cpuShare(
  { gpuLayers, rpcServers }: Pick<SpreadOptions, 'gpuLayers' | 'rpcServers'>,
  layers: number,
): number {
  return rpcServers === null ? 1 : 1 - offloadedShare(gpuLayers, layers);
}

/**
 * @returns the part of what is put on GPUs that the fullest of a point's own has, where they have as much
 *   free memory each as nothing is asked for; the output counts as a layer. 0 where RPC servers have a part:
 *   which devices they have is known when they are asked, and nothing is refused before.
 */
export function fullestShare(options: SpreadOptions, layers: number): number {
  const { gpus, splitMode, rpcServers } = options;
  if (rpcServers !== null) return 0;
  const shares = sharesAsked(options) ?? Array.from({ length: gpus }, () => 1);
  if (shares.length === 1) return 1;
  if (splitMode === 'tensor') return Math.max(...shares) / shares.reduce((a, b) => a + b, 0);
  const depth = Math.min(layers, MOST_LAYERS);
  const counts = layersByShare(depth, shares);
  const output = counts.length - 1;
  return Math.max(...counts.map((count, device) => count + (device === output ? 1 : 0))) / (depth + 1);
}

type Group = PassRequest['batch'][number];

/** Sequences of the same lengths are one group. */
function mergeEqualGroups(groups: readonly Group[]): Group[] {
  const found = new Map<string, Group>();
  for (const group of groups) {
    const key = `${group.newTokens} ${group.cachedTokens}`;
    const sequences = group.sequences + (found.get(key)?.sequences ?? 0);
    found.set(key, { ...group, sequences });
  }
  return [...found.values()];
}
