import type { AdapterLayer, LowRankAdapter } from '../../../core/techniques/adapters/adapter.js';
import {
  type InitialFactors,
  transposed,
  withoutInitial,
} from '../../../core/techniques/adapters/convert.js';
import {
  loraFactors,
  pissaFactors,
  rowLengths,
  type Uniform,
} from '../../../core/techniques/adapters/initialize.js';
import { merged } from '../../../core/techniques/adapters/merge.js';
import { scaleOf } from '../../../core/techniques/adapters/scale.js';
import type { Matrix } from '../../../core/techniques/pruning/matrix.js';
import type { TrainingSettings } from '../../../core/training/methods.js';
import { CONSTANTS, type Pointer } from '../../native/llama.js';
import type { Engine } from './engine.js';
import type { Tape, Value } from './tape.js';
import { numbersOf, type Weights } from './weights.js';

/** DoRA: the lengths of the rows of W + scale · B A. */
export interface Magnitude {
  /** What they shall be, the parameter: [out]. */
  readonly lengths: Value;
  /** 1 over what they are, held during a step, so that no gradient goes through it: [out]. */
  readonly inverse: Value;
  /** Squares of the lengths of W's rows. */
  readonly baseSquares: Pointer;
}

/** What is trained beside one matrix. */
export interface Factors {
  /** Of the matrix: `blk.0.attn_q.weight`. */
  readonly name: string;
  readonly base: Value;
  /** A [in, r]. */
  readonly a: Value;
  /** B, turned: [out, r]. */
  readonly b: Value;
  readonly magnitude: Magnitude | null;
  /** PiSSA alone: what A and B began with, which the base has lost. */
  readonly initial: InitialFactors | null;
}

/** Low-rank factors beside some matrices of a model. */
export class AdapterFactors {
  readonly scale: number;
  readonly bytes: number;
  readonly layers: readonly Factors[];
  readonly #settings: TrainingSettings;
  readonly #byName: ReadonlyMap<string, Factors>;

  /** @param names of the matrices, `blk.0.attn_q.weight`. @param uniform draws the beginning of A. */
  constructor(
    engine: Engine,
    weights: Weights,
    names: readonly string[],
    settings: TrainingSettings,
    uniform: Uniform,
  ) {
    const { rank, alpha, method } = settings;
    this.#settings = settings;
    this.scale = scaleOf(alpha, rank, method === 'rslora');
    const context = engine.context(names.length * 5);
    const parameter = (inner: number, outer: number): Value => {
      const tensor = engine.functions.ggml_new_tensor_2d(context, CONSTANTS.GGML_TYPE_F32, inner, outer);
      engine.functions.ggml_set_param(tensor);
      return { tensor, shape: [inner, outer, 1, 1], f32: true, learns: true };
    };
    const vector = (length: number) =>
      engine.functions.ggml_new_tensor_1d(context, CONSTANTS.GGML_TYPE_F32, length);
    const made = names.map((name) => {
      const base = weights.need(name);
      const [inner, outer] = base.shape;
      const shape = [outer, 1, 1, 1] as const;
      const magnitude =
        method === 'dora'
          ? {
              lengths: parameter(outer, 1),
              inverse: { tensor: vector(outer), shape, f32: true, learns: false },
              baseSquares: vector(outer),
            }
          : null;
      return { name, base, a: parameter(inner, rank), b: parameter(outer, rank), magnitude, initial: null };
    });
    this.bytes = engine.allocate(context, 'the adapter');
    this.layers = made.map((factors) => this.#begin(engine, factors, uniform));
    this.#byName = new Map(this.layers.map((factors) => [factors.name, factors]));
  }

  /** W x + scale · B A x, its rows then set to their lengths under DoRA; W x where there are no factors. */
  apply(tape: Tape, weights: Weights, name: string, x: Value): Value {
    const matrix = `${name}.weight`;
    const factors = this.#byName.get(matrix);
    if (factors === undefined) return tape.linear(weights.need(matrix), x);
    const { base, a, b, magnitude } = factors;
    const change = tape.scale(tape.expand(b, tape.linear(a, x)), this.scale);
    const sum = tape.add(tape.linear(base, x), change);
    if (magnitude === null) return sum;
    return tape.multiply(sum, tape.multiply(magnitude.lengths, magnitude.inverse));
  }

  /** Every parameter, with its name: `blk.0.attn_q.weight.a`. */
  parameters(): { readonly name: string; readonly group: 'a' | 'b'; readonly value: Value }[] {
    return this.layers.flatMap(({ name, a, b, magnitude }) => [
      { name: `${name}.a`, group: 'a' as const, value: a },
      { name: `${name}.b`, group: 'b' as const, value: b },
      ...(magnitude === null
        ? []
        : [{ name: `${name}.magnitude`, group: 'a' as const, value: magnitude.lengths }]),
    ]);
  }

  /**
   * @returns the adapter as it is now, fit for the base it was trained on, and what it makes of that base's
   *   matrices.
   */
  export(
    engine: Engine,
    architecture: string,
  ): { readonly adapter: LowRankAdapter; readonly merged: ReadonlyMap<string, () => Float32Array> } {
    const { method, rank } = this.#settings;
    const matrix = (value: Value, rows: number, columns: number): Matrix => ({
      rows,
      columns,
      values: engine.floats(value.tensor).slice(),
    });
    const layers = this.layers.map(({ name, base, a, b, magnitude, initial }): [string, AdapterLayer] => {
      const [inner, outer] = base.shape;
      const layer: AdapterLayer = {
        a: matrix(a, rank, inner),
        b: transposed(matrix(b, rank, outer)),
        scale: this.scale,
        magnitude: magnitude === null ? null : engine.floats(magnitude.lengths.tensor).slice(),
      };
      return [name, initial === null ? layer : withoutInitial(layer, initial)];
    });
    const kind = method === 'dora' || method === 'rslora' ? method : 'lora';
    const adapter: LowRankAdapter = { kind, architecture, layers: new Map(layers), onResidual: null };
    const whole = this.layers.map(({ name, base }) => {
      const layer = adapter.layers.get(name)!;
      return [name, () => merged(matrixOf(engine, base), layer).values] as const;
    });
    return { adapter, merged: new Map(whole) };
  }

  #begin(engine: Engine, factors: Factors, uniform: Uniform): Factors {
    const { base, a, b, magnitude } = factors;
    const { rank, method } = this.#settings;
    const [inner, outer] = base.shape;
    const pissa = method === 'pissa';
    const start = pissa
      ? pissaFactors(matrixOf(engine, base), rank, this.scale)
      : loraFactors(outer, inner, rank, uniform);
    engine.floats(a.tensor).set(start.a.values);
    engine.floats(b.tensor).set(transposed(start.b).values);
    if (pissa) takeOff(engine.floats(base.tensor), start, this.scale);
    if (magnitude !== null) {
      const lengths = rowLengths(matrixOf(engine, base));
      engine.floats(magnitude.lengths.tensor).set(lengths);
      engine.floats(magnitude.inverse.tensor).set(lengths.map(inverse));
      engine.floats(magnitude.baseSquares).set(lengths.map((length) => length * length));
    }
    return { ...factors, initial: pissa ? start : null };
  }
}

/** A matrix of any type in f32. */
function matrixOf(engine: Engine, value: Value): Matrix {
  return { rows: value.shape[1], columns: value.shape[0], values: numbersOf(engine, value) };
}

/** 0 for a row of zeros, which has no direction. */
export const inverse = (length: number) => (length > 0 ? 1 / length : 0);

/** W − scale · B · A, in place: what PiSSA leaves of the base. */
function takeOff(weights: Float32Array, { a, b }: InitialFactors, scale: number): void {
  const width = a.columns;
  for (let row = 0; row < b.rows; row++) {
    for (let k = 0; k < a.rows; k++) {
      const factor = scale * b.values[row * a.rows + k]!;
      for (let i = 0; i < width; i++) weights[row * width + i]! -= factor * a.values[k * width + i]!;
    }
  }
}
