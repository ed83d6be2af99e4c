import { tensorOf } from '../../core/techniques/pruning/plan.js';
import type { ChannelStatistics } from '../../core/techniques/pruning/statistics.js';
import type { GgufValue } from '../../formats/gguf/value.js';
import { type TensorSource, writeGguf } from '../../formats/gguf/writer.js';
import { type SavedStatistics, seenOf } from './saved.js';

/**
 * Writes statistics as an importance matrix of llama.cpp in its GGUF form (tools/imatrix, `save_imatrix`):
 * for every matrix the sums of the squares of its inputs, and how many tokens they are of; of experts, one
 * row of each for every expert. The same bytes as llama-imatrix's, but for what its f32 sums round away.
 * @throws FailureError `disk-full`.
 */
export async function writeImportanceMatrix(
  path: string,
  { origin, layers }: SavedStatistics,
): Promise<void> {
  const metadata = new Map<string, GgufValue>([
    ['general.type', { type: 'string', value: 'imatrix' }],
    ['imatrix.datasets', { type: 'array', of: 'string', values: [origin.textName] }],
    ['imatrix.chunk_count', { type: 'u32', value: seenOf(layers).sequences }],
    ['imatrix.chunk_size', { type: 'u32', value: origin.sequenceTokens }],
  ]);
  const tensors = byTensor(layers);
  const names = [...tensors.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  await writeGguf(path, { metadata, tensors: names.flatMap((name) => entry(name, tensors.get(name)!)) });
}

/** The matrices of each tensor: one, or its experts in their order. */
function byTensor(layers: SavedStatistics['layers']): ReadonlyMap<string, readonly ChannelStatistics[]> {
  const tensors = new Map<string, ChannelStatistics[]>();
  for (const [name, statistics] of layers) {
    const { tensor, expert } = tensorOf(name);
    const matrices = tensors.get(tensor) ?? [];
    matrices[expert ?? 0] = statistics;
    tensors.set(tensor, matrices);
  }
  return tensors;
}

function entry(name: string, matrices: readonly ChannelStatistics[]): TensorSource[] {
  const columns = matrices[0]!.squaresPerSequence.length;
  const sums = new Float32Array(matrices.length * columns);
  for (const [expert, { squaresPerSequence, sequences }] of matrices.entries())
    squaresPerSequence.forEach((mean, j) => {
      sums[expert * columns + j] = mean * sequences;
    });
  const counts = Float32Array.from(matrices, ({ tokens }) => tokens);
  // ggml writes no last dimension of 1.
  const experts = matrices.length > 1 ? [matrices.length] : [];
  const summed = floats(`${name}.in_sum2`, [columns, ...experts], sums);
  return [summed, floats(`${name}.counts`, [1, ...experts], counts)];
}

function floats(name: string, shape: readonly number[], values: Float32Array): TensorSource {
  const { buffer, byteOffset, byteLength } = values;
  return { name, type: 'f32', shape, data: () => [new Uint8Array(buffer, byteOffset, byteLength)] };
}
