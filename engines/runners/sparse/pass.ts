import type { Pointer } from '../../native/llama.js';
import type { Engine } from '../ggml/engine.js';
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
export class Pass {
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
