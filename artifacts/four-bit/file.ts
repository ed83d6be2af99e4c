import { fileType } from '../../core/techniques/file-types.js';
import { tensorOf } from '../../core/techniques/pruning/plan.js';
import { copyGguf, type GgufChanges } from '../../formats/gguf/copy.js';
import { readGgufHeader } from '../../formats/gguf/header.js';
import { bytesOfTensor, typeNamed } from '../../formats/gguf/tensor-bytes.js';
import type { GgufValue } from '../../formats/gguf/value.js';
import type { LinearLayer } from '../pruning/linear-layers.js';
import { type OverwrittenFile, openMatrices } from '../pruning/pruned-file.js';

/** The word that a file was quantized by. */
const QUANTIZATION_KEY = 'ridgepoint.quantization';
const ZEROS = new Uint8Array(2 ** 20);

/**
 * Copies a model and opens the copy for overwriting.
 * @param stored layers that get MXFP4’s blocks in the place of floats; the others keep their type.
 */
export async function copyForFourBits(
  input: string,
  output: string,
  setting: string,
  stored: readonly LinearLayer[],
): Promise<OverwrittenFile> {
  const metadata = new Map<string, GgufValue>([[QUANTIZATION_KEY, { type: 'string', value: setting }]]);
  if (stored.length > 0)
    metadata.set('general.file_type', { type: 'u32', value: fileType('mxfp4_moe')!.number });
  await copyGguf(input, output, { metadata, tensors: placeholders(input, stored) });
  return await openMatrices(output);
}

/** @returns tensors of zeros, as large as the blocks that take their place. */
function placeholders(input: string, stored: readonly LinearLayer[]): NonNullable<GgufChanges['tensors']> {
  const wanted = new Set(stored.map(({ name }) => tensorOf(name).tensor));
  const tensors = readGgufHeader(input).tensors.filter(({ name }) => wanted.has(name));
  return new Map(
    tensors.map(({ name, shape }) => {
      const bytes = bytesOfTensor(name, typeNamed('mxfp4'), shape);
      return [name, { type: 'mxfp4', shape, data: () => zeros(bytes) }];
    }),
  );
}

function* zeros(bytes: number): Generator<Uint8Array> {
  for (let left = bytes; left > 0; left -= ZEROS.length)
    yield ZEROS.subarray(0, Math.min(left, ZEROS.length));
}
