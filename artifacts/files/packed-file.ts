import { z } from 'zod';
import { FailureError, failure } from '../../core/errors.js';
import {
  PACKED_FORMATS,
  type PackedFormat,
  type PackedMatrix,
} from '../../core/techniques/packing/packed.js';
import { PACKED_TYPES, type PackedType } from '../../core/techniques/packing/values.js';
import { SafetensorsError } from '../../formats/safetensors/json.js';
import { openSafetensors, readSafetensor, type SafetensorsModel } from '../../formats/safetensors/reader.js';
import { type SafetensorSource, writeSafetensors } from '../../formats/safetensors/writer.js';

/** What the metadata of a packed file says, under the key `ridgepoint.packed`. */
const manifestSchema = z.object({
  version: z.literal(1),
  format: z.enum(PACKED_FORMATS),
  type: z.enum(PACKED_TYPES),
  matrices: z.array(
    z.object({
      name: z.string(),
      rows: z.number().int().positive(),
      columns: z.number().int().positive(),
      kept: z.number().int().nonnegative(),
    }),
  ),
});
export type PackedManifest = z.infer<typeof manifestSchema>;

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
 * Writes packed matrices as one safetensors file: for each `NAME.values`, `NAME.index`, `NAME.starts` (not of 2:4)
 * and `NAME.scales` (int8). Memory holds one packed matrix.
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

/** Parts of a matrix in file order, the widest elements first so that each begins at a multiple of its own. */
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

export interface PackedFile {
  readonly manifest: PackedManifest;
  /** Reads one matrix whole. @throws FailureError `model-unreadable` for one that is not there or damaged. */
  read(name: string): Promise<PackedMatrix>;
}

/** Opens a file that writePacked wrote. @throws FailureError `model-unreadable` for any other file. */
export function openPacked(path: string): PackedFile {
  const model = open(path);
  const manifest = manifestOf(model, path);
  return {
    manifest,
    async read(name) {
      const found = manifest.matrices.find((matrix) => matrix.name === name);
      if (found === undefined) throw unreadable(path, `it has no matrix ${JSON.stringify(name)}`);
      return await readMatrix(path, model, manifest, found);
    },
  };
}

function open(path: string): SafetensorsModel {
  try {
    return openSafetensors(path);
  } catch (error) {
    if (error instanceof SafetensorsError) throw unreadable(path, error.message);
    throw error;
  }
}

function manifestOf({ metadata }: SafetensorsModel, path: string): PackedManifest {
  try {
    return manifestSchema.parse(JSON.parse(metadata.get(KEY) ?? ''));
  } catch {
    throw unreadable(path, `it says nothing that can be understood under ${KEY}`);
  }
}

async function readMatrix(
  path: string,
  { tensors }: SafetensorsModel,
  { format, type }: PackedManifest,
  matrix: PackedManifest['matrices'][number],
): Promise<PackedMatrix> {
  const parts = new Map<Part, Uint8Array>();
  for (const { part, dtype, shape } of partsOf(matrix, format, type)) {
    const tensor = tensors.get(`${matrix.name}.${part}`);
    if (tensor?.dtype !== dtype || tensor.shape.join() !== shape.join())
      throw unreadable(path, `${matrix.name}.${part} is not ${dtype} [${shape.join(', ')}]`);
    const bytes = new Uint8Array(tensor.bytes);
    let at = 0;
    for await (const chunk of readSafetensor(tensor)) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    parts.set(part, bytes);
  }
  const { rows, columns, kept } = matrix;
  const starts = parts.has('starts')
    ? new Uint32Array(parts.get('starts')!.buffer)
    : Uint32Array.from({ length: rows + 1 }, (_, row) => (row * columns) / 2);
  if (starts[rows] !== kept || starts.some((start, row) => row > 0 && start < starts[row - 1]!))
    throw unreadable(path, `the row starts of ${matrix.name} do not ascend to ${kept}`);
  const scales = parts.has('scales') ? new Float32Array(parts.get('scales')!.buffer) : null;
  const values = { type, bytes: parts.get('values')!, scales };
  return { format, rows, columns, index: parts.get('index')!, starts, values };
}

function unreadable(path: string, why: string): FailureError {
  const hint = 'Write it again with ridge prune --packed.';
  return new FailureError(failure('model-unreadable', `${path} is no packed model: ${why}`, { hint }));
}
