import { failed } from '../../errors.js';
import type { ModelArchitecture } from '../architecture.js';
import { DEFAULT_SETTING, type PassRequest, type WorkSetting } from './setting.js';
import { depthOf } from './stages.js';

/**
 * @returns the request with what it left out.
 * @throws FailureError `impossible-combination` with one sentence about what cannot be.
 */
export function checkedSetting(architecture: ModelArchitecture, request: PassRequest): WorkSetting {
  const setting: WorkSetting = { ...DEFAULT_SETTING, ...request };
  const flaw = settingFlaw(architecture, setting);
  if (flaw === null) return setting;
  const hint = 'Change the setting, or ask of another model.';
  throw failed('impossible-combination', `This pass is not possible: ${flaw}.`, hint);
}

/** @returns what is impossible about a setting, as one sentence; null when nothing is. */
export function settingFlaw(architecture: ModelArchitecture, setting: WorkSetting): string | null {
  return batchFlaw(architecture, setting) ?? bitsFlaw(setting) ?? parallelFlaw(architecture, setting);
}

function batchFlaw(
  { contextLength, family, encoder }: ModelArchitecture,
  { batch, phase }: WorkSetting,
): string | null {
  if (batch.length === 0) return 'the batch is empty: a pass needs at least one sequence';
  if (encoder !== undefined && (phase === 'decode' || batch.some(({ cachedTokens }) => cachedTokens > 0)))
    return `this ${family} model is an encoder, which generates nothing and keeps no tokens`;
  for (const { sequences, newTokens, cachedTokens } of batch) {
    if (!isCount(sequences, 1)) return `a pass of ${sequences} sequences; give a whole number of at least 1`;
    if (!isCount(newTokens, 1))
      return `a pass computes ${newTokens} new tokens; give a whole number of at least 1`;
    if (!isCount(cachedTokens, 0))
      return `a pass with ${cachedTokens} tokens before it; give a whole number of at least 0`;
    const context = cachedTokens + newTokens;
    if (context > contextLength)
      return `a context of ${context} tokens, but this ${family} model has at most ${contextLength}`;
  }
  return null;
}

function bitsFlaw({ activationBits, cacheBits, weights, adapter, attention }: WorkSetting): string | null {
  for (const [what, bits] of [
    ['activations', activationBits],
    ['cached keys', cacheBits.key],
    ['cached values', cacheBits.value],
    ['weights', weights?.bits ?? 16],
    ['values of weights', weights?.valueBits ?? 16],
    ['the adapter', adapter?.bits ?? 16],
  ] as const) {
    if (!(bits > 0 && bits <= 64)) return `${what} of ${bits} bits; bits are more than 0 and at most 64`;
  }
  const density = weights?.density ?? 1;
  if (!(density > 0 && density <= 1)) return `a density of ${density}; it is more than 0 and at most 1`;
  if (adapter !== null && !(isCount(adapter.rank, 1) && isCount(adapter.distinct, 1)))
    return `${adapter.distinct} adapters of rank ${adapter.rank}; both are whole numbers of at least 1`;
  if (attention.queryBlock !== null && !isCount(attention.queryBlock, 1))
    return `blocks of ${attention.queryBlock} queries; a block has at least 1`;
  if (!isCount(attention.padKeys, 1)) return `keys padded to ${attention.padKeys}; give at least 1`;
  if (!isCount(attention.splits, 1)) return `a cache in ${attention.splits} parts; give at least 1`;
  return null;
}

function parallelFlaw(
  { layers }: ModelArchitecture,
  { parallelism, offloadedLayers, distinctExperts }: WorkSetting,
): string | null {
  const { tensor, pipeline, expert, data } = parallelism;
  for (const [what, degree] of Object.entries(parallelism)) {
    if (!isCount(degree, 1)) return `${what} parallelism over ${degree} devices; give at least 1`;
  }
  const depth = depthOf(layers);
  if (pipeline > depth) return `${pipeline} pipeline stages for ${depth} layers`;
  const uneven = layers.find(({ attention }) => attention.heads % tensor !== 0);
  if (uneven !== undefined)
    return `${uneven.attention.heads} attention heads cannot be shared evenly by ${tensor} devices`;
  // Fewer K/V heads than devices are repeated, each as often as the others.
  for (const { attention } of layers) {
    if (attention.kind === 'gated-delta' && attention.keyHeads % tensor !== 0)
      return `${attention.keyHeads} key heads of linear attention cannot be shared evenly by ${tensor} devices`;
    if (attention.kind !== 'dot-product') continue;
    const { kvHeads } = attention;
    if (kvHeads % tensor !== 0 && tensor % kvHeads !== 0)
      return `${kvHeads} key/value heads cannot be shared evenly by ${tensor} devices, nor repeated`;
  }
  const counts = layers.flatMap(({ feedForward }) => feedForward.experts?.count ?? []);
  if (expert > 1) {
    if (counts.length === 0) return 'expert parallelism needs a model with experts, and this one has none';
    if (data === undefined && expert % tensor !== 0)
      return `experts over ${expert} devices and matrices over ${tensor}: the first has to be a multiple of the second`;
    if (counts.some((count) => count % expert !== 0))
      return `${Math.min(...counts)} experts cannot be spread evenly over ${expert} devices`;
  }
  if (data !== undefined && counts.length === 0 && data > 1)
    return 'groups of devices share nothing but experts, and this model has none: count one of them';
  if (data !== undefined && (tensor * data) % expert !== 0)
    return `experts over ${expert} of ${tensor * data} devices; the first has to divide the second`;
  if (!(offloadedLayers >= 0 && offloadedLayers <= 1))
    return `a share of ${offloadedLayers} of the layers is offloaded; shares are from 0 to 1`;
  if (distinctExperts === null) return null;
  if (counts.length === 0) return `${distinctExperts} different experts in a layer of a model that has none`;
  const most = Math.min(...counts);
  if (!(distinctExperts > 0 && distinctExperts <= most))
    return `${distinctExperts} different experts in a layer; give more than 0 and at most its ${most}`;
  return null;
}

function isCount(value: number, least: number): boolean {
  return Number.isSafeInteger(value) && value >= least;
}
