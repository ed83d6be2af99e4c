import type { MatrixShape } from '../../core/work/architecture.js';
import { isSize, Unreadable } from './reading.js';

export interface WeightTensor {
  readonly name: string;
  /** ggml's name of the type, lower case. */
  readonly type: string;
  /** Innermost dimension first. */
  readonly shape: readonly number[];
  readonly bytes: number;
}

/** What the readers need of a GGUF header; formats/gguf reads one. */
export interface WeightFile {
  readonly metadata: ReadonlyMap<
    string,
    string | number | boolean | { readonly count: number; readonly values: readonly number[] | null } | null
  >;
  readonly tensors: readonly WeightTensor[];
}

/** A header with its keys and tensors by name; every error in it becomes one sentence. */
export class GgufFile {
  readonly family: string;
  readonly #metadata: WeightFile['metadata'];
  readonly #tensors: ReadonlyMap<string, WeightTensor>;

  /** @throws Unreadable when the file does not say what it is. */
  constructor({ metadata, tensors }: WeightFile) {
    this.#metadata = metadata;
    this.#tensors = new Map(tensors.map((tensor) => [tensor.name, tensor]));
    const family = metadata.get('general.architecture');
    if (typeof family !== 'string')
      throw new Unreadable('the file does not say its architecture (general.architecture)');
    this.family = family;
  }

  tensor(name: string): WeightTensor | undefined {
    return this.#tensors.get(name);
  }

  /** @throws Unreadable when the file has no such tensor. */
  required(name: string): WeightTensor {
    const tensor = this.tensor(name);
    if (tensor === undefined)
      throw new Unreadable(`the file has no tensor ${name}, which ${this.family} models have`);
    return tensor;
  }

  bits({ shape, bytes }: WeightTensor): number {
    return (8 * bytes) / shape.reduce((a, b) => a * b, 1);
  }

  /** A matrix y = W x as ggml keeps it, rows being inputs; a bias goes by the same name. */
  matrix(name: string, tensor: WeightTensor = this.required(`${name}.weight`)): MatrixShape {
    const [inputs = 0, outputs = 0] = tensor.shape;
    return {
      inputs,
      outputs,
      bits: this.bits(tensor),
      type: tensor.type,
      bias: this.tensor(`${name}.bias`) !== undefined,
    };
  }

  /** @throws Unreadable when the key is missing or no size. */
  size(key: string): number {
    const value = this.optionalSize(key);
    if (value === null) throw new Unreadable(`the file does not say its ${this.family}.${key}`);
    return value;
  }

  /** @returns null when the key is missing, 0, or says something for each layer. */
  optionalSize(key: string): number | null {
    const value = this.#metadata.get(`${this.family}.${key}`);
    if (typeof value !== 'number' || value === 0) return null;
    if (!isSize(value)) throw new Unreadable(`its ${this.family}.${key} is ${value}`);
    return value;
  }

  /** @returns one number for each layer; null when the key says none, or one for all. */
  list(key: string, layers: number): readonly number[] | null {
    const value = this.#metadata.get(`${this.family}.${key}`);
    if (typeof value !== 'object' || value === null || value.values === null) return null;
    if (value.values.length < layers)
      throw new Unreadable(
        `its ${this.family}.${key} has ${value.values.length} values for ${layers} layers`,
      );
    return value.values;
  }

  /** The number for all layers, or the first one of a list. */
  firstSize(key: string): number {
    const first = this.list(key, 1)?.[0];
    return first !== undefined && isSize(first) ? first : this.size(key);
  }
}
