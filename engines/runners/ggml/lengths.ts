import type { TracedNode } from '../../../roofline/graph/graph-work.js';
import type { Pointer } from '../../native/llama.js';
import type { Engine } from './engine.js';
import { type AdapterFactors, inverse } from './factors.js';

/**
 * DoRA's row lengths |W + s B A|, which change with every step and which no gradient goes through (arXiv 2402.09353, §4.3):
 * |w|² + 2 s B·(W Aᵀ) + s² B (A Aᵀ) Bᵀ row by row, so that B A itself is never made.
 */
export class RowLengths {
  readonly bytes: number;
  readonly #engine: Engine;
  readonly #graph: Pointer;
  readonly #rows: { readonly squares: Pointer; readonly inverse: Pointer }[] = [];

  constructor(engine: Engine, factors: AdapterFactors) {
    this.#engine = engine;
    const { functions: f } = engine;
    const nodes = factors.layers.length * 16 + 16;
    const c = engine.context(nodes, nodes);
    this.#graph = f.ggml_new_graph_custom(c, nodes, false);
    const turned = (tensor: Pointer) => f.ggml_cont(c, f.ggml_transpose(c, tensor));
    for (const { base, a, b, magnitude } of factors.layers) {
      if (magnitude === null) continue;
      const { baseSquares, inverse } = magnitude;
      const overRank = (values: Pointer) =>
        f.ggml_repeat_back(c, f.ggml_mul(c, b.tensor, values), baseSquares);
      const mixed = overRank(f.ggml_mul_mat(c, base.tensor, a.tensor));
      const inner = f.ggml_mul_mat(c, a.tensor, a.tensor);
      const own = overRank(f.ggml_mul_mat(c, turned(b.tensor), inner));
      const change = f.ggml_add(
        c,
        f.ggml_scale(c, mixed, 2 * factors.scale),
        f.ggml_scale(c, own, factors.scale ** 2),
      );
      const squares = f.ggml_add(c, change, baseSquares);
      f.ggml_set_output(squares);
      f.ggml_build_forward_expand(this.#graph, squares);
      this.#rows.push({ squares, inverse: inverse.tensor });
    }
    this.bytes = engine.plan(this.#graph, 'the row lengths of DoRA');
  }

  /** What computing them asks. */
  nodes(): TracedNode[] {
    return this.#engine.nodes(this.#graph);
  }

  /** Computes them anew from A and B as they are. */
  refresh(): void {
    this.#engine.compute(this.#graph);
    for (const row of this.#rows) {
      const into = this.#engine.floats(row.inverse);
      const squares = this.#engine.floats(row.squares);
      for (let i = 0; i < into.length; i++) into[i] = inverse(Math.sqrt(squares[i]!));
    }
  }
}
