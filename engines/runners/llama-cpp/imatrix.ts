import { basename } from 'node:path';
import { FailureError, failed } from '../../../core/errors.js';
import { fileProblem } from '../../../core/input/file-problem.js';
import { shown } from '../../../formats/format.js';
import { readMetadataValue } from '../../../formats/gguf/copy.js';
import { type FileTensor, type GgufFile, readGgufHeader } from '../../../formats/gguf/header.js';
import { GgufError } from '../../../formats/gguf/reader.js';
import { readTensor } from '../../../formats/tensor-data.js';

/** An importance matrix as the quantizer takes it: what llama-imatrix wrote, each sum over its count. */
export interface ImportanceMatrix {
  /** Mean squares of the inputs of a matrix, by its name; the inputs of each expert one after the other. */
  readonly means: ReadonlyMap<string, Float32Array>;
  /** Experts' matrices of which no token was counted: all of their inputs weigh alike. */
  readonly uncounted: { readonly matrices: number; readonly of: number };
  /** The first text it was made of, as its maker named it. */
  readonly dataset: string | null;
  /** Pieces of text it was made of; 0 when the file does not say. */
  readonly chunks: number;
}

/** llama.cpp common/imatrix-loader.h. */
const KEYS = {
  datasets: 'imatrix.datasets',
  chunks: 'imatrix.chunk_count',
  chunkTokens: 'imatrix.chunk_size',
} as const;
const SUMS = '.in_sum2';
const COUNTS = '.counts';

/**
 * Reads an importance matrix in GGUF form. Numbers come out as tools/quantize/quantize.cpp (load_imatrix)
 * has them: f32 sums over f32 counts, ones where nothing was counted.
 * @throws FailureError `artifact-failed` for a file that is none.
 */
export async function readImportanceMatrix(path: string): Promise<ImportanceMatrix> {
  try {
    const header = readGgufHeader(path);
    for (const key of Object.values(KEYS)) {
      if (!header.metadata.has(key)) throw new GgufError(`it has no ${key}`);
    }
    const means = new Map<string, Float32Array>();
    const uncounted = { matrices: 0, of: 0 };
    for (const [name, { sums, counts: tensor }] of pairsOf(header)) {
      const counts = await floats(tensor);
      means.set(name, meansOf(name, await floats(sums), counts));
      if (counts.length === 1) continue;
      uncounted.of += counts.length;
      uncounted.matrices += counts.filter((count) => count === 0).length;
    }
    if (means.size === 0) throw new GgufError('it holds no sums');
    const datasets = await readMetadataValue(path, KEYS.datasets);
    const [dataset] = datasets?.type === 'array' ? datasets.values : [];
    const chunks = header.metadata.get(KEYS.chunks);
    return {
      means,
      uncounted,
      dataset: typeof dataset === 'string' ? dataset : null,
      chunks: typeof chunks === 'number' ? chunks : 0,
    };
  } catch (error) {
    if (error instanceof FailureError) throw error;
    const hint = 'Make one with llama-imatrix (--output-format gguf) or `ridge calibrate`.';
    const message = `${basename(path)} is no importance matrix: ${fileProblem(error)}`;
    throw failed('artifact-failed', message, hint, { cause: error });
  }
}

interface Pair {
  readonly sums: FileTensor;
  readonly counts: FileTensor;
}

function pairsOf({ tensors }: GgufFile): ReadonlyMap<string, Pair> {
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const pairs = new Map<string, Pair>();
  for (const sums of tensors.filter(({ name }) => name.endsWith(SUMS))) {
    const name = sums.name.slice(0, -SUMS.length);
    const counts = byName.get(`${name}${COUNTS}`);
    if (counts === undefined) throw new GgufError(`it has sums of ${shown(name)} without counts`);
    if (sums.type !== 'f32' || counts.type !== 'f32')
      throw new GgufError(`its numbers for ${shown(name)} are no f32`);
    pairs.set(name, { sums, counts });
  }
  return pairs;
}

function meansOf(name: string, sums: Float32Array, counts: Float32Array): Float32Array {
  const width = sums.length / counts.length;
  if (!Number.isInteger(width)) {
    throw new GgufError(`it has ${sums.length} sums and ${counts.length} counts for ${shown(name)}`);
  }
  // Both are f32 and the quotient is rounded once: division in f64 between them changes no bit.
  return sums.map((sum, i) => {
    const count = Math.round(counts[Math.floor(i / width)]!);
    return count > 0 ? sum / count : 1;
  });
}

async function floats(tensor: FileTensor): Promise<Float32Array> {
  const chunks: Buffer[] = [];
  for await (const chunk of readTensor(tensor)) chunks.push(chunk);
  return new Float32Array(new Uint8Array(Buffer.concat(chunks)).buffer);
}
