import { open } from 'node:fs/promises';
import { copyGguf } from '../../formats/gguf/copy.js';
import { matricesOf } from '../../formats/gguf/experts.js';
import { readGgufHeader } from '../../formats/gguf/header.js';

/** The word that a file was pruned by. */
const SPARSITY_KEY = 'ridgepoint.sparsity';

/** A copy of a model whose layers are overwritten one by one, in any order. */
export interface OverwrittenFile {
  /**
   * Overwrites the weights of a layer, or of one expert of it. @param bytes as many as it had, in its type.
   */
  write(name: string, bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** Copies a model and opens the copy for overwriting; memory holds one chunk. */
export async function copyForPruning(
  input: string,
  output: string,
  setting: string,
): Promise<OverwrittenFile> {
  await copyGguf(input, output, { metadata: new Map([[SPARSITY_KEY, { type: 'string', value: setting }]]) });
  return await openMatrices(output);
}

/** Opens a model for overwriting. */
export async function openMatrices(path: string): Promise<OverwrittenFile> {
  const all = readGgufHeader(path).tensors.flatMap(matricesOf);
  const matrices = new Map(all.map((matrix) => [matrix.name, matrix]));
  const file = await open(path, 'r+');
  return {
    async write(name, bytes) {
      const matrix = matrices.get(name);
      if (matrix?.bytes !== bytes.length) throw new Error(`${name} does not have ${bytes.length} bytes`);
      for (let at = 0; at < bytes.length; )
        at += (await file.write(bytes, at, bytes.length - at, matrix.offset + at)).bytesWritten;
    },
    close: () => file.close(),
  };
}
