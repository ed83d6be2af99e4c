import { type FailureError, failed } from '../../../core/errors.js';
import { CELLS } from '../../../core/work/engine-passes.js';
import { AT_ONCE } from '../../../core/work/sparse.js';
import type { Pointer } from '../../native/llama.js';
import type { Engine } from '../ggml/engine.js';
import type { LlamaVocabulary } from '../llama-cpp/vocabulary.js';
import type { Generator, PackedFacts, TextModel, VisitLogits } from '../opened.js';
import { stepByStep } from '../step-by-step.js';
import { type Ends, forward, type Parts, type Shape, TENSORS } from './forward.js';

/** −∞ in half precision. */
const NEVER = 0xfc00;

/** A graph that was built, with its ends as typed arrays. */
interface Built {
  readonly key: string;
  readonly context: Pointer;
  readonly graph: Pointer;
  readonly ids: Int32Array;
  readonly positions: Int32Array;
  readonly cells: Int32Array;
  readonly mask: Uint16Array;
  readonly wanted: Int32Array;
  readonly logits: Float32Array;
}

/** Computes passes of one kind. The graph of the last is kept: it is built again only when shapes change. */
class Pass {
  readonly #engine: Engine;
  readonly #parts: Parts;
  readonly #planner: Pointer;
  #built: Built | null = null;
  /** Bytes of the largest moment so far. */
  memoryBytes = 0;

  constructor(engine: Engine, parts: Parts) {
    this.#engine = engine;
    this.#parts = parts;
    this.#planner = engine.planner();
  }

  /**
   * @param from tokens that each sequence has in the cache already.
   * @param tokens ids, `shape.tokens` for each sequence, a sequence one behind the other.
   * @param wanted places in `tokens` whose logits are computed.
   * @returns rows of logits, in the graph's own memory: gone with the next pass.
   */
  run(shape: Shape, from: number, tokens: Int32Array, wanted: Int32Array): Float32Array {
    const built = this.#ready(shape);
    const { capacity, sequences } = this.#parts.cache;
    built.ids.set(tokens);
    built.wanted.set(wanted);
    for (let s = 0; s < sequences; s++) {
      for (let t = 0; t < shape.tokens; t++) {
        built.positions[s * shape.tokens + t] = from + t;
        built.cells[s * shape.tokens + t] = s * capacity + from + t;
      }
    }
    for (let t = 0; t < shape.tokens; t++) {
      const [start, end] = [t * shape.visible, (t + 1) * shape.visible];
      built.mask.fill(0, start, start + from + t + 1);
      built.mask.fill(NEVER, start + from + t + 1, end);
    }
    this.#engine.compute(built.graph);
    return built.logits;
  }

  #ready(shape: Shape): Built {
    const key = `${shape.tokens} ${shape.outputs} ${shape.visible}`;
    if (this.#built?.key === key) return this.#built;
    if (this.#built !== null) this.#engine.discard(this.#built.context);
    this.#built = null;
    const engine = this.#engine;
    const size = this.#parts.architecture.layers * TENSORS.layer + TENSORS.around;
    const context = engine.context(size, size);
    const graph = engine.functions.ggml_new_graph_custom(context, size, false);
    const ends: Ends = forward(this.#parts, context, graph, shape);
    const bytes = engine.plan(graph, `a pass over ${shape.tokens} tokens`, this.#planner);
    this.memoryBytes = Math.max(this.memoryBytes, bytes);
    this.#built = {
      key,
      context,
      graph,
      ids: engine.integers(ends.ids),
      positions: engine.integers(ends.positions),
      cells: engine.integers(ends.cells),
      mask: new Uint16Array(engine.bytes(ends.mask)),
      wanted: engine.integers(ends.wanted),
      logits: engine.floats(ends.logits),
    };
    return this.#built;
  }
}

/** What rows of logits may take together. */
const OUTPUT_BYTES = 64 * 2 ** 20;

/** A model that decodes with packed weights. All sequences have the same number of tokens at any time. */
export class SparseModel implements Generator {
  readonly facts: PackedFacts;
  readonly warnings: readonly string[] = [];
  /** null for a file without a vocabulary. */
  readonly text: TextModel | null;
  readonly #parts: Parts;
  readonly #chunk: Pass;
  readonly #step: Pass;
  readonly #last: Int32Array;
  readonly #close: () => void;
  #length = 0;
  #closed = false;
  #logits: Float32Array | null = null;

  constructor(
    engine: Engine,
    parts: Parts,
    facts: PackedFacts,
    vocabulary: LlamaVocabulary | null,
    close: () => void,
  ) {
    this.facts = facts;
    this.#parts = parts;
    this.#close = close;
    this.#chunk = new Pass(engine, parts);
    this.#step = new Pass(engine, parts);
    this.#last = Int32Array.from({ length: parts.cache.sequences }, (_, s) => s);
    this.text =
      vocabulary === null
        ? null
        : {
            beginToken: vocabulary.beginToken,
            chat: vocabulary.chat,
            tokenize: (text, addBegin) => vocabulary.tokenize(text, addBegin),
            detokenize: (tokens) => vocabulary.detokenize(tokens),
            isEnd: (token) => vocabulary.isEnd(token),
            evaluate: (tokens, firstWanted, visit) => this.#evaluate(tokens, firstWanted, visit),
          };
  }

  reset(keepTokens: number): boolean {
    this.#length = Math.min(this.#length, Math.max(0, keepTokens));
    this.#logits = null;
    return true;
  }

  prefill(tokens: readonly Int32Array[]): void {
    const { sequences } = this.#parts.cache;
    const count = tokens[0]?.length ?? 0;
    const most = Math.max(1, Math.floor(AT_ONCE / sequences));
    for (let start = 0; start < count; start += most) {
      const length = Math.min(most, count - start);
      const all = new Int32Array(length * sequences);
      for (const [s, own] of tokens.entries()) all.set(own.subarray(start, start + length), s * length);
      const ends = Int32Array.from({ length: sequences }, (_, s) => (s + 1) * length - 1);
      this.#run(length, all, ends);
    }
  }

  steps(tokens: readonly Int32Array[]): Float64Array {
    return stepByStep(tokens, (step) => this.step(step));
  }

  step(tokens: Int32Array): void {
    this.#run(1, tokens, this.#last);
  }

  /** @returns a copy of the logits after the last token of a sequence. */
  logits(sequence: number): Float32Array {
    if (this.#logits === null) throw new Error('nothing was computed since the last reset');
    return this.#row(this.#logits, sequence).slice();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#close();
  }

  /** Every sequence gets the tokens, so that they stay equally long; the rows are the first one's. */
  #evaluate(tokens: Int32Array, firstWanted: number, visit: VisitLogits): void {
    const { sequences } = this.#parts.cache;
    const rows = Math.max(1, Math.floor(OUTPUT_BYTES / (4 * this.facts.vocabularySize)));
    for (let start = 0; start < tokens.length; ) {
      const silent = Math.max(0, firstWanted - start);
      const most = Math.max(1, Math.floor(AT_ONCE / sequences));
      const length = Math.min(
        tokens.length - start,
        silent > 0 ? Math.min(most, silent) : Math.min(most, rows),
      );
      const own = tokens.subarray(start, start + length);
      const all = new Int32Array(length * sequences);
      for (let s = 0; s < sequences; s++) all.set(own, s * length);
      const wanted = silent > 0 ? Int32Array.of(length - 1) : Int32Array.from({ length }, (_, i) => i);
      const logits = this.#run(length, all, wanted);
      if (silent === 0) for (let i = 0; i < length; i++) visit(start + i, this.#row(logits, i));
      start += length;
    }
  }

  #run(length: number, tokens: Int32Array, wanted: Int32Array): Float32Array {
    const { capacity } = this.#parts.cache;
    const after = this.#length + length;
    if (after > capacity) throw full(length, capacity);
    const visible = Math.min(capacity, Math.ceil(after / CELLS) * CELLS);
    const pass = length === 1 ? this.#step : this.#chunk;
    const shape = { tokens: length, outputs: wanted.length, visible };
    const logits = pass.run(shape, this.#length, tokens, wanted);
    this.#length = after;
    this.#logits = logits;
    return logits;
  }

  #row(logits: Float32Array, at: number): Float32Array {
    const width = this.facts.vocabularySize;
    return logits.subarray(at * width, (at + 1) * width);
  }
}

function full(tokens: number, capacity: number): FailureError {
  const message = `${tokens} more tokens do not fit into the cache of ${capacity}`;
  return failed('run-failed', message);
}
