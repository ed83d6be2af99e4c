import { open } from 'node:fs/promises';
import { shown } from '../format.js';
import { readTensor, type Span } from '../tensor-data.js';
import { readGgufHeader } from './header.js';
import { GgufError } from './reader.js';
import { decodeValue, type GgufValue } from './value.js';
import { type TensorSource, writeGguf } from './writer.js';

export interface GgufChanges {
  /** What a key is called in the copy; left out = as it was. */
  readonly rename?: (key: string) => string;
  /**
   * Keys of the copy to set; null takes one out. A key that is there keeps its place, a new one goes to the
   * end.
   */
  readonly metadata?: ReadonlyMap<string, GgufValue | null>;
  /** Tensors that stay; left out = all. */
  readonly keep?: (tensor: string) => boolean;
  /** Tensors to put in the place of those of the same name. */
  readonly tensors?: ReadonlyMap<string, Omit<TensorSource, 'name'>>;
  /** Tensors to put behind all others. */
  readonly added?: readonly TensorSource[];
}

/**
 * Copies a GGUF file with some of it changed, larger than memory if need be: what is not named goes over
 * byte by byte, in the same order. Without changes the copy is identical, except that version 2 becomes 3
 * (which differ in the number alone), and that bytes of padding become zeros and the last tensor is padded.
 * @returns the bytes of the copy.
 * @throws GgufError when the input is damaged or has no tensor of a name; FailureError `disk-full`.
 */
export async function copyGguf(input: string, output: string, changes: GgufChanges = {}): Promise<number> {
  const header = readGgufHeader(input);
  const replaced = changes.tensors ?? new Map<string, Omit<TensorSource, 'name'>>();
  const known = new Set(header.tensors.map(({ name }) => name));
  for (const name of replaced.keys()) {
    if (!known.has(name)) throw new GgufError(`it has no tensor ${shown(name)}`);
  }
  const metadata = new Map<string, GgufValue>();
  for (const [key, span] of header.spans) {
    const name = changes.rename?.(key) ?? key;
    metadata.set(name, { type: 'encoded', bytes: await readSpan(input, span) });
  }
  for (const [key, value] of changes.metadata ?? []) {
    if (value === null) metadata.delete(key);
    else metadata.set(key, value);
  }
  const copied = header.tensors.filter(({ name }) => changes.keep?.(name) ?? true);
  const tensors = copied.map((tensor): TensorSource => {
    const { name, type, shape } = tensor;
    const change = replaced.get(name);
    // Called on its owner: a source may be an object with a state of its own.
    if (change !== undefined)
      return { name, type: change.type, shape: change.shape, data: () => change.data() };
    return { name, type, shape, data: () => readTensor(tensor) };
  });
  return await writeGguf(output, { metadata, tensors: [...tensors, ...(changes.added ?? [])] });
}

/**
 * Reads one metadata value whole, vocabularies included, which the header leaves out.
 * @returns null when the file has no such key. @throws GgufError
 */
export async function readMetadataValue(path: string, key: string): Promise<GgufValue | null> {
  const span = readGgufHeader(path).spans.get(key);
  return span === undefined ? null : decodeValue(await readSpan(path, span));
}

/**
 * Reads a metadata value as it stands in the file, its type in front: what `encoded` values hold.
 * @throws GgufError
 */
export async function readSpan(path: string, { offset, bytes }: Span): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const buffer = Buffer.alloc(bytes);
    const { bytesRead } = await file.read(buffer, 0, bytes, offset);
    if (bytesRead !== bytes) throw new GgufError('the file ends inside its header');
    return buffer;
  } finally {
    await file.close();
  }
}
