import type { Hessian } from '../../core/techniques/pruning/hessian.js';
import { HessianAccumulator } from '../../core/techniques/pruning/hessian.js';
import { type ChannelStatistics, StatisticsAccumulator } from '../../core/techniques/pruning/statistics.js';
import { type Collector, PROBLEMS } from '../native/collector.js';
import { CONSTANTS, type Llama, type Pointer } from '../native/llama.js';
import { STRUCTS } from '../native/llama-cpp/bindings.js';

const TENSOR_BYTES = STRUCTS.ggml_tensor.size;
const at = (name: string): number => STRUCTS.ggml_tensor.fields.find(([field]) => field === name)![2];
const OP = at('op');
const SOURCES = at('src');
const NAME = at('name');

/** The input of one linear layer, or of several that read the same. */
interface Input {
  readonly statistics: StatisticsAccumulator;
  readonly hessian: HessianAccumulator | null;
}

interface Weights {
  readonly columns: number;
  input: Input | null;
  /** Others that read the same input leave the sums to the first one in the graph. */
  first: boolean;
}

/**
 * A collector in JavaScript, for machines without our native library: the same numbers, about half a prefill slower.
 * Calls of the engine have to be synchronous.
 */
export class PortableCollector implements Collector {
  readonly name = 'portable';
  readonly callback: Pointer;
  readonly userData = null;
  readonly #llama: Llama;
  readonly #hessians: boolean;
  readonly #wanted = new Map<string, Weights>();
  readonly #inputs: Input[] = [];
  /** Of the last product that was reduced: the next one may read the same. */
  #last: { readonly source: bigint; readonly input: Input } | null = null;
  #endNode: string | null = null;
  #kept = new Float32Array(0);
  #keptValues = 0;
  #problem: number | null = null;

  constructor(llama: Llama, hessians: boolean) {
    this.#llama = llama;
    this.#hessians = hessians;
    this.callback = llama.callback('bool', ['void *', 'bool', 'void *'], (tensor: bigint, ask: boolean) =>
      this.#evaluate(tensor, ask),
    );
  }

  want(weights: string, columns: number): void {
    this.#wanted.set(weights, { columns, input: null, first: false });
  }

  endAt(node: string, columns: number, tokens: number): void {
    this.#endNode = node;
    this.#kept = new Float32Array(tokens * columns);
  }

  endSequence(): Float32Array {
    for (const { statistics, hessian } of this.#inputs) {
      statistics.endSequence();
      hessian?.endSequence();
    }
    const kept = this.#kept.subarray(0, this.#keptValues);
    this.#keptValues = 0;
    this.#last = null;
    const problem = this.#problem;
    this.#problem = null;
    if (problem !== null) throw new Error(PROBLEMS[problem]);
    return kept;
  }

  statistics(weights: string): ChannelStatistics | null {
    return this.#wanted.get(weights)?.input?.statistics.statistics() ?? null;
  }

  hessian(weights: string): Hessian | null {
    return this.#wanted.get(weights)?.input?.hessian?.hessian() ?? null;
  }

  close(): void {
    this.#llama.releaseCallback(this.callback);
  }

  #evaluate(address: bigint, ask: boolean): boolean {
    const tensor = new DataView(this.#llama.bytes(address, TENSOR_BYTES));
    const last = this.#endNode !== null && nameOf(tensor) === this.#endNode;
    const weights = this.#weightsOf(tensor);
    if (ask) return last || weights !== undefined;
    if (weights !== undefined) this.#reduce(weights, tensor.getBigUint64(SOURCES + 8, true));
    if (last) this.#keep(address);
    return !last && this.#problem === null;
  }

  #weightsOf(tensor: DataView): Weights | undefined {
    if (tensor.getInt32(OP, true) !== CONSTANTS.GGML_OP_MUL_MAT) return undefined;
    const source = new DataView(this.#llama.bytes(tensor.getBigUint64(SOURCES, true), TENSOR_BYTES));
    return this.#wanted.get(nameOf(source));
  }

  #reduce(weights: Weights, source: bigint): void {
    const values = this.#rows(source, weights.columns);
    if (values === null) return;
    if (weights.input === null) {
      weights.first = this.#last?.source !== source;
      if (weights.first) this.#inputs.push(this.#newInput(weights.columns));
      weights.input = weights.first ? this.#inputs.at(-1)! : this.#last!.input;
    }
    if (!weights.first) {
      if (this.#last?.source !== source || this.#last.input !== weights.input) this.#problem = 3;
      return;
    }
    this.#last = { source, input: weights.input };
    weights.input.statistics.addTokens(values);
    weights.input.hessian?.addTokens(values);
  }

  #newInput(columns: number): Input {
    return {
      statistics: new StatisticsAccumulator(columns),
      hessian: this.#hessians ? new HessianAccumulator(columns) : null,
    };
  }

  #keep(address: bigint): void {
    if (this.#kept.length === 0) return;
    const tensor = this.#llama.read('ggml_tensor', address);
    const rows = this.#rows(address, Number((tensor.ne as ArrayLike<number | bigint>)[0]));
    if (rows === null) return;
    this.#kept.set(rows, this.#keptValues);
    this.#keptValues += rows.length;
  }

  /** @returns the values of a tensor in rows without gaps, or null with a problem noted. */
  #rows(address: bigint, columns: number): Float32Array | null {
    const { type, ne, nb, data } = this.#llama.read('ggml_tensor', address);
    const [width, ...others] = Array.from(ne as ArrayLike<number | bigint>, Number);
    const strides = Array.from(nb as ArrayLike<number | bigint>, Number);
    const rows = others.reduce((a, b) => a * b, 1);
    const gaps =
      strides[1] !== columns * 4 || (others[0] !== rows && strides[2] !== columns * 4 * others[0]!);
    if (type !== CONSTANTS.GGML_TYPE_F32 || width !== columns || gaps) {
      this.#problem = 4;
      return null;
    }
    return new Float32Array(this.#llama.bytes(data as Pointer, rows * columns * 4));
  }
}

/** A name of 63 bytes at most, NUL behind it. */
function nameOf(tensor: DataView): string {
  let end = NAME;
  while (tensor.getUint8(end) !== 0) end++;
  return Buffer.from(tensor.buffer, tensor.byteOffset + NAME, end - NAME).toString('latin1');
}
