import { open } from 'node:fs/promises';
import { tensorOf } from '../../core/techniques/pruning/plan.js';
import { copyGguf } from '../../formats/gguf/copy.js';
import { readGgufHeader } from '../../formats/gguf/header.js';

/** The word that a file was pruned by. */
export const SPARSITY_KEY = 'ridgepoint.sparsity';

/** A copy of a model whose layers are overwritten one by one, in any order. */
export interface PrunedFile {
  /** Overwrites the weights of a layer, or of one expert of it. @param bytes as many as it had, in its type. */
  write(name: string, bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** Copies a model and opens the copy for overwriting; memory holds one chunk. */
export async function copyForPruning(input: string, output: string, word: string): Promise<PrunedFile> {
  await copyGguf(input, output, { metadata: new Map([[SPARSITY_KEY, { type: 'string', value: word }]]) });
  const tensors = new Map(readGgufHeader(output).tensors.map((tensor) => [tensor.name, tensor]));
  const file = await open(output, 'r+');
  return {
    async write(name, bytes) {
      const { tensor: of, expert } = tensorOf(name);
      const tensor = tensors.get(of);
      const each = expert === null ? tensor?.bytes : (tensor?.bytes ?? 0) / (tensor?.shape[2] ?? 1);
      if (tensor === undefined || each !== bytes.length)
        throw new Error(`${name} does not have ${bytes.length} bytes`);
      const start = tensor.offset + (expert ?? 0) * each;
      for (let at = 0; at < bytes.length; ) {
        at += (await file.write(bytes, at, bytes.length - at, start + at)).bytesWritten;
      }
    },
    close: () => file.close(),
  };
}
