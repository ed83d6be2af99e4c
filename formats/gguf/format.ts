import { architectureFromGguf } from '../../roofline/readers/gguf.js';
import type { Format, Inspected } from '../format.js';
import { modelFacts, weightBytes } from './facts.js';
import { type GgufHeader, readGgufHeader } from './header.js';

export const gguf: Format = {
  name: 'gguf',
  title: 'GGUF (.gguf)',
  magic: 'GGUF',
  claims: (path) => path.toLowerCase().endsWith('.gguf'),
  inspect: (path) => inspectHeader(readGgufHeader(path)),
  shapes: (path) => architectureFromGguf(readGgufHeader(path)),
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
