import type { KnownFacts } from '../experiment/known-facts.js';
import { type AttentionSpec, readAttention, type SlidingWindow } from '../techniques/attention.js';
import { bytesPerElement } from '../techniques/tensor-types.js';
import type { ModelArchitecture } from './architecture.js';
import type { CacheOptions } from './llama-cpp-options.js';

/**
 * llama.cpp pads the cells of each sequence to this many (llama-context.cpp, llama-kv-cache-iswa.cpp:
 * GGML_PAD).
 */
const CELL_PADDING = 256;

/** Room for so many tokens of each of so many sequences. */
export interface Cells {
  readonly perSequence: number;
  readonly sequences: number;
}

/**
 * Bytes of the key/value cache, after what is done to the attention of the model; exact for llama.cpp's
 * attention models, latent ones included, whose facts hold the latent vector.
 * @param attention the word of the technique.
 */
export function predictKvCache(
  facts: KnownFacts,
  attention: string,
  options: CacheOptions,
  { perSequence, sequences }: Cells,
): number {
  const reading = readAttention(attention);
  const spec = reading.ok ? reading.value : null;
  const perToken = bytesPerToken(facts, options) * remainingHeads(facts, spec);
  const cells = spec?.window ? windowedCells(facts, spec.window, options, perSequence) : perSequence;
  return perToken * cells * sequences;
}

/**
 * What the windows of a model leave of a cache that would keep every token in every layer, as
 * llama-kv-cache-iswa.cpp keeps them.
 * @returns a share of its bytes.
 */
export function windowedShare(
  { layers }: ModelArchitecture,
  options: CacheOptions,
  perSequence: number,
): number {
  let [windowed, all] = [0, 0];
  for (const { count, attention } of layers) {
    if (attention.kind !== 'dot-product') return 1;
    const { kvHeads, keyLength, valueLength, window } = attention;
    const bytes = count * kvHeads * (keyLength + valueLength);
    const cells = window === null ? perSequence : Math.min(perSequence, window + microBatch(options));
    windowed += bytes * (window === null ? perSequence : Math.min(perSequence, paddedCells(cells)));
    all += bytes * perSequence;
  }
  return all === 0 ? 1 : windowed / all;
}

function bytesPerToken(facts: KnownFacts, { kvCacheTypeK, kvCacheTypeV }: CacheOptions): number {
  return (
    facts.keyElementsPerToken * bytesPerElement(kvCacheTypeK) +
    facts.valueElementsPerToken * bytesPerElement(kvCacheTypeV)
  );
}

/** @returns the share of K/V heads that grouping leaves. */
function remainingHeads({ heads }: KnownFacts, spec: AttentionSpec | null): number {
  if (heads === null || spec === null || spec.kvHeads === null) return 1;
  return spec.kvHeads / heads.keyValue;
}

/**
 * Cells of one sequence, as a mean over the layers: llama-kv-cache-iswa.cpp keeps the window and one
 * micro-batch in layers that have one, and every token in the others.
 */
function windowedCells(
  { layers }: KnownFacts,
  { tokens, fullEvery }: SlidingWindow,
  options: CacheOptions,
  perSequence: number,
): number {
  const full = fullEvery === 0 ? 0 : Math.floor(layers / fullEvery);
  const windowed = paddedCells(Math.min(perSequence, tokens + microBatch(options)));
  return (full * perSequence + (layers - full) * windowed) / Math.max(1, layers);
}

/** @returns tokens that llama.cpp computes at once: ubatch, and never more than batch. */
export function microBatch({ batch, ubatch }: Pick<CacheOptions, 'batch' | 'ubatch'>): number {
  return Math.min(ubatch, batch);
}

export function paddedCells(cells: number): number {
  return Math.ceil(cells / CELL_PADDING) * CELL_PADDING;
}
