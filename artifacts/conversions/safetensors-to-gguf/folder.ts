import { type FileHandle, open } from 'node:fs/promises';
import { basename } from 'node:path';
import { decodeFloats, type FloatType } from '../../../core/techniques/float-types.js';
import { bytesPerElement } from '../../../core/techniques/tensor-types.js';
import { FormatError } from '../../../formats/format.js';
import type { LocatedTensor } from '../../../formats/safetensors/reader.js';
import { byChunks, rowCount, rowLength, rowsOfChunk, type Weights, type WeightType } from './weights.js';

/** safetensors' names of the types that weights are read in. */
const FLOATS: ReadonlyMap<string, FloatType> = new Map([
  ['F32', 'f32'],
  ['F16', 'f16'],
  ['BF16', 'bf16'],
]);

/** @returns null for a type that is no float of ours. */
export function floatOf({ dtype }: LocatedTensor): FloatType | null {
  return FLOATS.get(dtype) ?? null;
}

/** The files of a folder, each opened once. */
export class Shards {
  readonly #handles = new Map<string, Promise<FileHandle>>();

  /** @throws FormatError for weights that are no floats. */
  weights(tensor: LocatedTensor): Weights {
    const type = floatOf(tensor);
    const known = [...FLOATS.keys()].join(', ');
    if (type === null)
      throw new FormatError(`its tensor ${tensor.name} is ${tensor.dtype}, and weights are read as ${known}`);
    // A single number is a vector of one.
    const shape = tensor.shape.length === 0 ? [1] : tensor.shape;
    return this.stored({ ...tensor, shape }, type);
  }

  /** Weights of any type that is taken by rows, as their bytes lie in the file. */
  stored(tensor: LocatedTensor, type: WeightType): Weights {
    const { shape } = tensor;
    const bytes = rowLength({ shape }) * bytesPerElement(type);
    if (rowCount({ shape }) * bytes === 0) throw new FormatError(`its tensor ${tensor.name} is empty`);
    const readRows = (from: number, rows: number) => this.read(tensor, from * bytes, rows * bytes);
    const most = rowsOfChunk(bytes);
    return { type, shape, rows: (first, count) => byChunks(first, count, most, readRows) };
  }

  /** @returns all of a tensor, which is small. */
  async values(tensor: LocatedTensor): Promise<Float32Array> {
    const type = floatOf(tensor);
    if (type === null)
      throw new FormatError(`its tensor ${tensor.name} is ${tensor.dtype}, and should be of floats`);
    return decodeFloats(await this.read(tensor, 0, tensor.bytes), type);
  }

  /** @returns some of the bytes of a tensor. @throws FormatError when its file has become shorter. */
  async read(
    { name, path, offset }: LocatedTensor,
    start: number,
    bytes: number,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const handle = this.#handles.get(path) ?? open(path, 'r');
    this.#handles.set(path, handle);
    const file = await handle;
    // Aligned to 8, as arrays over it need.
    const chunk = new Uint8Array(bytes);
    for (let filled = 0; filled < bytes; ) {
      const { bytesRead } = await file.read(chunk, filled, bytes - filled, offset + start + filled);
      if (bytesRead === 0) throw new FormatError(`${basename(path)} ends inside its tensor ${name}`);
      filled += bytesRead;
    }
    return chunk;
  }

  async close(): Promise<void> {
    for (const handle of this.#handles.values()) await handle.then((file) => file.close()).catch(() => {});
  }
}
