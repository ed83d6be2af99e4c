import { shown } from '../format.js';
import { exactlyBytes } from '../tensor-data.js';
import { writeWholeFile } from '../whole-file.js';
import { bytesOfTensor, LENGTH_BYTES } from './header.js';
import { SafetensorsError } from './json.js';

/** A tensor to be written. */
export interface SafetensorSource {
  readonly name: string;
  /** As the format writes it: `BF16`. */
  readonly dtype: string;
  /** Outermost dimension first. */
  readonly shape: readonly number[];
  /** Its bytes in chunks of any size, asked for when its turn comes. */
  data(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

export interface SafetensorsContent {
  readonly metadata: ReadonlyMap<string, string>;
  /** Written in this order. */
  readonly tensors: readonly SafetensorSource[];
}

/**
 * Writes a safetensors file, tensor by tensor; memory holds the header and one chunk.
 * @returns the bytes of the file.
 * @throws SafetensorsError for names there twice, unknown types, and tensors that deliver another size than
 * their shape says; FailureError `disk-full`. No part of the file is left behind then.
 */
export async function writeSafetensors(path: string, content: SafetensorsContent): Promise<number> {
  const { header, sizes, fileBytes } = layout(content);
  await writeWholeFile(path, fileBytes, chunksOf(header, sizes, content.tensors));
  return fileBytes;
}

function layout({ metadata, tensors }: SafetensorsContent) {
  const fields: [string, unknown][] = [];
  if (metadata.size > 0) fields.push(['__metadata__', Object.fromEntries(metadata)]);
  const names = new Set(['__metadata__']);
  const sizes: number[] = [];
  let end = 0;
  for (const { name, dtype, shape } of tensors) {
    if (names.has(name)) throw new SafetensorsError(`the tensor ${shown(name)} is there twice`);
    names.add(name);
    const bytes = bytesOfTensor(`the tensor ${shown(name)}`, dtype, shape);
    fields.push([name, { dtype, shape, data_offsets: [end, end + bytes] }]);
    sizes.push(bytes);
    end += bytes;
  }
  // Written field by field: an object would put names that look like numbers first.
  const json = `{${fields.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(',')}}`;
  const text = Buffer.from(json);
  // Spaces behind the JSON let the data begin at a multiple of 8, as the reference does.
  const header = Buffer.alloc(LENGTH_BYTES + Math.ceil(text.length / 8) * 8, ' ');
  header.writeBigUInt64LE(BigInt(header.length - LENGTH_BYTES));
  text.copy(header, LENGTH_BYTES);
  return { header, sizes, fileBytes: header.length + end };
}

async function* chunksOf(
  header: Buffer,
  sizes: readonly number[],
  tensors: readonly SafetensorSource[],
): AsyncGenerator<Uint8Array> {
  yield header;
  for (const [i, tensor] of tensors.entries()) {
    const bytes = sizes[i]!;
    const wrong = (much: string) =>
      new SafetensorsError(`the tensor ${shown(tensor.name)} gave ${much} the ${bytes} bytes of its shape`);
    yield* exactlyBytes(tensor.data(), bytes, wrong);
  }
}
