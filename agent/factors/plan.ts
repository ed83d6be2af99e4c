import { bytesPerElement } from '../../core/techniques/tensor-types.js';
import type { AttentionShape, ElementwiseShape, ProductShape } from './operations.js';
import { ELEMENTWISE } from './operations.js';

export type Bench =
  | { readonly kind: 'node' }
  | { readonly kind: 'product'; readonly shape: ProductShape }
  | { readonly kind: 'attention'; readonly shape: AttentionShape }
  | { readonly kind: 'elementwise'; readonly shape: ElementwiseShape };

/** Types whose products are benched; others are predicted by that with the nearest bits. */
export const TYPES = ['f16', 'bf16', 'q8_0', 'q6_k', 'q5_k', 'q4_k', 'q4_0'] as const;

/**
 * Tokens that meet a matrix: every small number, since kernels take rows in fours, and then powers of two.
 */
const ROWS = [1, 2, 3, 4, 6, 8, 16, 32, 128, 512];
/** Working sets of the first type: around what a last cache holds. */
const SETS = [8e6, 16e6, 24e6, 32e6, 48e6, 64e6, 96e6];
/**
 * Caches of so many layers take turns: fewer run up to twice as slow or fast, by how they happen to lie in
 * memory.
 */
const LAYERS = 32;
const SMALL = [
  [512, 512],
  [512, 128],
  [512, 1536],
  [1536, 512],
] as const;
/** What is surely read from memory where a last cache is not huge, and surely from a cache. */
const STREAMED = 192e6;
const RESIDENT = 8e6;
/** Of a working set, where nothing else bounds it: reading it takes a tenth of a second. */
const MOST = 1.2e9;

/** What benches are made for. */
export interface BenchedMachine {
  /**
   * Of the last caches, as the system says it; a guest is told what its host's has, of which others take
   * their part. null = unknown.
   */
  readonly cacheBytes: number | null;
  readonly memoryBytes: number;
  /**
   * Whether one bench has to say for all how memory is read beyond a huge cache: each takes a second there.
   */
  readonly quick: boolean;
}

/** @returns every bench of one number of threads, the first of them spread over all. */
export function benches(
  types: readonly string[],
  { cacheBytes, memoryBytes, quick }: BenchedMachine,
): Bench[] {
  // Twice what a cache holds, and a little: what a fit takes for streamed.
  const beyond = Math.max(STREAMED, Math.min(2.2 * (cacheBytes ?? 0), MOST, memoryBytes / 8));
  const isHuge = beyond > STREAMED;
  const product = (weights: string, inputs: number, outputs: number, rows: number, set: number): Bench => {
    const copies = Math.max(1, Math.round(set / (inputs * outputs * bytesPerElement(weights))));
    return { kind: 'product', shape: { weights, inputs, outputs, rows, copies } };
  };
  // Behind a huge cache they come first: without them nobody knows what it keeps, and what memory gives
  // behind it.
  const sets = isHuge ? [...SETS, STREAMED, beyond / 2, beyond] : SETS;
  const around = types.slice(0, 1).flatMap((type) => sets.map((set) => product(type, 1024, 1024, 1, set)));
  const products = types.flatMap((type, i) => [
    ...ROWS.map((rows) => product(type, 1024, 1024, rows, rows > 32 ? RESIDENT / 4 : RESIDENT)),
    ...[1, 2, 4, 8].map((rows) => product(type, 2048, 2048, rows, quick ? STREAMED : beyond)),
    ...(i === 0 && !isHuge ? around : []),
    // What a product takes beside its bytes shows where matrices are small and come from memory.
    ...SMALL.map(([inputs, outputs]) => product(type, inputs, outputs, 1, STREAMED / 2)),
    // Several rows walk a narrow matrix otherwise than a wide one.
    ...[4, 8].map((rows) => product(type, 512, 1536, rows, STREAMED / 2)),
    // Short rows, whose products spend much on adding up lanes.
    ...[1, 2, 4, 128].map((rows) => product(type, 256, 1024, rows, RESIDENT / 4)),
    // Small matrices, wide ones, and one that is mostly input.
    product(type, 512, 512, 1, RESIDENT / 2),
    product(type, 1024, 256, 1, RESIDENT / 2),
    product(type, 512, 1536, 128, RESIDENT / 4),
    product(type, 2048, 5632, 128, RESIDENT / 4),
    product(type, 1536, 512, 512, RESIDENT / 8),
    product(type, 1024, 128, 512, RESIDENT / 16),
  ]);
  const attention = (
    newTokens: number,
    cachedTokens: number,
    headLength = 64,
    sequences = 1,
    copies = newTokens > 64 ? 1 : LAYERS,
  ): Bench => {
    const shape = { heads: 8, kvHeads: 2, headLength, sequences, newTokens, cachedTokens, copies };
    return { kind: 'attention', shape };
  };
  const [node, ...rest] = spread<Bench>([
    { kind: 'node' },
    ...products,
    ...[127, 255, 511, 1535].map((cached) => attention(1, cached)),
    attention(1, 511, 128),
    attention(1, 255, 64, 4),
    // Keys and values that come from memory.
    attention(1, 255, 64, 1, 720),
    attention(1, 511, 64, 1, 360),
    attention(1, 255, 128, 1, 360),
    attention(32, 0),
    attention(32, 256),
    attention(128, 0),
    attention(128, 512),
    attention(512, 0),
    attention(512, 512),
    ...ELEMENTWISE.flatMap((kind) =>
      [1, 4, 32, 512].map((rows): Bench => {
        return { kind: 'elementwise', shape: { kind, width: 1024, rows, copies: rows > 32 ? 4 : 32 } };
      }),
    ),
  ]);
  return isHuge ? [node!, ...around, ...rest] : [node!, ...rest];
}

/** The fractional part of the golden ratio: its multiples fall where those before have left most room. */
const GOLDEN = (Math.sqrt(5) - 1) / 2;

/**
 * @returns the same in an order of which every beginning is spread over the whole: a fit that runs out of
 *   time has something of everything.
 */
function spread<T>(all: readonly T[]): T[] {
  return all
    .map((one, i) => ({ one, at: (i * GOLDEN) % 1 }))
    .sort((a, b) => a.at - b.at)
    .map(({ one }) => one);
}
