import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { LatencyWork } from '../../core/work/latency.js';

/** Everything a repeat feeds to the model, made before the clock starts. */
export interface TokenPlan {
  /** Per sequence. */
  readonly depth: readonly Int32Array[];
  readonly prompt: readonly Int32Array[];
  /** Per decode step: one token for each sequence. */
  readonly steps: readonly Int32Array[];
}

/** Every trial of every variant sees the same tokens; routing in mixtures of experts depends on them. */
const SEED = 20_251_124;
/** 0, 1 and 2 are unknown, begin and end of sequence in most vocabularies. */
const FIRST_ORDINARY_TOKEN = 3;

/** @returns seeded uniform tokens of [3, vocabulary), as llama-bench uses random ones. */
export function tokenPlan(vocabularySize: number, counts: LatencyWork): TokenPlan {
  const random = xoroshiro128plus(SEED);
  const first = vocabularySize > FIRST_ORDINARY_TOKEN ? FIRST_ORDINARY_TOKEN : 0;
  const last = Math.max(vocabularySize - 1, 0);
  const tokens = (length: number) => Int32Array.from({ length }, () => uniformInt(random, first, last));
  const perSequence = (length: number) => Array.from({ length: counts.sequences }, () => tokens(length));
  return {
    depth: perSequence(counts.contextDepth),
    prompt: perSequence(counts.promptTokens),
    steps: Array.from({ length: counts.generateTokens }, () => tokens(counts.sequences)),
  };
}
