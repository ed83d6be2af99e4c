import { shown } from '../format.js';
import { exactlyBytes } from '../tensor-data.js';
import { writeWholeFile } from '../whole-file.js';
import {
  ALIGNMENT_KEY,
  alignmentFrom,
  MAX_DIMENSIONS,
  MAX_NAME_BYTES,
  padded,
  type TensorInfo,
} from './header.js';
import { GgufError } from './reader.js';
import { bytesOfTensor, typeNamed } from './tensor-bytes.js';
import { encodeValue, type GgufValue, text, u32, u64 } from './value.js';

/** A tensor to be written. */
export interface TensorSource {
  readonly name: string;
  /** ggml's name of the type, lower case: `q4_k`. */
  readonly type: string;
  /** Innermost dimension first, as ggml counts them. */
  readonly shape: readonly number[];
  /** Its bytes in chunks of any size, asked for when its turn comes. */
  data(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

export interface GgufContent<T = TensorSource> {
  /** Written in this order. `general.alignment` counts, as it does for readers. */
  readonly metadata: ReadonlyMap<string, GgufValue>;
  readonly tensors: readonly T[];
}

/** A file before its weights are written. */
export interface GgufLayout {
  /** Everything before the first tensor, padding included. */
  readonly header: Buffer;
  readonly tensors: readonly TensorInfo[];
  readonly alignment: number;
  readonly fileBytes: number;
}

/**
 * Lays out a GGUF file of version 3 (ggml's docs/gguf.md): what its header says and where each tensor goes.
 * @throws GgufError for what no reader would take: names too long or there twice, rows that are not whole
 * blocks, an odd alignment.
 */
export function layoutGguf({ metadata, tensors }: GgufContent<Omit<TensorSource, 'data'>>): GgufLayout {
  const declared = metadata.get(ALIGNMENT_KEY);
  const alignment = alignmentFrom(declared === undefined ? undefined : declaredNumber(declared));
  const names = new Set<string>();
  let dataBytes = 0;
  const placed = tensors.map(({ name, type, shape }) => {
    if (Buffer.byteLength(name) > MAX_NAME_BYTES)
      throw new GgufError(`the name ${shown(name)} is longer than ${MAX_NAME_BYTES} bytes`);
    if (names.has(name)) throw new GgufError(`the tensor ${shown(name)} is there twice`);
    if (shape.length > MAX_DIMENSIONS)
      throw new GgufError(`the tensor ${shown(name)} has ${shape.length} dimensions; 4 is the most`);
    names.add(name);
    const bytes = bytesOfTensor(`the tensor ${shown(name)}`, typeNamed(type), shape);
    const offset = dataBytes;
    dataBytes = padded(offset + bytes, alignment);
    return { name, type, shape, bytes, offset };
  });
  const front = Buffer.concat([
    Buffer.from('GGUF'),
    u32(3),
    u64(tensors.length),
    u64(metadata.size),
    ...[...metadata].flatMap(([key, value]) => [text(key), encodeValue(value)]),
    ...placed.flatMap(({ name, type, shape, offset }) => [
      text(name),
      u32(shape.length),
      ...shape.map(u64),
      u32(typeNamed(type).number),
      u64(offset),
    ]),
  ]);
  const header = Buffer.alloc(padded(front.length, alignment));
  front.copy(header);
  return {
    header,
    alignment,
    tensors: placed.map((tensor) => ({ ...tensor, offset: header.length + tensor.offset })),
    fileBytes: header.length + dataBytes,
  };
}

/**
 * Writes a GGUF file, tensor by tensor: memory holds the header and one chunk, however large the file is.
 * @returns the bytes of the file.
 * @throws GgufError as layoutGguf does, and for a tensor that delivers another size than its shape says;
 * FailureError `disk-full`. No part of the file is left behind then.
 */
export async function writeGguf(path: string, content: GgufContent): Promise<number> {
  const layout = layoutGguf(content);
  await writeWholeFile(path, layout.fileBytes, chunksOf(layout, content.tensors));
  return layout.fileBytes;
}

async function* chunksOf(layout: GgufLayout, sources: readonly TensorSource[]): AsyncGenerator<Uint8Array> {
  yield layout.header;
  for (const [i, source] of sources.entries()) {
    const { bytes } = layout.tensors[i]!;
    const wrong = (much: string) =>
      new GgufError(`the tensor ${shown(source.name)} gave ${much} the ${bytes} bytes of its shape`);
    yield* exactlyBytes(source.data(), bytes, wrong);
    const padding = padded(bytes, layout.alignment) - bytes;
    if (padding > 0) yield Buffer.alloc(padding);
  }
}

function declaredNumber(value: GgufValue): number {
  if (value.type === 'u32') return Number(value.value);
  if (value.type === 'encoded') {
    const bytes = Buffer.from(value.bytes);
    if (bytes.length === 8 && bytes.readUInt32LE() === 4) return bytes.readUInt32LE(4);
  }
  throw new GgufError(`${ALIGNMENT_KEY} is not a u32`);
}
