import type { GgufValue } from '../../formats/gguf/value.js';
import { type TensorSource, writeGguf } from '../../formats/gguf/writer.js';
import type { SavedStatistics } from './saved.js';

/**
 * Writes statistics as an importance matrix of llama.cpp in its GGUF form (tools/imatrix, `save_imatrix`): for every
 * matrix the sums of the squares of its inputs, and how many tokens they are of. The same bytes as llama-imatrix's, but
 * for what its f32 sums round away.
 * @throws FailureError `disk-full`.
 */
export async function writeImportanceMatrix(
  path: string,
  { origin, layers }: SavedStatistics,
): Promise<void> {
  const [first] = layers.values();
  const metadata = new Map<string, GgufValue>([
    ['general.type', { type: 'string', value: 'imatrix' }],
    ['imatrix.datasets', { type: 'array', of: 'string', values: [origin.textName] }],
    ['imatrix.chunk_count', { type: 'u32', value: first?.sequences ?? 0 }],
    ['imatrix.chunk_size', { type: 'u32', value: origin.sequenceTokens }],
  ]);
  const names = [...layers.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  const tensors = names.flatMap((name): TensorSource[] => {
    const { squaresPerSequence, sequences, tokens } = layers.get(name)!;
    const sums = squaresPerSequence.map((mean) => mean * sequences);
    return [vector(`${name}.in_sum2`, sums), vector(`${name}.counts`, Float32Array.of(tokens))];
  });
  await writeGguf(path, { metadata, tensors });
}

function vector(name: string, values: Float32Array): TensorSource {
  return {
    name,
    type: 'f32',
    shape: [values.length],
    data: () => [new Uint8Array(values.buffer, values.byteOffset, values.byteLength)],
  };
}
