import { FLOAT_BYTES, isFloatType } from '../../../core/techniques/float-types.js';
import { FormatError } from '../../../formats/format.js';
import { readSpan } from '../../../formats/gguf/copy.js';
import { type FileTensor, type GgufFile, readGgufHeader } from '../../../formats/gguf/header.js';
import { decodeValue, type GgufValue } from '../../../formats/gguf/value.js';
import { readMatrix } from '../../../formats/tensor-matrix.js';
import type { Keys } from '../safetensors-to-gguf/architecture.js';
import { Shards } from '../safetensors-to-gguf/folder.js';
import type { Weights } from '../safetensors-to-gguf/weights.js';

/** More numbers than any table of frequencies has. */
const SMALL = 65_536;

/** A GGUF file whose weights are floats, or blocks of MXFP4, opened to be read piece by piece. */
export interface OpenedFile {
  readonly header: GgufFile;
  readonly architecture: string;
  /** All keys that begin with `tokenizer.`, whole. */
  readonly tokenizer: ReadonlyMap<string, GgufValue>;
  readonly keys: Keys;
  readonly weights: (tensor: FileTensor) => Weights;
  readonly close: () => Promise<void>;
}

/** @throws FormatError for a file that is no model. */
export async function openFile(path: string): Promise<OpenedFile> {
  const header = readGgufHeader(path);
  const architecture = header.metadata.get('general.architecture');
  if (typeof architecture !== 'string') throw new FormatError('it does not say its architecture');
  const tokenizer = new Map<string, GgufValue>();
  for (const [key, span] of header.spans)
    if (key.startsWith('tokenizer.')) tokenizer.set(key, decodeValue(await readSpan(path, span)));
  const small = new Map<string, readonly number[]>();
  for (const tensor of header.tensors)
    if (tensor.name.startsWith('rope_') && tensor.bytes < SMALL && isFloatType(tensor.type)) {
      const row = { type: tensor.type, rows: 1, columns: tensor.bytes / FLOAT_BYTES[tensor.type] };
      small.set(tensor.name, [...(await readMatrix({ ...tensor, ...row })).values]);
    }
  const names = new Set(header.tensors.map(({ name }) => name));
  const value = (key: string) => header.metadata.get(`${architecture}.${key}`);
  const shards = new Shards();
  return {
    header,
    architecture,
    tokenizer,
    keys: {
      number(key) {
        const found = value(key);
        return typeof found === 'number' ? short(found) : null;
      },
      text(key) {
        const found = value(key);
        return typeof found === 'string' ? found : null;
      },
      flag: (key) => value(key) === true,
      rows: (name) => header.tensors.find((tensor) => tensor.name === name)?.shape[1] ?? null,
      has: (name) => names.has(name),
      values: (name) => small.get(name) ?? null,
    },
    weights({ name, type, shape, offset, bytes, path: file }) {
      const dtype = type.toUpperCase();
      const tensor = { name, dtype, shape: [...shape].reverse(), offset, bytes, path: file };
      return type === 'mxfp4' ? shards.stored(tensor, type) : shards.weights(tensor);
    },
    close: () => shards.close(),
  };
}

/**
 * @returns the shortest number that float32 rounds to the same: 1e-5 was written, and 0.000009999999747378752
 *   is in the file.
 */
function short(value: number): number {
  if (Number.isInteger(value)) return value;
  for (let digits = 1; digits < 10; digits++) {
    const rounded = Number(value.toPrecision(digits));
    if (Math.fround(rounded) === Math.fround(value)) return rounded;
  }
  return value;
}
