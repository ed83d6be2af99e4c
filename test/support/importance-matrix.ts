import { readGgufHeader } from '../../formats/gguf/header.js';
import type { GgufValue } from '../../formats/gguf/value.js';
import { type TensorSource, writeGguf } from '../../formats/gguf/writer.js';

/**
 * Writes an importance matrix for every matrix of the blocks of a model, in the form of llama-imatrix. The
 * numbers are made up, the same every time: sums 1, 2, … 7, 1, … over four tokens.
 */
export async function writeMadeUpMatrix(model: string, path: string): Promise<void> {
  const matrices = readGgufHeader(model).tensors.filter(
    ({ name, shape }) => name.startsWith('blk.') && shape.length === 2,
  );
  const floats = (name: string, values: Float32Array): TensorSource => ({
    name,
    type: 'f32',
    shape: [values.length],
    data: () => [new Uint8Array(values.buffer)],
  });
  const metadata = new Map<string, GgufValue>([
    ['general.type', { type: 'string', value: 'imatrix' }],
    ['imatrix.datasets', { type: 'array', of: 'string', values: ['made up'] }],
    ['imatrix.chunk_count', { type: 'u32', value: 3 }],
    ['imatrix.chunk_size', { type: 'u32', value: 512 }],
  ]);
  const tensors = matrices.flatMap(({ name, shape: [width = 0] }) => [
    floats(
      `${name}.in_sum2`,
      Float32Array.from({ length: width }, (_, i) => 1 + (i % 7)),
    ),
    floats(`${name}.counts`, Float32Array.of(4)),
  ]);
  await writeGguf(path, { metadata, tensors });
}
