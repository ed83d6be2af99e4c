import type { PackedManifest } from '../../artifacts/files/packed-file.js';
import { decodeFloats } from '../../core/techniques/float-types.js';
import type { PackedFormat, PackedMatrix } from '../../core/techniques/packing/packed.js';
import type { PackedValues } from '../../core/techniques/packing/values.js';
import type { Matrix } from '../../core/techniques/pruning/matrix.js';
import { openSafetensors } from '../../formats/safetensors/reader.js';
import { readTensor } from '../../formats/tensor-data.js';

/** Opens a file that writePacked wrote, to look at what is in it. */
export function openPacked(path: string) {
  const { metadata, tensors } = openSafetensors(path);
  const manifest = JSON.parse(metadata.get('ridgepoint.packed')!) as PackedManifest;
  const bytesOf = async (name: string) => {
    const tensor = tensors.get(name);
    return tensor === undefined ? null : await whole(readTensor(tensor));
  };
  return {
    manifest,
    async read(name: string): Promise<PackedMatrix> {
      const { rows, columns } = manifest.matrices.find((matrix) => matrix.name === name)!;
      const { format, type } = manifest;
      const [index, starts, scales, values] = await Promise.all(
        ['index', 'starts', 'scales', 'values'].map((part) => bytesOf(`${name}.${part}`)),
      );
      const words = (bytes: Uint8Array) => new Uint8Array(bytes).buffer;
      return {
        format,
        rows,
        columns,
        index: new Uint8Array(index!),
        starts: starts
          ? new Uint32Array(words(starts))
          : Uint32Array.from({ length: rows + 1 }, (_, row) => (row * columns) / 2),
        values: {
          type,
          bytes: new Uint8Array(values!),
          scales: scales ? new Float32Array(words(scales)) : null,
        },
      };
    },
  };
}

/** @returns the dense matrix, its kept weights as their type rounded them. */
export function unpackMatrix(packed: PackedMatrix): Matrix {
  const { rows, columns, format, index, starts } = packed;
  const kept = unpackValues(packed.values, starts);
  const matrix = { rows, columns, values: new Float32Array(rows * columns) };
  let at = 0;
  forEachKept(format, index, starts, columns, (position) => {
    matrix.values[position] = kept[at++]!;
  });
  return matrix;
}

/** Calls `visit` with the position in the dense matrix of every kept weight, in order. */
function forEachKept(
  format: PackedFormat,
  index: Uint8Array,
  starts: Uint32Array,
  columns: number,
  visit: (position: number) => void,
): void {
  const rows = starts.length - 1;
  if (format === 'csr') {
    const places = new Uint16Array(index.slice().buffer);
    for (let row = 0; row < rows; row++) {
      for (let i = starts[row]!; i < starts[row + 1]!; i++) visit(row * columns + places[i]!);
    }
    return;
  }
  const rowBytes = format === 'bitmap' ? Math.ceil(columns / 64) * 8 : Math.ceil(columns / 8);
  for (let row = 0; row < rows; row++) {
    if (format === 'bitmap') {
      for (let c = 0; c < columns; c++) {
        if (((index[row * rowBytes + (c >> 3)]! >> (c & 7)) & 1) === 1) visit(row * columns + c);
      }
      continue;
    }
    for (let start = 0; start < columns; start += 4) {
      const byte = index[row * rowBytes + (start >> 3)]!;
      const nibble = (start & 4) === 0 ? byte & 15 : byte >> 4;
      visit(row * columns + start + (nibble & 3));
      visit(row * columns + start + (nibble >> 2));
    }
  }
}

/** The inverse of packValues, up to the rounding of the type. */
function unpackValues({ type, bytes, scales }: PackedValues, starts: Uint32Array): Float32Array {
  if (type !== 'int8') return decodeFloats(bytes, type);
  const integers = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  const kept = new Float32Array(integers.length);
  for (let row = 0; row + 1 < starts.length; row++) {
    const scale = scales![row]!;
    for (let i = starts[row]!; i < starts[row + 1]!; i++) kept[i] = integers[i]! * scale;
  }
  return kept;
}

async function whole(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk.slice());
  return Buffer.concat(parts);
}
