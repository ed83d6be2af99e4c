import type { AttentionShape, GatedDeltaAttention, TokenIndexShape } from './architecture.js';
import type { WorkSetting } from './pass/setting.js';

/**
 * An index keeps its keys in fp8 with a scale in f32 for each 128 elements, whatever the cache is kept in.
 */
const INDEX_BLOCK = 128;
const SCALE_BYTES = 4;

/** @returns bytes that an index keeps of a token. */
export function indexKeyBytes({ headLength }: Pick<TokenIndexShape, 'headLength'>): number {
  return headLength + Math.ceil(headLength / INDEX_BLOCK) * SCALE_BYTES;
}

/**
 * @returns elements that a layer keeps of each token, of its key and of its value; one vector stands for both
 *   where attention is latent, and nothing is kept where it has a state instead.
 */
export function keptElements(attention: AttentionShape): readonly [key: number, value: number] {
  switch (attention.kind) {
    case 'latent':
      return [attention.kvRank + attention.ropeLength, 0];
    case 'gated-delta':
      return [0, 0];
    case 'dot-product':
      return [attention.kvHeads * attention.keyLength, attention.kvHeads * attention.valueLength];
  }
}

/** @returns bytes that a layer keeps of a sequence of so many tokens when they have passed. */
export function keptBytes(
  attention: AttentionShape,
  tokens: number,
  { cacheBits, activationBits }: Pick<WorkSetting, 'cacheBits' | 'activationBits'>,
): number {
  if (attention.kind === 'gated-delta') return stateBytes(attention, activationBits);
  const [keys, values] = keptElements(attention);
  const bytes = (cellsOf(attention, tokens) * (keys * cacheBits.key + values * cacheBits.value)) / 8;
  const { matrices = null, headLength = 0 } = (attention.kind === 'latent' && attention.index) || {};
  return bytes + (matrices === null ? 0 : tokens * indexKeyBytes({ headLength }));
}

/** Elements that its convolution sees at once: queries, keys and values. */
export function convolvedWidth({
  heads,
  keyHeads,
  keyLength,
  valueLength,
}: Pick<GatedDeltaAttention, 'heads' | 'keyHeads' | 'keyLength' | 'valueLength'>): number {
  return 2 * keyHeads * keyLength + heads * valueLength;
}

/** @returns bytes of the inputs that the convolution of a sequence still has to see. */
export function convolutionStateBytes(attention: GatedDeltaAttention, activationBits: number): number {
  return ((attention.convolution - 1) * convolvedWidth(attention) * activationBits) / 8;
}

/** @returns bytes of the matrices that a sequence's tokens were written into, of all heads. */
export function ruleStateBytes({ heads, keyLength, valueLength, stateBits }: GatedDeltaAttention): number {
  return (heads * keyLength * valueLength * stateBits) / 8;
}

function stateBytes(attention: GatedDeltaAttention, activationBits: number): number {
  return ruleStateBytes(attention) + convolutionStateBytes(attention, activationBits);
}

/** Tokens that are kept: a window ends them, and native sparse attention keeps some of them twice. */
function cellsOf(attention: Exclude<AttentionShape, GatedDeltaAttention>, tokens: number): number {
  if (attention.kind === 'latent') return tokens;
  const { sparse, window } = attention;
  if (sparse === null) return Math.min(tokens, window ?? tokens);
  // All tokens of the selected branch, one in a stride of the compressed one, the last of the window's.
  return tokens + tokens / sparse.compressStride + Math.min(tokens, sparse.window);
}
