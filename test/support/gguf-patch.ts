import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './ridge.js';

/** @returns the bytes of the smaller shipped model, to be damaged. */
export function tinyModel(): Buffer {
  return readFileSync(join(ROOT, 'models/tiny-f16.gguf'));
}

/** Where the bytes of a key's value begin: after its name and the four bytes of its type. */
function startOfValue(bytes: Buffer, key: string): number {
  const at = bytes.indexOf(key);
  if (at < 0) throw new Error(`the model has no ${key}`);
  return at + key.length + 4;
}

/** @returns a copy that calls itself by another word of the same length, in every key when `everywhere`. */
export function withArchitecture(bytes: Buffer, word: string, everywhere: boolean): Buffer {
  const copy = Buffer.from(bytes);
  const at = startOfValue(bytes, 'general.architecture') + 8;
  const old = bytes.toString('latin1', at, at + word.length);
  copy.write(word, at, 'latin1');
  if (!everywhere) return copy;
  for (let i = copy.indexOf(`${old}.`); i >= 0; i = copy.indexOf(`${old}.`, i)) copy.write(word, i, 'latin1');
  return copy;
}

/** @returns where the metadata, the tensor infos and the tensor data of the shipped models begin. */
export function sectionsOf(bytes: Buffer): { metadata: number; tensorInfos: number; data: number } {
  // After a name: the number of dimensions, two of them, the type, the offset.
  const infoEnd = bytes.lastIndexOf('.weight') + '.weight'.length + 4 + 2 * 8 + 4 + 8;
  return {
    metadata: 24,
    tensorInfos: bytes.indexOf('token_embd.weight') - 8,
    data: Math.ceil(infoEnd / 32) * 32,
  };
}
