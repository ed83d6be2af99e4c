import type { AttentionShape, ModelArchitecture } from '../architecture.js';
import { layerSize, vocabularySize } from '../model-size.js';
import { shardOf } from '../pass/parallel.js';
import {
  DEFAULT_SETTING,
  logitRowsOf,
  newTokensOf,
  type PassRequest,
  type SequenceGroup,
  type WorkSetting,
} from '../pass/setting.js';
import { type Peak, peakOf } from './liveness.js';
import { layerSteps } from './steps.js';

/** Bytes that one device holds during a pass. */
export interface PassMemory {
  readonly weights: number;
  readonly kvCache: number;
  /** The most that is alive at one time, by the operators of a layer and the logits. */
  readonly activations: number;
  /** Where it is. */
  readonly activationsAt: string;
  readonly bytes: number;
}

/** Counts what a pass holds: all weights of the device's share, the cache at its end, and live activations. */
export function passMemory(architecture: ModelArchitecture, request: PassRequest): PassMemory {
  const setting: WorkSetting = { ...DEFAULT_SETTING, ...request };
  const shard = shardOf(architecture, setting.parallel);
  const weights = weightBytes(shard, setting);
  const kvCache = cacheBytes(shard, setting);
  const { bytes: activations, at } = liveActivations(shard, setting);
  return { weights, kvCache, activations, activationsAt: at, bytes: weights + kvCache + activations };
}

/** @returns the most bytes of activations at one time, in any layer or at the output. */
export function liveActivations(shard: ModelArchitecture, setting: WorkSetting): Peak {
  const tokens = newTokensOf(setting.batch);
  const bytes = setting.activationBits / 8;
  const whole = tokens * shard.embedding * bytes;
  const logits = logitRowsOf(setting) * shard.vocabulary * bytes;
  const head = { bytes: whole + logits, at: 'lm_head' };
  const layers = shard.layers.map((group) =>
    peakOf([
      { name: 'residual', reads: [], writes: [['x', whole]] },
      ...layerSteps(shard, group, setting, tokens),
    ]),
  );
  return layers.reduce((most, peak) => (peak.bytes > most.bytes ? peak : most), head);
}

/** The vocabulary keeps its own bits: quantizers leave it alone, or give it more. The fullest stage of a pipeline has it. */
function weightBytes(shard: ModelArchitecture, { weights, parallel, offloadedLayers }: WorkSetting): number {
  const { pipeline, expert } = parallel;
  const layers = shard.layers.reduce((sum, group) => {
    const { feedForward } = group;
    const { experts } = feedForward;
    const held =
      experts === null || expert === 1
        ? group
        : {
            ...group,
            feedForward: { ...feedForward, experts: { ...experts, count: experts.count / expert } },
          };
    const { bytes, parameters } = layerSize(shard, held);
    return sum + group.count * (weights === null ? bytes : (parameters * weights.bits) / 8);
  }, 0);
  const depth = shard.layers.reduce((sum, { count }) => sum + count, 0);
  const stage = Math.ceil(depth / pipeline) / depth;
  // Layers that are kept elsewhere need room for one of them.
  const resident = 1 - offloadedLayers + (offloadedLayers > 0 ? 1 / depth : 0);
  return layers * stage * Math.min(1, resident) + vocabularySize(shard).bytes;
}

function cacheBytes({ layers }: ModelArchitecture, { cacheBits, batch, parallel }: WorkSetting): number {
  const { key, value } = cacheBits;
  const all = layers.reduce((sum, { count, attention }) => {
    const [keys, values] = cachedElements(attention);
    const tokens = batch.reduce((total, group) => total + cachedTokens(group, attention), 0);
    return sum + (count * tokens * (keys * key + values * value)) / 8;
  }, 0);
  const depth = layers.reduce((sum, { count }) => sum + count, 0);
  return (all * Math.ceil(depth / parallel.pipeline)) / depth;
}

/** Elements that are kept of a token, of its key and of its value; one vector stands for both where attention is latent. */
function cachedElements(attention: AttentionShape): readonly [number, number] {
  if (attention.kind === 'latent') return [attention.kvRank + attention.ropeLength, 0];
  const { kvHeads, keyLength, valueLength } = attention;
  return [kvHeads * keyLength, kvHeads * valueLength];
}

function cachedTokens(
  { sequences, newTokens, cachedTokens: before }: SequenceGroup,
  attention: AttentionShape,
): number {
  const context = before + newTokens;
  if (attention.kind === 'latent') return sequences * context;
  const { sparse, window } = attention;
  if (sparse === null) return sequences * Math.min(context, window ?? context);
  // NSA: all tokens of the selected branch, one in a stride of the compressed one, the last of the window's.
  const branches = context + context / sparse.compressStride + Math.min(context, sparse.window);
  return sequences * branches;
}
