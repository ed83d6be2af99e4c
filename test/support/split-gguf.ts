import { basename, join } from 'node:path';
import { partPath } from '../../core/models/parts.js';
import { readSpan } from '../../formats/gguf/copy.js';
import { readGgufHeader } from '../../formats/gguf/header.js';
import type { GgufValue } from '../../formats/gguf/value.js';
import { writeGguf } from '../../formats/gguf/writer.js';
import { readTensor } from '../../formats/tensor-data.js';

/**
 * Splits a model as llama-gguf-split does (llama.cpp, tools/gguf-split): the first part has the metadata,
 * each an equal share of the tensors.
 * @returns the paths of the parts.
 */
export async function splitGguf(input: string, folder: string, count: number): Promise<readonly string[]> {
  const { tensors, spans } = readGgufHeader(input);
  const metadata = new Map<string, GgufValue>();
  for (const [key, span] of spans) metadata.set(key, { type: 'encoded', bytes: await readSpan(input, span) });
  const share = Math.ceil(tensors.length / count);
  const paths = Array.from({ length: count }, (_, i) =>
    partPath(join(folder, basename(input)), i + 1, count),
  );
  for (const [i, path] of paths.entries()) {
    const split: [string, GgufValue][] = [
      ['split.no', { type: 'u16', value: i }],
      ['split.count', { type: 'u16', value: count }],
      ['split.tensors.count', { type: 'i32', value: tensors.length }],
    ];
    const own = tensors.slice(i * share, (i + 1) * share);
    await writeGguf(path, {
      metadata: new Map([...(i === 0 ? metadata : []), ...split]),
      tensors: own.map((tensor) => ({ ...tensor, data: () => readTensor(tensor) })),
    });
  }
  return paths;
}
