import type { OperatorCall } from '../operator-call.js';
import type { KernelCall, OperatorWork } from '../work.js';
import { elementwise } from './elementwise.js';
import type { LayerPass } from './layer-pass.js';
import { calling, operator, phaseOf } from './operators.js';
import { keysInReach, keysRead, type Masking, maskedPairs, pairs, type Span } from './pairs.js';
import type { AskedKernels, AttentionKernel, SequenceGroup } from './setting.js';

/** What it takes of a pass. */
export type ScoredPass = AskedKernels &
  Pick<LayerPass, 'batch' | 'attention' | 'arithmetic' | 'activationBytes' | 'cacheBits'>;

/** Queries against a cache; lengths are of one head. */
export interface Scores {
  readonly queryHeads: number;
  readonly cacheHeads: number;
  readonly keyLength: number;
  readonly valueLength: number;
  readonly window: number | null;
  /** Values are the first elements of the keys (latent attention, absorbed): they are read once. */
  readonly valuesInKeys: boolean;
  /** Keys that are picked for each query from all that it may see; left out = it meets all of them. */
  readonly chosen?: number | undefined;
  /** How a kernel is called for sequences that are alike; left out = as one of plain heads. */
  readonly callOf?: ((group: SequenceGroup) => OperatorCall) | undefined;
}

/**
 * A maximum, a subtraction, an exponential, a sum and a division for each pair: on units that do not multiply
 * matrices.
 */
export const SOFTMAX_OPERATIONS = 5;
const SPLIT_BYTES = 4;

interface Counts {
  pairs: number;
  queries: number;
  maskedPairs: number;
  keysOnce: number;
  keysRead: number;
  sequences: number;
}

/**
 * softmax(q Kᵀ) V over all sequences of a pass, with a kernel that keeps scores on chip or one that does not.
 */
export function scores(pass: ScoredPass, shape: Scores): OperatorWork[] {
  const { attention, arithmetic } = pass;
  const counts = countsOf(pass, shape);
  return attention.kind === 'flash'
    ? flash(pass, shape, counts)
    : unfused(pass, shape, counts, arithmetic.attention);
}

/** @returns which pairs a kernel computes. */
export function maskingOf({ kind, causal, skipsMasked, padKeys }: AttentionKernel): Masking {
  return { causal, skips: skipsMasked ?? kind === 'flash', padKeys };
}

function countsOf(pass: ScoredPass, { window, chosen }: Scores): Counts {
  const { attention, batch } = pass;
  const masking = maskingOf(attention);
  const counts: Counts = { pairs: 0, maskedPairs: 0, queries: 0, keysOnce: 0, keysRead: 0, sequences: 0 };
  const read = (span: Span) => keysRead(span, masking, attention.queryBlock);
  // Each query picks its own; only where a cache holds all of them are they read once.
  const picked = (span: Span, most: number) =>
    attention.queryBlock === null || span.cachedTokens + span.newTokens <= most
      ? read(span)
      : Number.POSITIVE_INFINITY;
  for (const { sequences, newTokens, cachedTokens } of batch) {
    const span: Span = { newTokens, cachedTokens, window };
    counts.sequences += sequences;
    counts.queries += sequences * newTokens;
    const met = pairs(chosen === undefined ? span : { ...span, window: chosen }, masking);
    counts.pairs += sequences * met;
    counts.maskedPairs += sequences * maskedPairs(span, masking, attention.maskKeys);
    counts.keysOnce += sequences * keysInReach(span, masking);
    counts.keysRead += sequences * (chosen === undefined ? read(span) : Math.min(met, picked(span, chosen)));
  }
  return counts;
}

/**
 * Q is read and O written once; K and V once for each block of queries, and for each head of a group that
 * shares no reading.
 */
function flash(pass: ScoredPass, shape: Scores, counts: Counts): OperatorWork[] {
  const { queryHeads, cacheHeads, keyLength, valueLength } = shape;
  const { attention, activationBytes: bytes, arithmetic } = pass;
  const readers = attention.packedHeads ? cacheHeads : queryHeads;
  // Flash-decoding: each part leaves a vector and the logarithm of its sum, which are read back once.
  const parts = attention.splits > 1 ? attention.splits * counts.queries * queryHeads * (valueLength + 1) : 0;
  return [
    operator({
      name: 'attention',
      module: 'attention',
      class: 'attention',
      arithmetic: arithmetic.attention,
      flops: 2 * queryHeads * counts.pairs * (keyLength + valueLength),
      ...(counts.maskedPairs === 0 ? {} : { maskedPairs: queryHeads * counts.maskedPairs }),
      traffic: {
        cacheRead: counts.keysRead * readers * cacheBytes(pass, shape),
        activationsRead: counts.queries * queryHeads * keyLength * bytes + parts * SPLIT_BYTES,
        activationsWritten: counts.queries * queryHeads * valueLength * bytes + parts * SPLIT_BYTES,
      },
      kernelCalls: attentionCalls(pass, shape),
    }),
    elementwise(pass, {
      name: 'softmax',
      module: 'attention',
      flops: SOFTMAX_OPERATIONS * queryHeads * counts.pairs,
    }),
  ];
}

/** Sequences that are alike are one call. */
function attentionCalls(
  pass: ScoredPass,
  { queryHeads, cacheHeads, keyLength, window, callOf }: Scores,
): readonly KernelCall[] | undefined {
  if (pass.kernels === null) return undefined;
  const { attention: format, cache: cacheFormat } = pass.kernels;
  const plain = (group: SequenceGroup): OperatorCall => ({
    family: 'attention',
    phase: phaseOf(group),
    format,
    cacheFormat,
    heads: queryHeads,
    kvHeads: cacheHeads,
    headLength: keyLength,
    window,
    ...group,
  });
  return pass.batch.flatMap((group) => calling(pass, (callOf ?? plain)(group), 'sequences') ?? []);
}

/**
 * Scores are written, read by the softmax, written again, and read by the product with V: 4 · heads · pairs
 * elements.
 */
function unfused(
  pass: ScoredPass,
  shape: Scores,
  counts: Counts,
  arithmetic: LayerPass['arithmetic']['attention'],
): OperatorWork[] {
  const { queryHeads, cacheHeads, keyLength, valueLength, valuesInKeys } = shape;
  const { activationBytes: bytes, cacheBits } = pass;
  const matrix = queryHeads * counts.pairs * bytes;
  const cached = (length: number, bits: number) => (counts.keysOnce * cacheHeads * length * bits) / 8;
  const base = { module: 'attention', class: 'attention', arithmetic } as const;
  return [
    operator({
      ...base,
      name: 'qk_matmul',
      flops: 2 * queryHeads * counts.pairs * keyLength,
      traffic: {
        cacheRead: cached(keyLength, cacheBits.key),
        activationsRead: counts.queries * queryHeads * keyLength * bytes,
        activationsWritten: matrix,
      },
    }),
    elementwise(pass, {
      name: 'softmax',
      module: 'attention',
      flops: SOFTMAX_OPERATIONS * queryHeads * counts.pairs,
      read: queryHeads * counts.pairs,
      written: queryHeads * counts.pairs,
    }),
    operator({
      ...base,
      name: 'sv_matmul',
      flops: 2 * queryHeads * counts.pairs * valueLength,
      traffic: {
        cacheRead: cached(valueLength, valuesInKeys ? cacheBits.key : cacheBits.value),
        activationsRead: matrix,
        activationsWritten: counts.queries * queryHeads * valueLength * bytes,
      },
    }),
  ];
}

/** @returns the same of keys and values that were made in this pass. */
export function fromActivations(work: OperatorWork): OperatorWork {
  const { traffic } = work;
  const activationsRead = traffic.activationsRead + traffic.cacheRead;
  return { ...work, traffic: { ...traffic, cacheRead: 0, activationsRead } };
}

/** Bytes of one token of one head in the cache. */
function cacheBytes({ cacheBits }: ScoredPass, { keyLength, valueLength, valuesInKeys }: Scores): number {
  return (keyLength * cacheBits.key + (valuesInKeys ? 0 : valueLength * cacheBits.value)) / 8;
}
