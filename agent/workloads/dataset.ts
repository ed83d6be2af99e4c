import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { TrainingSettings } from '../../core/training/methods.js';
import { NOT_LEARNT, type TrainingBatch } from '../../engines/runners/trainer.js';
import type { CutExample } from './examples.js';

/** A text or examples, cut for training. */
export interface TrainingDataset {
  /** Windows to train on. */
  readonly windows: number;
  /** Batches that are never trained on, from the end. */
  readonly heldOut: readonly TrainingBatch[];
  /** Examples that are longer than a window, and are left out. */
  readonly leftOut: number;
  /** @returns the next batch: every window once in a seeded order, then all again in another. */
  next(): TrainingBatch;
}

type CutSettings = Pick<TrainingSettings, 'windowTokens' | 'sequences' | 'heldOutShare' | 'seed'>;

/**
 * Cuts a text into windows that do not overlap. Where the vocabulary has a begin token a window begins with
 * it, as the models' own training texts do, and every token of the text is a label once; elsewhere the first
 * token of a window is none.
 * @returns the lessons, or a sentence on why there are none.
 */
export function datasetOf(
  tokens: Int32Array,
  beginToken: number | null,
  settings: CutSettings,
): TrainingDataset | string {
  const { windowTokens, sequences } = settings;
  const extra = beginToken === null ? 1 : 0;
  const count = Math.floor((tokens.length - extra) / windowTokens);
  const { windows, batchesHeldOut } = parted(count, settings);
  if (windows < sequences) {
    const needed = (batchesHeldOut + 1) * sequences * windowTokens + extra;
    return `the text has ${tokens.length} tokens, and one step and the held-out windows need ${needed}`;
  }
  return batched(count, settings, 0, ({ tokens: inputs, labels }, number, at) => {
    const start = number * windowTokens;
    labels.set(tokens.subarray(start + extra, start + extra + windowTokens), at);
    if (beginToken === null) inputs.set(tokens.subarray(start, start + windowTokens), at);
    else {
      inputs[at] = beginToken;
      inputs.set(tokens.subarray(start, start + windowTokens - 1), at + 1);
    }
  });
}

/**
 * One example a window, the answer's tokens its only labels. What follows an example in its window is
 * padding: nothing before it can look there. One that is longer than a window is left out, since without its
 * beginning it would ask something else.
 * @returns the lessons, or a sentence on why there are none.
 */
export function datasetOfExamples(
  examples: readonly CutExample[],
  settings: CutSettings,
): TrainingDataset | string {
  const { windowTokens, sequences } = settings;
  // The last token is a label alone.
  const fitting = examples.filter(({ tokens }) => tokens.length - 1 <= windowTokens);
  const leftOut = examples.length - fitting.length;
  const { windows, batchesHeldOut } = parted(fitting.length, settings);
  if (windows < sequences) {
    const longest = Math.max(...examples.map(({ tokens }) => tokens.length - 1));
    const why =
      leftOut === 0
        ? ''
        : `, ${leftOut} of ${examples.length} are longer than a window (the longest ${longest} tokens)`;
    return `there are ${fitting.length} examples, and one step and those held out need ${(batchesHeldOut + 1) * sequences}${why}`;
  }
  return batched(fitting.length, settings, leftOut, (batch, number, at) => {
    const { tokens, learnt } = fitting[number]!;
    batch.tokens.set(tokens.subarray(0, -1), at);
    batch.tokens.fill(0, at + tokens.length - 1, at + windowTokens);
    batch.labels.fill(NOT_LEARNT, at, at + windowTokens);
    for (let i = 1; i < tokens.length; i++) if (learnt[i] === 1) batch.labels[at + i - 1] = tokens[i]!;
  });
}

/** Of so many windows the last are held out, in whole batches. */
function parted(count: number, { sequences, heldOutShare }: CutSettings) {
  const batchesHeldOut = heldOutShare === 0 ? 0 : Math.max(1, Math.round((count * heldOutShare) / sequences));
  return { batchesHeldOut, windows: count - batchesHeldOut * sequences };
}

/** @param fill writes a window, by its number, into a batch from a place on. */
function batched(
  count: number,
  settings: CutSettings,
  leftOut: number,
  fill: (batch: TrainingBatch, number: number, at: number) => void,
): TrainingDataset {
  const { windowTokens, sequences, seed } = settings;
  const { windows, batchesHeldOut } = parted(count, settings);
  const batchOf = (numbers: readonly number[]): TrainingBatch => {
    const size = sequences * windowTokens;
    const batch = { tokens: new Int32Array(size), labels: new Int32Array(size) };
    for (const [s, number] of numbers.entries()) fill(batch, number, s * windowTokens);
    return batch;
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
  const consecutiveFrom = (first: number) => Array.from({ length: sequences }, (_, i) => first + i);
  return {
    windows,
    leftOut,
    heldOut: Array.from({ length: batchesHeldOut }, (_, i) =>
      batchOf(consecutiveFrom(windows + i * sequences)),
    ),
    next: () => batchOf(Array.from({ length: sequences }, draw)),
  };
}
