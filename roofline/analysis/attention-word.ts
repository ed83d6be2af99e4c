import { readAttention } from '../../core/techniques/attention.js';
import type { Reading } from '../../core/techniques/spelling.js';
import type { DotProductAttention, LayerGroup, ModelArchitecture } from '../../core/work/architecture.js';
import { impossible } from './impossible.js';

const AS_IT_IS = 'base';
const NSA = 'nsa';

/** Blocks of arXiv 2502.11089, section 4.1. */
const NSA_BLOCKS = { compressBlock: 32, compressStride: 16, selectBlock: 64, selectCount: 16, window: 512 };

/**
 * @returns whether a word names a change of attention, as in a sweep, or `nsa`, which can only be counted and
 *   not run.
 */
export function checkAttention(setting: string): Reading<unknown> {
  return setting === NSA ? { ok: true, value: NSA } : readAttention(setting);
}

/**
 * @param setting that `checkAttention` accepts.
 * @returns the model with its attention changed, as if it had been trained that way.
 * @throws FailureError `impossible-combination` for heads that cannot be grouped in this way, and for latent
 *   attention
 */
export function withAttention(architecture: ModelArchitecture, setting: string): ModelArchitecture {
  if (setting === AS_IT_IS) return architecture;
  let index = 0;
  const layers = architecture.layers.flatMap((group): LayerGroup[] => {
    const { attention } = group;
    if (attention.kind !== 'dot-product') {
      const kind = attention.kind === 'latent' ? 'latent' : 'linear';
      throw impossible(
        `attention ${setting} of a model with ${kind} attention`,
        `${kind === 'latent' ? 'Latent' : 'Linear'} attention has no K/V heads and no window: leave the attention as it is.`,
      );
    }
    if (setting === NSA) return [{ ...group, attention: { ...attention, sparse: NSA_BLOCKS } }];
    const start = index;
    index += group.count;
    return changed({ ...group, attention }, setting, start);
  });
  return { ...architecture, layers };
}

function changed(
  group: LayerGroup & { readonly attention: DotProductAttention },
  setting: string,
  start: number,
): LayerGroup[] {
  const reading = readAttention(setting);
  const { kvHeads = null, window = null } = (reading.ok ? reading.value : null) ?? {};
  const attention = kvHeads === null ? group.attention : grouped(group.attention, kvHeads);
  if (window === null) return [{ ...group, attention }];
  const windowed = { ...attention, window: window.tokens };
  if (window.fullEvery === 0) return [{ ...group, attention: windowed }];
  // Every n-th layer of the model sees all tokens.
  return Array.from({ length: group.count }, (_, i) => ({
    ...group,
    count: 1,
    attention: (start + i + 1) % window.fullEvery === 0 ? { ...attention, window: null } : windowed,
  }));
}

function grouped(attention: DotProductAttention, kvHeads: number): DotProductAttention {
  const { heads, keyLength, valueLength, key, value } = attention;
  if (kvHeads > heads || heads % kvHeads !== 0)
    throw impossible(
      `${heads} heads cannot share ${kvHeads} key/value heads evenly`,
      `Name a number that divides ${heads}.`,
    );
  return {
    ...attention,
    kvHeads,
    key: { ...key, outputs: kvHeads * keyLength },
    value: { ...value, outputs: kvHeads * valueLength },
  };
}
