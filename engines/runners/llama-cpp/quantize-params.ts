import type { QuantizationSpec } from '../../../core/techniques/quantization.js';
import { knownTensorType } from '../../../core/techniques/tensor-types.js';
import { CONSTANTS, type Llama, type Pointer, type StructValue } from '../../native/llama.js';
import type { ImportanceMatrix } from './imatrix.js';

/** An importance matrix and how the file that is made of it will call it. */
export interface NamedMatrix {
  readonly matrix: ImportanceMatrix;
  readonly name: string;
}

/**
 * llama.h, struct llama_model_kv_override: a tag, a name of 128 bytes, a union that begins at a multiple
 * of 8.
 */
const OVERRIDE = { bytes: 264, key: 4, value: 136, text: 128 };
/** llama.h: {pattern, type} and {name, data, size}, padded to pointers. */
const TENSOR_OVERRIDE_BYTES = 16;
const MATRIX_ENTRY_BYTES = 24;

/** Parameters of one quantization, and the memory that they point into. */
export class QuantizeParams {
  readonly value: StructValue<'llama_model_quantize_params'>;
  readonly #llama: Llama;
  readonly #blocks: Pointer[] = [];

  constructor(
    llama: Llama,
    spec: QuantizationSpec,
    ftype: number,
    threads: number,
    named: NamedMatrix | null,
  ) {
    this.#llama = llama;
    const params = llama.functions.llama_model_quantize_default_params();
    params.nthread = threads;
    params.ftype = ftype;
    params.pure = spec.pure;
    if (spec.outputType !== null) params.output_tensor_type = knownTensorType(spec.outputType).number;
    if (spec.embeddingType !== null) params.token_embedding_type = knownTensorType(spec.embeddingType).number;
    if (spec.tensorTypes.length > 0) params.tt_overrides = this.#tensorOverrides(spec);
    if (named !== null) {
      params.imatrix = this.#matrix(named.matrix);
      params.kv_overrides = this.#saidOf(named);
    }
    this.value = params;
  }

  free(): void {
    for (const block of this.#blocks.splice(0)) this.#llama.free(block);
  }

  /** Ends with a null pattern. */
  #tensorOverrides({ tensorTypes }: QuantizationSpec): Pointer {
    const [address, view] = this.#block((tensorTypes.length + 1) * TENSOR_OVERRIDE_BYTES);
    for (const [i, { pattern, type }] of tensorTypes.entries()) {
      view.setBigUint64(i * TENSOR_OVERRIDE_BYTES, this.#text(pattern), true);
      view.setInt32(i * TENSOR_OVERRIDE_BYTES + 8, knownTensorType(type).number, true);
    }
    return address;
  }

  /** Ends with a null name. */
  #matrix({ means }: ImportanceMatrix): Pointer {
    const [address, view] = this.#block((means.size + 1) * MATRIX_ENTRY_BYTES);
    for (const [i, [name, values]] of [...means].entries()) {
      const [data] = this.#block(values.byteLength, values);
      view.setBigUint64(i * MATRIX_ENTRY_BYTES, this.#text(name), true);
      view.setBigUint64(i * MATRIX_ENTRY_BYTES + 8, data as bigint, true);
      view.setBigUint64(i * MATRIX_ENTRY_BYTES + 16, BigInt(values.length), true);
    }
    return address;
  }

  /** What llama-quantize writes into the file about the matrix, in its order; ends with an empty name. */
  #saidOf({ matrix, name }: NamedMatrix): Pointer {
    const said: [string, string | number][] = [['quantize.imatrix.file', name]];
    if (matrix.dataset !== null) said.push(['quantize.imatrix.dataset', matrix.dataset]);
    said.push(['quantize.imatrix.entries_count', matrix.means.size]);
    if (matrix.chunks > 0) said.push(['quantize.imatrix.chunks_count', matrix.chunks]);
    const [address, view, bytes] = this.#block((said.length + 1) * OVERRIDE.bytes);
    for (const [i, [key, value]] of said.entries()) {
      const at = i * OVERRIDE.bytes;
      const isText = typeof value === 'string';
      const tag = isText ? 'LLAMA_KV_OVERRIDE_TYPE_STR' : 'LLAMA_KV_OVERRIDE_TYPE_INT';
      view.setInt32(at, CONSTANTS[tag], true);
      bytes.set(Buffer.from(key), at + OVERRIDE.key);
      // The last byte stays zero, as strncpy leaves it there.
      if (isText) bytes.set(Buffer.from(value).subarray(0, OVERRIDE.text - 1), at + OVERRIDE.value);
      else view.setBigInt64(at + OVERRIDE.value, BigInt(value), true);
    }
    return address;
  }

  #text(text: string): bigint {
    const encoded = Buffer.from(`${text}\0`);
    return this.#block(encoded.length, encoded)[0] as bigint;
  }

  /** Zeros, or a copy of what is given, where nothing moves. */
  #block(length: number, content?: ArrayBufferView): [Pointer, DataView, Uint8Array] {
    const address = this.#llama.allocate('uint8_t', length);
    this.#blocks.push(address);
    const buffer = this.#llama.bytes(address, length);
    const bytes = new Uint8Array(buffer).fill(0);
    if (content) bytes.set(new Uint8Array(content.buffer, content.byteOffset, content.byteLength));
    return [address, new DataView(buffer), bytes];
  }
}
