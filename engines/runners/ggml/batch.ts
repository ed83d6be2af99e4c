import type { TrainingSettings } from '../../../core/training/methods.js';
import { CONSTANTS, type Pointer } from '../../native/llama.js';
import { NOT_LEARNT, type TrainingBatch } from '../trainer.js';
import type { Engine } from './engine.js';
import type { Inputs } from './forward.js';

type BatchSettings = Pick<TrainingSettings, 'windowTokens' | 'sequences' | 'answersOnly'>;

/** The tensors that a step reads, filled in place. */
export class Batch {
  readonly inputs: Inputs;
  /** The gradient of the loss: 1. */
  readonly one: Pointer;
  readonly bytes: number;
  readonly #ids: Int32Array;
  readonly #labels: Float32Array;
  readonly #learnt: { readonly rows: Float32Array; readonly share: Float32Array } | null;
  readonly #vocabulary: number;
  /** Where the labels are not 0: clearing all of them costs more than a step of a small model. */
  #set = new Int32Array(0);

  constructor(
    engine: Engine,
    vocabulary: number,
    { windowTokens: tokens, sequences, answersOnly }: BatchSettings,
  ) {
    const { functions: f } = engine;
    const context = engine.context(8);
    const count = tokens * sequences;
    const integers = () => f.ggml_new_tensor_1d(context, CONSTANTS.GGML_TYPE_I32, count);
    const floats = (inner: number, outer: number) =>
      f.ggml_new_tensor_2d(context, CONSTANTS.GGML_TYPE_F32, inner, outer);
    this.inputs = {
      tokens,
      sequences,
      ids: integers(),
      positions: integers(),
      mask: floats(tokens, tokens),
      labels: floats(vocabulary, count),
      learnt: answersOnly ? { rows: floats(1, count), share: floats(1, 1) } : null,
    };
    this.one = floats(1, 1);
    this.bytes = engine.allocate(context, 'tokens and labels');
    this.#vocabulary = vocabulary;
    this.#ids = engine.integers(this.inputs.ids);
    this.#labels = engine.floats(this.inputs.labels);
    const { learnt } = this.inputs;
    this.#learnt =
      learnt === null ? null : { rows: engine.floats(learnt.rows), share: engine.floats(learnt.share) };
    engine.floats(this.one).fill(1);
    engine.integers(this.inputs.positions).set(Int32Array.from({ length: count }, (_, i) => i % tokens));
    const mask = engine.floats(this.inputs.mask);
    for (let q = 0; q < tokens; q++)
      mask.fill(Number.NEGATIVE_INFINITY, q * tokens + q + 1, (q + 1) * tokens);
  }

  set({ tokens, labels }: TrainingBatch): void {
    this.#ids.set(tokens);
    for (const at of this.#set) this.#labels[at] = 0;
    const set = labels.map((label, i) => (label === NOT_LEARNT ? NOT_LEARNT : i * this.#vocabulary + label));
    this.#set = set.filter((at) => at !== NOT_LEARNT);
    for (const at of this.#set) this.#labels[at] = 1;
    if (this.#learnt === null) return;
    // ggml's loss is a mean over all rows.
    const share = labels.length / Math.max(1, this.#set.length);
    this.#learnt.share.fill(share);
    this.#learnt.rows.set(labels.map((label) => (label === NOT_LEARNT ? 0 : 1)));
  }
}
