import { statSync } from 'node:fs';
import { isNamedAs } from '../../core/models/formats.js';
import { partName } from '../../core/models/parts.js';
import { architectureFromGguf } from '../../roofline/readers/gguf.js';
import type { Format, Front, GoesOn, Inspected, ModelDetails } from '../format.js';
import { modelFacts, weightBytes } from './facts.js';
import { type GgufHeader, ggufFiles, parseGgufHeader, readGgufHeader } from './header.js';
import { textAt } from './metadata.js';
import { joinParts } from './parts.js';
import { HeaderGoesOn, MAX_HEADER_BYTES } from './reader.js';

export const gguf: Format = {
  name: 'gguf',
  title: 'GGUF (.gguf)',
  unit: 'file',
  magic: 'GGUF',
  // Of a split model the first part stands for all; a folder of that name is an artifact of another format.
  claims: (path) =>
    isNamedAs('gguf', path) &&
    (partName(path)?.number ?? 1) === 1 &&
    statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true,
  files: ggufFiles,
  // Its other parts are not claimed.
  companionFiles: () => [],
  inspect: (path) => inspectHeader(readGgufHeader(path)),
  details: (path) => headerDetails(readGgufHeader(path)),
  shapes: (path) => architectureFromGguf(readGgufHeader(path)),
  peek: { mostBytes: MAX_HEADER_BYTES, inspect: inspectFronts },
  parts: null,
};

/** The key of files whose weights Ridgepoint drew at random. */
export const SYNTHETIC_KEY = 'ridgepoint.synthetic';

/** @throws GgufError as modelFacts does. */
export function inspectHeader(header: GgufHeader): Inspected {
  return {
    facts: modelFacts(header),
    weightBytes: weightBytes(header),
    randomWeights: header.metadata.get(SYNTHETIC_KEY) === true,
  };
}

/** Of a header that may be of no file yet. A template of more than 64 KiB is not kept, and null. */
export function headerDetails({ tensors, metadata }: GgufHeader): ModelDetails {
  return {
    tensors,
    license: textAt(metadata, 'general.license'),
    tokenizer: textAt(metadata, 'tokenizer.ggml.model'),
    chatTemplate: textAt(metadata, 'tokenizer.chat_template'),
  };
}

function inspectFronts(fronts: readonly Front[]): Inspected | GoesOn {
  const parts: { path: string; header: GgufHeader }[] = [];
  for (const [i, { path, front, fileBytes }] of fronts.entries()) {
    try {
      parts.push({ path, header: parseGgufHeader(front, fileBytes) });
    } catch (error) {
      if (error instanceof HeaderGoesOn && front.length < fileBytes) return { goesOn: i };
      throw error;
    }
  }
  return inspectHeader(joinParts(parts));
}
