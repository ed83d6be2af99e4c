import { type FailureError, failed } from '../../../core/errors.js';
import { CELLS } from '../../../core/work/engine-passes.js';
import { AT_ONCE } from '../../../core/work/sparse.js';
import type { Pointer } from '../../native/llama.js';
import type { Engine } from '../ggml/engine.js';
import type { LlamaVocabulary } from '../llama-cpp/vocabulary.js';
import type { BlockingGenerator, PackedFacts, TextModel, VisitLogits } from '../opened.js';
import { stepByStep } from '../step-by-step.js';
import { forward, type Parts, type Shape, TENSORS } from './forward.js';

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
function passes(engine: Engine, parts: Parts) {
  const planner = engine.planner();
  const { capacity, sequences } = parts.cache;
  let last: Built | null = null;
  const ready = (shape: Shape): Built => {
    const key = `${shape.tokens} ${shape.outputs} ${shape.visible}`;
    if (last?.key === key) return last;
    if (last !== null) engine.discard(last.context);
    last = null;
    const size = parts.architecture.layers * TENSORS.layer + TENSORS.around;
    const context = engine.context(size, size);
    const graph = engine.functions.ggml_new_graph_custom(context, size, false);
    const ends = forward(parts, context, graph, shape);
    engine.plan(graph, `a pass over ${shape.tokens} tokens`, planner);
    last = {
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
    return last;
  };
  /**
   * @param from tokens that each sequence has in the cache already.
   * @param tokens ids, `shape.tokens` for each sequence, a sequence one behind the other.
   * @param wanted places in `tokens` whose logits are computed.
   * @returns rows of logits, in the graph's own memory: gone with the next pass.
   */
  return (shape: Shape, from: number, tokens: Int32Array, wanted: Int32Array): Float32Array => {
    const built = ready(shape);
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
    engine.compute(built.graph);
    return built.logits;
  };
}

/** What rows of logits may take together. */
const OUTPUT_BYTES = 64 * 2 ** 20;

/** A model that decodes with packed weights. All sequences have the same number of tokens at any time. */
export interface SparseModel extends BlockingGenerator {
  readonly facts: PackedFacts;
  /** null for a file without a vocabulary. */
  readonly text: TextModel | null;
  step(tokens: Int32Array): void;
  /** @returns a copy of the logits after the last token of a sequence. */
  logits(sequence: number): Float32Array;
}

/** @param close frees what it has; called once. */
export function sparseModel(
  engine: Engine,
  parts: Parts,
  facts: PackedFacts,
  vocabulary: LlamaVocabulary | null,
  close: () => void,
): SparseModel {
  const { capacity, sequences } = parts.cache;
  const width = facts.vocabularySize;
  const [chunk, single] = [passes(engine, parts), passes(engine, parts)];
  const ends = Int32Array.from({ length: sequences }, (_, s) => s);
  const most = Math.max(1, Math.floor(AT_ONCE / sequences));
  let [inCache, closed] = [0, false];
  let last: Float32Array | null = null;
  const row = (logits: Float32Array, at: number) => logits.subarray(at * width, (at + 1) * width);
  const run = (count: number, tokens: Int32Array, wanted: Int32Array): Float32Array => {
    const after = inCache + count;
    if (after > capacity) throw full(count, capacity);
    const visible = Math.min(capacity, Math.ceil(after / CELLS) * CELLS);
    const shape = { tokens: count, outputs: wanted.length, visible };
    const logits = (count === 1 ? single : chunk)(shape, inCache, tokens, wanted);
    inCache = after;
    last = logits;
    return logits;
  };
  /** Every sequence gets the tokens, so that they stay equally long; the rows are the first one's. */
  const evaluate = (tokens: Int32Array, firstWanted: number, visit: VisitLogits): void => {
    const rows = Math.max(1, Math.floor(OUTPUT_BYTES / (4 * width)));
    for (let start = 0; start < tokens.length; ) {
      const silent = Math.max(0, firstWanted - start);
      const length = Math.min(tokens.length - start, most, silent > 0 ? silent : rows);
      const own = tokens.subarray(start, start + length);
      const all = new Int32Array(length * sequences);
      for (let s = 0; s < sequences; s++) all.set(own, s * length);
      const wanted = silent > 0 ? Int32Array.of(length - 1) : Int32Array.from({ length }, (_, i) => i);
      const logits = run(length, all, wanted);
      if (silent === 0) for (let i = 0; i < length; i++) visit(start + i, row(logits, i));
      start += length;
    }
  };
  const step = (tokens: Int32Array) => void run(1, tokens, ends);
  return {
    facts,
    warnings: [],
    text: vocabulary && { ...vocabulary.words(), evaluate },
    step,
    reset(keepTokens) {
      inCache = Math.min(inCache, Math.max(0, keepTokens));
      last = null;
      return true;
    },
    prefill(tokens) {
      const count = tokens[0]?.length ?? 0;
      for (let start = 0; start < count; start += most) {
        const length = Math.min(most, count - start);
        const all = new Int32Array(length * sequences);
        for (const [s, own] of tokens.entries()) all.set(own.subarray(start, start + length), s * length);
        run(
          length,
          all,
          Int32Array.from({ length: sequences }, (_, s) => (s + 1) * length - 1),
        );
      }
    },
    steps: (tokens) => stepByStep(tokens, step),
    logits(sequence) {
      if (last === null) throw new Error('nothing was computed since the last reset');
      return row(last, sequence).slice();
    },
    close() {
      if (!closed) close();
      closed = true;
    },
  };
}

function full(tokens: number, capacity: number): FailureError {
  return failed('run-failed', `${tokens} more tokens do not fit into the cache of ${capacity}`);
}
