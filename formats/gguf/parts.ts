import { basename } from 'node:path';
import { partName } from '../../core/models/parts.js';
import { shown } from '../format.js';
import type { GgufHeader, TensorInfo } from './header.js';
import { GgufError } from './reader.js';

/**
 * Keys of a file that is one of several (llama.cpp, tools/gguf-split): its index from 0, and how many there
 * are.
 */
const INDEX = 'split.no';
const COUNT = 'split.count';
const TENSORS = 'split.tensors.count';
const TOGETHER =
  'Put all parts of the model beside each other, under the names that they were published with.';

/**
 * Tells which files hold the rest of a model by what its first file says and is called.
 * @returns their paths, in order; none for a model of one file.
 * @throws GgufError for a file that is not the first, or whose name does not lead to the others.
 */
export function otherParts(path: string, { metadata }: Pick<GgufHeader, 'metadata'>): readonly string[] {
  const count = metadata.get(COUNT);
  if (typeof count !== 'number' || count <= 1) return [];
  const index = metadata.get(INDEX);
  const part = partName(path);
  if (typeof index !== 'number')
    throw new GgufError(`it is one of ${count} parts of a model, and does not say which`);
  if (index !== 0) {
    const first = part === null ? 'the first part' : basename(part.pathOf(1));
    throw new GgufError(`it is part ${index + 1} of ${count} of a model`, `Name ${first} instead.`);
  }
  if (part?.number !== 1 || part.count !== count) {
    const named = `NAME-00001-of-${String(count).padStart(5, '0')}.gguf`;
    throw new GgufError(`it is the first of ${count} parts, and is not called ${named}`, TOGETHER);
  }
  return Array.from({ length: count - 1 }, (_, i) => part.pathOf(i + 2));
}

/** @returns what to throw for a part that is not there. */
export function missingPart(path: string): GgufError {
  const { number = 0, count = 0 } = partName(path) ?? {};
  return new GgufError(`part ${number} of ${count} is missing: ${basename(path)}`, TOGETHER);
}

/**
 * Joins the headers of all parts into that of the model, which then says nothing of parts.
 * @param parts in order, each with its path.
 * @throws GgufError when they are not parts of one model.
 */
export function joinParts<Tensor extends TensorInfo>(
  parts: readonly { readonly path: string; readonly header: GgufHeader & { tensors: readonly Tensor[] } }[],
): GgufHeader & { readonly tensors: readonly Tensor[] } {
  const { header: first } = parts[0]!;
  if (parts.length === 1) return first;
  parts.forEach(({ path, header: { metadata } }, i) => {
    if (metadata.get(INDEX) === i && metadata.get(COUNT) === parts.length) return;
    throw new GgufError(`${basename(path)} is not part ${i + 1} of ${parts.length}`, TOGETHER);
  });
  const tensors = parts.flatMap(({ header }) => header.tensors);
  const names = new Set<string>();
  for (const { name } of tensors) {
    if (names.has(name)) throw new GgufError(`the tensor ${shown(name)} is in two parts`, TOGETHER);
    names.add(name);
  }
  const promised = first.metadata.get(TENSORS);
  if (typeof promised === 'number' && promised !== tensors.length)
    throw new GgufError(`its parts have ${tensors.length} of ${promised} tensors`, TOGETHER);
  const withoutPartKeys = <T>(entries: ReadonlyMap<string, T>) =>
    new Map([...entries].filter(([key]) => key !== INDEX && key !== COUNT && key !== TENSORS));
  return {
    ...first,
    fileBytes: parts.reduce((sum, { header }) => sum + header.fileBytes, 0),
    metadata: withoutPartKeys(first.metadata),
    spans: withoutPartKeys(first.spans),
    tensors,
  };
}
