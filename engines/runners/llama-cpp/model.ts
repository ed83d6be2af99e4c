import { failed } from '../../../core/errors.js';
import type { Llama, Pointer } from '../../native/llama.js';
import type { StepLoop, StepLoops } from '../../native/step-loop.js';
import type { Generator, LanguageModel, LoadedFacts } from '../opened.js';
import { stepByStep } from '../step-by-step.js';
import { ADAPTER_ELSEWHERE } from './adapters.js';
import { Batch } from './batch.js';
import { freeHandles, type Handles } from './handles.js';
import { decodeFailure } from './reasons.js';
import { LlamaText } from './text.js';

/**
 * Said of what is so on purpose, and says nothing against a number: synthetic models have no vocabulary,
 * `wholeCache` and `kvCacheRotation`, and a file is named after its most frequent type, of which llama.cpp
 * knows no name for MXFP4.
 */
const ON_PURPOSE =
  /^adding \d+ dummy tokens|^using full-size SWA cache|^unknown type mxfp4|attention rotation force disabled/;

/** @returns what the engine warned of while a model was opened, but for what is so on purpose. */
export function warningsOf({ log }: Pick<Llama, 'log'>): string[] {
  return log.warnings.filter((text) => !ON_PURPOSE.test(text) && !ADAPTER_ELSEWHERE.test(text));
}

/**
 * A model with a context, driven synchronously: an asynchronous call costs 20 to 150 µs per token, and
 * the process has nothing else to do. Every method returns after the device has finished.
 */
export class LlamaModel implements Generator, LanguageModel {
  readonly facts: LoadedFacts;
  readonly warnings: readonly string[];
  readonly text: LlamaText;
  readonly #llama: Llama;
  readonly #handles: Handles;
  readonly #memory: Pointer;
  readonly #decode: Llama['functions']['llama_decode'];
  readonly #synchronize: Llama['functions']['llama_synchronize'];
  readonly #prompt: Batch;
  readonly #next: Batch;
  /** Tokens that each sequence has in the cache. */
  readonly #lengths: Int32Array;
  /** Where in the last batch each sequence's logits are; -1 = it had none. */
  readonly #outputAt: Int32Array;
  readonly #batch: number;
  /** null = steps are driven from JavaScript. */
  readonly #loop: StepLoop | null;
  #closed = false;

  /**
   * @param batch most tokens the engine takes at once; at least one per sequence.
   * @param loops of steps, in native code where there is one.
   * @param metadata of the model's file.
   */
  constructor(
    llama: Llama,
    handles: Handles,
    facts: LoadedFacts,
    sequences: number,
    batch: number,
    loops: StepLoops,
    metadata: () => ReadonlyMap<string, unknown>,
  ) {
    this.#llama = llama;
    this.#handles = handles;
    this.facts = facts;
    this.warnings = [...warningsOf(llama), ...loops.warnings];
    this.#memory = llama.functions.llama_get_memory(handles.context);
    this.#decode = llama.functions.llama_decode;
    this.#synchronize = llama.functions.llama_synchronize;
    this.#batch = batch;
    this.#lengths = new Int32Array(sequences);
    this.#outputAt = new Int32Array(sequences).fill(-1);
    this.#prompt = new Batch(llama, batch);
    this.#next = new Batch(llama, sequences);
    // A step is one token of each sequence, in order: only tokens and positions change from step to step.
    this.#next.value.n_tokens = sequences;
    this.#next.outputs.fill(1);
    for (let s = 0; s < sequences; s++) this.#next.sequences[s] = s;
    this.#loop = loops.open?.(handles.context, this.#next.value, sequences) ?? null;
    const sequence = {
      batch: this.#prompt,
      capacity: batch,
      length: () => this.#lengths[0] ?? 0,
      append: (count: number) => this.#append(count),
    };
    this.text = new LlamaText(llama, handles.model, handles.context, sequence, metadata);
  }

  reset(keepTokens: number): boolean {
    const { llama_memory_clear, llama_memory_seq_rm } = this.#llama.functions;
    if (keepTokens <= 0) {
      llama_memory_clear(this.#memory, false);
      this.#lengths.fill(0);
      return true;
    }
    for (let s = 0; s < this.#lengths.length; s++) {
      if ((this.#lengths[s] ?? 0) <= keepTokens) continue;
      if (!llama_memory_seq_rm(this.#memory, s, keepTokens, -1)) {
        throw failed(
          'model-unsupported',
          `This model's cache cannot be cut back to ${keepTokens} tokens.`,
          'Use contextDepth: 0 with recurrent models.',
        );
      }
      this.#lengths[s] = keepTokens;
    }
    return true;
  }

  prefill(tokens: readonly Int32Array[]): void {
    const batch = this.#prompt;
    this.#outputAt.fill(-1);
    let used = 0;
    for (const [s, sequence] of tokens.entries()) {
      const start = this.#lengths[s] ?? 0;
      const last = sequence.length - 1;
      for (let i = 0; i <= last; i++) {
        batch.tokens[used] = sequence[i] ?? 0;
        batch.positions[used] = start + i;
        batch.sequences[used] = s;
        // Only the last token of a prompt goes through the output layer, as in serving.
        batch.outputs[used] = i === last ? 1 : 0;
        if (i === last) this.#outputAt[s] = used;
        used += 1;
        if (used === this.#batch) {
          this.#run(batch, used);
          used = 0;
          // Logits of earlier sequences are overwritten by the batch that follows.
          if (i !== last || s !== tokens.length - 1) this.#outputAt.fill(-1);
        }
      }
      this.#lengths[s] = start + sequence.length;
    }
    if (used > 0) this.#run(batch, used);
    this.#synchronize(this.#handles.context);
  }

  steps(tokens: readonly Int32Array[]): Float64Array {
    if (this.#loop === null) return stepByStep(tokens, (step) => this.step(step));
    const lengths = this.#lengths;
    for (let s = 0; s < lengths.length; s++) {
      this.#next.positions[s] = lengths[s] as number;
      lengths[s] = (lengths[s] as number) + tokens.length;
      this.#outputAt[s] = s;
    }
    const { code, ends } = this.#loop.run(tokens);
    if (code !== 0) throw decodeFailure(code, lengths.length, this.#llama.log);
    return ends;
  }

  /** One step, driven from JavaScript. */
  step(tokens: Int32Array): void {
    const { tokens: into, positions, value } = this.#next;
    const lengths = this.#lengths;
    for (let s = 0; s < lengths.length; s++) {
      into[s] = tokens[s] as number;
      positions[s] = lengths[s] as number;
      lengths[s] = (lengths[s] as number) + 1;
      this.#outputAt[s] = s;
    }
    const code = this.#decode(this.#handles.context, value);
    if (code !== 0) throw decodeFailure(code, lengths.length, this.#llama.log);
    this.#synchronize(this.#handles.context);
  }

  /**
   * @returns a copy of the logits after the last token of a sequence.
   * @throws when the last batch had no output for it.
   */
  logits(sequence: number): Float32Array {
    const at = this.#outputAt[sequence] ?? -1;
    const address = at < 0 ? null : this.#llama.functions.llama_get_logits_ith(this.#handles.context, at);
    if (address === null) throw new Error(`The last batch computed no logits for sequence ${sequence}.`);
    return new Float32Array(this.#llama.bytes(address, this.facts.vocabularySize * 4)).slice();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    freeHandles(this.#llama, this.#handles);
    this.#loop?.close();
    this.#prompt.free();
    this.#next.free();
  }

  /** Evaluates what lies in the prompt batch, all of it for the first sequence. */
  #append(count: number): void {
    this.#outputAt.fill(-1);
    this.#run(this.#prompt, count);
    this.#synchronize(this.#handles.context);
    this.#lengths[0] = (this.#lengths[0] ?? 0) + count;
  }

  #run(batch: Batch, count: number): void {
    batch.value.n_tokens = count;
    const code = this.#decode(this.#handles.context, batch.value);
    if (code !== 0) throw decodeFailure(code, count, this.#llama.log);
  }
}
