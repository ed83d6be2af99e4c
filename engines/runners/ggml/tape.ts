import { CONSTANTS, type LlamaFunctions, type Pointer } from '../../native/llama.js';

/** Innermost dimension first, as ggml counts them. */
export type Shape = readonly [number, number, number, number];

/** A tensor of the forward graph. */
export interface Value {
  readonly tensor: Pointer;
  readonly shape: Shape;
  /** Whether it is made of f32 numbers: all are but frozen matrices. */
  readonly f32: boolean;
  /** Whether a parameter lies below it. */
  readonly learns: boolean;
}

/** How the pairs of a head are turned (llama.cpp: rope_ext without scaling of the context). */
export interface Rope {
  /** 0 turns neighbours, 2 elements that are half a head apart. */
  readonly mode: number;
  readonly dimensions: number;
  readonly base: number;
  /** The base's factors of each pair (Llama 3.1), or null. */
  readonly factors: Pointer;
}

/**
 * Which rows a loss is of: f32 [1, rows], 1 or 0, and [1], by how much a mean over all rows is less than one
 * over these.
 */
export interface Learnt {
  readonly rows: Pointer;
  readonly share: Pointer;
}

/** Takes the gradient of an output on to the inputs of its operation. */
type Pull = (gradient: Pointer) => void;

/**
 * Builds the forward graph and remembers how gradients go back through it. ggml has a pass of its own for
 * that (ggml_build_backward_expand), which sends every gradient through ggml_out_prod; on frozen weights that
 * are not f32 the CPU backend runs that 9 to 120 times slower than a product with the transposed matrix, and
 * not at all on bf16. So every operation here brings its own way back, made of operations that are fast;
 * test/models/finetune.test.ts holds each against differences.
 */
export class Tape {
  readonly #f: LlamaFunctions;
  readonly #context: Pointer;
  readonly #steps: { readonly out: Value; readonly pull: Pull }[] = [];
  readonly #gradients = new Map<Value, Pointer>();

  constructor(functions: LlamaFunctions, context: Pointer) {
    this.#f = functions;
    this.#context = context;
  }

  /** Sends a gradient of 1 back from a loss. @param one a tensor of one number. */
  backward(loss: Value, one: Pointer): void {
    this.#gradients.set(loss, one);
    for (const { out, pull } of this.#steps.reverse()) {
      const gradient = this.#gradients.get(out);
      if (gradient !== undefined) pull(gradient);
      // What lies above is no longer asked for; parameters are never an output and stay.
      this.#gradients.delete(out);
    }
  }

  /** @returns the sum of all gradients that came back to a parameter. */
  gradientOf(parameter: Value): Pointer {
    const gradient = this.#gradients.get(parameter);
    if (gradient === undefined) throw new Error('the loss does not depend on a parameter');
    return gradient;
  }

  /** So many rows of a table [width, rows] by their numbers. */
  rows(table: Value, ids: Pointer, count: number): Value {
    const [f, c] = [this.#f, this.#context];
    const shape: Shape = [table.shape[0], count, 1, 1];
    return this.#record(f.ggml_get_rows(c, table.tensor, ids), shape, [table], (gradient) => {
      this.#give(table, () => f.ggml_get_rows_back(c, gradient, ids, table.tensor));
    });
  }

  /** x / sqrt(mean(x²) + epsilon), over the innermost dimension. */
  rmsNorm(x: Value, epsilon: number): Value {
    const [f, c] = [this.#f, this.#context];
    return this.#record(f.ggml_rms_norm(c, x.tensor, epsilon), x.shape, [x], (gradient) => {
      this.#give(x, () => f.ggml_rms_norm_back(c, gradient, x.tensor, epsilon));
    });
  }

  /** x times a vector that all rows share. */
  multiply(x: Value, vector: Value): Value {
    const [f, c] = [this.#f, this.#context];
    return this.#record(f.ggml_mul(c, x.tensor, vector.tensor), x.shape, [x, vector], (gradient) => {
      this.#give(x, () => f.ggml_mul(c, gradient, vector.tensor));
      this.#give(vector, () => f.ggml_repeat_back(c, f.ggml_mul(c, x.tensor, gradient), vector.tensor));
    });
  }

  /** x plus a vector that all rows share. */
  shift(x: Value, vector: Value): Value {
    const [f, c] = [this.#f, this.#context];
    return this.#record(f.ggml_add(c, x.tensor, vector.tensor), x.shape, [x, vector], (gradient) => {
      this.#give(x, () => gradient);
      this.#give(vector, () => f.ggml_repeat_back(c, gradient, vector.tensor));
    });
  }

  /** Two values of one shape. */
  add(a: Value, b: Value): Value {
    return this.#record(this.#f.ggml_add(this.#context, a.tensor, b.tensor), a.shape, [a, b], (gradient) => {
      this.#give(a, () => gradient);
      this.#give(b, () => gradient);
    });
  }

  scale(x: Value, factor: number): Value {
    const [f, c] = [this.#f, this.#context];
    return this.#record(f.ggml_scale(c, x.tensor, factor), x.shape, [x], (gradient) => {
      this.#give(x, () => f.ggml_scale(c, gradient, factor));
    });
  }

  /** W x for a matrix of any type [in, out] and x [in, tokens]. */
  linear(matrix: Value, x: Value): Value {
    const [f, c] = [this.#f, this.#context];
    const shape: Shape = [matrix.shape[1], x.shape[1], 1, 1];
    return this.#record(f.ggml_mul_mat(c, matrix.tensor, x.tensor), shape, [matrix, x], (gradient) => {
      this.#give(x, () => f.ggml_mul_mat(c, this.#turned(matrix), gradient));
      this.#give(matrix, () => f.ggml_out_prod(c, x.tensor, gradient));
    });
  }

  /**
   * B u for a B that is stored turned, [out, r], and u [r, tokens]: rows of r numbers would make its gradient
   * many times slower.
   */
  expand(turned: Value, u: Value): Value {
    const [f, c] = [this.#f, this.#context];
    const shape: Shape = [turned.shape[0], u.shape[1], 1, 1];
    return this.#record(f.ggml_mul_mat(c, this.#turned(turned), u.tensor), shape, [turned, u], (gradient) => {
      this.#give(u, () => f.ggml_mul_mat(c, turned.tensor, gradient));
      this.#give(turned, () => f.ggml_out_prod(c, gradient, u.tensor));
    });
  }

  /** The same numbers in another shape of up to four dimensions. */
  reshape(x: Value, shape: Shape): Value {
    const [f, c] = [this.#f, this.#context];
    return this.#record(f.ggml_reshape_4d(c, x.tensor, ...shape), shape, [x], (gradient) => {
      this.#give(x, () => f.ggml_reshape(c, gradient, x.tensor));
    });
  }

  /** Swaps the second and the third dimension: tokens and heads. */
  swap(x: Value): Value {
    const [f, c] = [this.#f, this.#context];
    const swapped = (tensor: Pointer) => f.ggml_cont(c, f.ggml_permute(c, tensor, 0, 2, 1, 3));
    const [length, second, third, rest] = x.shape;
    return this.#record(swapped(x.tensor), [length, third, second, rest], [x], (gradient) => {
      this.#give(x, () => swapped(gradient));
    });
  }

  /** Turns heads [length, heads, tokens] by the positions of their tokens. */
  rope(x: Value, positions: Pointer, { mode, dimensions, base, factors }: Rope): Value {
    const [f, c] = [this.#f, this.#context];
    const rest = [factors, dimensions, mode, 0, base, 1, 0, 1, 32, 1] as const;
    return this.#record(f.ggml_rope_ext(c, x.tensor, positions, ...rest), x.shape, [x], (gradient) => {
      this.#give(x, () => f.ggml_rope_ext_back(c, gradient, positions, ...rest));
    });
  }

  /**
   * softmax(scale · QᵀK + mask) V with q [length, tokens, heads, sequences] and k, v [length, tokens, groups,
   * sequences], each group serving heads / groups heads. Written out, since flash attention has no way back.
   */
  attention(q: Value, k: Value, v: Value, mask: Pointer, scale: number): Value {
    const [f, c] = [this.#f, this.#context];
    const scores = f.ggml_mul_mat(c, k.tensor, q.tensor);
    const weights = f.ggml_soft_max_ext(c, scores, mask, scale, 0);
    const out = f.ggml_mul_mat(c, this.#turned(v), weights);
    return this.#record(out, q.shape, [q, k, v], (gradient) => {
      this.#give(v, () => this.#overHeads(f.ggml_out_prod(c, gradient, weights), q.shape, v));
      if (!q.learns && !k.learns) return;
      const ofWeights = f.ggml_mul_mat(c, v.tensor, gradient);
      const ofScores = f.ggml_soft_max_ext_back(c, ofWeights, weights, scale, 0);
      this.#give(q, () => f.ggml_mul_mat(c, this.#turned(k), ofScores));
      this.#give(k, () => this.#overHeads(f.ggml_out_prod(c, q.tensor, ofScores), q.shape, k));
    });
  }

  /** silu(gate) · up */
  swiglu(gate: Value, up: Value): Value {
    const [f, c] = [this.#f, this.#context];
    return this.#record(
      f.ggml_swiglu_split(c, gate.tensor, up.tensor),
      gate.shape,
      [gate, up],
      (gradient) => {
        this.#give(gate, () => f.ggml_silu_back(c, f.ggml_mul(c, gradient, up.tensor), gate.tensor));
        this.#give(up, () => f.ggml_mul(c, f.ggml_silu(c, gate.tensor), gradient));
      },
    );
  }

  /**
   * Mean over tokens of −log softmax(logits) at the labels, which are dense: [vocabulary, tokens], 1 at the
   * right word, nowhere 1 where nothing is learnt. There the loss is 0, and ggml's gradient is not: it takes
   * a row's labels to sum to 1.
   */
  crossEntropy(logits: Value, labels: Pointer, learnt: Learnt | null): Value {
    const [f, c] = [this.#f, this.#context];
    const overAll = f.ggml_cross_entropy_loss(c, logits.tensor, labels);
    const loss = learnt === null ? overAll : f.ggml_mul(c, overAll, learnt.share);
    return this.#record(loss, [1, 1, 1, 1], [logits], (gradient) => {
      this.#give(logits, () => {
        if (learnt === null) return f.ggml_cross_entropy_loss_back(c, gradient, logits.tensor, labels);
        const scaled = f.ggml_mul(c, gradient, learnt.share);
        const everywhere = f.ggml_cross_entropy_loss_back(c, scaled, logits.tensor, labels);
        return f.ggml_mul(c, everywhere, learnt.rows);
      });
    });
  }

  #record(tensor: Pointer, shape: Shape, inputs: readonly Value[], pull: Pull): Value {
    const out = { tensor, shape, f32: true, learns: inputs.some(({ learns }) => learns) };
    if (out.learns) this.#steps.push({ out, pull });
    return out;
  }

  #give(value: Value, make: () => Pointer): void {
    if (!value.learns) return;
    const before = this.#gradients.get(value);
    const gradient = make();
    const sum = before === undefined ? gradient : this.#f.ggml_add(this.#context, before, gradient);
    this.#gradients.set(value, sum);
  }

  /** A matrix of any type, turned, in f32: gradients are too small for the range of f16. */
  #turned({ tensor, f32 }: Value): Pointer {
    const [f, c] = [this.#f, this.#context];
    const plain = f32 ? tensor : f.ggml_cast(c, tensor, CONSTANTS.GGML_TYPE_F32);
    return f.ggml_cont(c, f.ggml_transpose(c, plain));
  }

  /** Sums the gradients of all heads that one group serves: neighbours, as ggml_mul_mat has them. */
  #overHeads(gradient: Pointer, [length, tokens, heads, sequences]: Shape, group: Value): Pointer {
    const [f, c] = [this.#f, this.#context];
    const groups = group.shape[2];
    if (heads === groups) return gradient;
    const each = length * tokens;
    const apart = f.ggml_reshape_4d(c, gradient, each, heads / groups, groups, sequences);
    const like = f.ggml_reshape_4d(c, group.tensor, each, 1, groups, sequences);
    return f.ggml_reshape(c, f.ggml_repeat_back(c, apart, like), group.tensor);
  }
}
