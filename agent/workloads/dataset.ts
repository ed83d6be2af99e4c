import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { TrainingSettings } from '../../core/training/methods.js';
import type { TrainingBatch } from '../../engines/runners/trainer.js';

/** A text cut for training. */
export interface TrainingDataset {
  /** Windows to train on. */
  readonly windows: number;
  /** Batches that are never trained on, from the end of the text. */
  readonly heldOut: readonly TrainingBatch[];
  /** @returns the next batch: every window once in a seeded order, then all again in another. */
  next(): TrainingBatch;
}

/**
 * Cuts a text into windows that do not overlap. Where the vocabulary has a begin token a window begins with it, as the models'
 * own training texts do, and every token of the text is a label once; elsewhere the first token of a window is none.
 * @returns the lessons, or a sentence on why there are none.
 */
export function datasetOf(
  tokens: Int32Array,
  beginToken: number | null,
  settings: Pick<TrainingSettings, 'windowTokens' | 'sequences' | 'heldOutShare' | 'seed'>,
): TrainingDataset | string {
  const { windowTokens, sequences, heldOutShare, seed } = settings;
  const extra = beginToken === null ? 1 : 0;
  const count = Math.floor((tokens.length - extra) / windowTokens);
  const batchesHeldOut = heldOutShare === 0 ? 0 : Math.max(1, Math.round((count * heldOutShare) / sequences));
  const windows = count - batchesHeldOut * sequences;
  if (windows < sequences) {
    const needed = (batchesHeldOut + 1) * sequences * windowTokens + extra;
    return `the text has ${tokens.length} tokens, and one step and the held-out windows need ${needed}`;
  }
  const batchOf = (numbers: readonly number[]): TrainingBatch => {
    const inputs = new Int32Array(sequences * windowTokens);
    const labels = new Int32Array(sequences * windowTokens);
    for (const [s, number] of numbers.entries()) {
      const start = number * windowTokens;
      const at = s * windowTokens;
      labels.set(tokens.subarray(start + extra, start + extra + windowTokens), at);
      if (beginToken === null) inputs.set(tokens.subarray(start, start + windowTokens), at);
      else {
        inputs[at] = beginToken;
        inputs.set(tokens.subarray(start, start + windowTokens - 1), at + 1);
      }
    }
    return { tokens: inputs, labels };
  };
  const random = xoroshiro128plus(seed);
  let queue: number[] = [];
  const draw = (): number => {
    if (queue.length === 0) {
      queue = Array.from({ length: windows }, (_, i) => i);
      // Fisher and Yates.
      for (let i = windows - 1; i > 0; i--) {
        const j = uniformInt(random, 0, i);
        [queue[i], queue[j]] = [queue[j]!, queue[i]!];
      }
    }
    return queue.pop()!;
  };
  const several = (first: number) => Array.from({ length: sequences }, (_, i) => first + i);
  return {
    windows,
    heldOut: Array.from({ length: batchesHeldOut }, (_, i) => batchOf(several(windows + i * sequences))),
    next: () => batchOf(Array.from({ length: sequences }, draw)),
  };
}
