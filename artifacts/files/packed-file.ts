import type { PackedFormat, PackedMatrix } from '../../core/techniques/packing/packed.js';
import type { PackedType } from '../../core/techniques/packing/values.js';
import { type SafetensorSource, writeSafetensors } from '../../formats/safetensors/writer.js';

/** What the metadata of a packed file says, under the key `ridgepoint.packed`. */
export interface PackedManifest {
  readonly version: 1;
  readonly format: PackedFormat;
  readonly type: PackedType;
  readonly matrices: readonly Pick<PackedSource, 'name' | 'rows' | 'columns' | 'kept'>[];
}

const KEY = 'ridgepoint.packed';
const DTYPES: Readonly<Record<PackedType, string>> = { f32: 'F32', f16: 'F16', bf16: 'BF16', int8: 'I8' };

/** A matrix that is packed when its turn to be written comes. */
export interface PackedSource {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  /** Weights that are not zero; of 2:4 the places there are for them. */
  readonly kept: number;
  pack(): Promise<PackedMatrix> | PackedMatrix;
}

/**
 * Writes packed matrices as one safetensors file: for each `NAME.values`, `NAME.index`, `NAME.starts` (not of
 * 2:4) and `NAME.scales` (int8). Memory holds one packed matrix.
 * @returns the bytes of the file.
 */
export async function writePacked(
  path: string,
  format: PackedFormat,
  type: PackedType,
  sources: readonly PackedSource[],
): Promise<number> {
  const matrices = sources.map(({ name, rows, columns, kept }) => ({ name, rows, columns, kept }));
  const manifest: PackedManifest = { version: 1, format, type, matrices };
  return await writeSafetensors(path, {
    metadata: new Map([[KEY, JSON.stringify(manifest)]]),
    tensors: sources.flatMap((source) => tensorsOf(source, format, type)),
  });
}

/** Parts of one matrix are asked for one after the other: it is packed once, at the first. */
function tensorsOf(source: PackedSource, format: PackedFormat, type: PackedType): SafetensorSource[] {
  let packed: PackedMatrix | null = null;
  const { name, rows, kept } = source;
  const parts = partsOf(source, format, type);
  return parts.map(({ part, dtype, shape }, i) => ({
    name: `${name}.${part}`,
    dtype,
    shape,
    async *data() {
      packed ??= await source.pack();
      if (packed.starts[rows] !== kept) throw new Error(`${name} keeps ${packed.starts[rows]}, not ${kept}`);
      const bytes = bytesOf(packed, part);
      if (i === parts.length - 1) packed = null;
      yield bytes;
    },
  }));
}

type Part = 'values' | 'index' | 'starts' | 'scales';

/**
 * Parts of a matrix in file order, the widest elements first so that each begins at a multiple of its own.
 */
function partsOf(
  { rows, columns, kept }: Omit<PackedSource, 'name' | 'pack'>,
  format: PackedFormat,
  type: PackedType,
): { readonly part: Part; readonly dtype: string; readonly shape: readonly number[] }[] {
  const index = {
    bitmap: { dtype: 'U64', shape: [rows, Math.ceil(columns / 64)] },
    '2:4': { dtype: 'U8', shape: [rows, Math.ceil(columns / 8)] },
    csr: { dtype: 'U16', shape: [kept] },
  }[format];
  return [
    { part: 'index', ...index },
    ...(format === '2:4' ? [] : [{ part: 'starts' as const, dtype: 'U32', shape: [rows + 1] }]),
    ...(type === 'int8' ? [{ part: 'scales' as const, dtype: 'F32', shape: [rows] }] : []),
    { part: 'values', dtype: DTYPES[type], shape: [kept] },
  ];
}

function bytesOf({ index, starts, values }: PackedMatrix, part: Part): Uint8Array {
  if (part === 'index') return index;
  if (part === 'values') return values.bytes;
  const words = part === 'starts' ? starts : values.scales!;
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}
