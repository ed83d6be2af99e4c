import type { AttentionShape, ModelArchitecture } from '../architecture.js';
import { layerSize, vocabularySize } from '../model-size.js';
import { shardOf } from '../pass/parallel.js';
import { DEFAULT_SETTING, type PassRequest, type SequenceGroup } from '../pass/setting.js';
import { passWork } from '../pass-work.js';
import type { MemoryAnalysis } from './analysis.js';

/**
 * Bytes that one device holds at the fuller of two passes: its share of all weights, the cache at the end of the pass, and the
 * operator with the most activations, read and written.
 */
export function memoryOf(
  architecture: ModelArchitecture,
  { prefill, decode }: { readonly prefill: PassRequest; readonly decode: PassRequest },
): Omit<MemoryAnalysis, 'fits'> {
  const shard = shardOf(architecture, prefill.parallel ?? DEFAULT_SETTING.parallel);
  const weights = weightBytes(shard, prefill);
  const kvCache = Math.max(cacheBytes(shard, prefill), cacheBytes(shard, decode));
  const activations = Math.max(activationBytes(architecture, prefill), activationBytes(architecture, decode));
  return { weights, kvCache, activations, bytes: weights + kvCache + activations };
}

/** The vocabulary keeps its own bits: quantizers leave it alone, or give it more. */
function weightBytes(shard: ModelArchitecture, { weights }: PassRequest): number {
  const layers = shard.layers.reduce((sum, group) => {
    const { bytes, parameters } = layerSize(shard, group);
    const own = weights ? (parameters * weights.bits) / 8 : bytes;
    return sum + group.count * own;
  }, 0);
  return layers + vocabularySize(shard).bytes;
}

function cacheBytes({ layers }: ModelArchitecture, request: PassRequest): number {
  const { key, value } = request.cacheBits ?? DEFAULT_SETTING.cacheBits;
  return layers.reduce((sum, { count, attention }) => {
    const [keys, values] = cachedElements(attention);
    const perToken = (keys * key + values * value) / 8;
    const tokens = request.batch.reduce((total, group) => total + cachedTokens(group, attention), 0);
    return sum + count * perToken * tokens;
  }, 0);
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
) {
  const context = before + newTokens;
  const window = attention.kind === 'latent' ? null : attention.window;
  return sequences * Math.min(context, window ?? context);
}

function activationBytes(architecture: ModelArchitecture, request: PassRequest): number {
  const { operators } = passWork(architecture, request);
  return operators.reduce((most, { traffic, calls }) => {
    return Math.max(most, (traffic.activationsRead + traffic.activationsWritten) / calls);
  }, 0);
}
