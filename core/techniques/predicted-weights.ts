import type { KnownFacts } from '../experiment/known-facts.js';
import { bitsWithoutFullBlocks, fileType } from './file-types.js';
import { storedBits } from './four-bit/spec.js';
import { blockBits } from './graph-quantization.js';
import { headOf } from './spelling.js';

/** The best matrix of a mixture, the output, stays at q6_k, or at q8_0 where rows are not whole blocks. */
const OUTPUT_BITS = { full: 6.5625, partial: 8.5 };

/**
 * Bytes of the weights after quantization: the mixture's bits per weight, with one vocabulary matrix at the
 * bits of an output matrix, which decides in small models. `base`, the type the file already has, and names
 * we do not know: the file as it is.
 */
export function predictWeights(facts: KnownFacts, spelling: string): number {
  const quantization = headOf(spelling);
  if (quantization === 'base' || quantization === facts.quantization) return facts.bytes;
  const blocks = blockBits(spelling);
  // The embedding of a graph stays f32 unless it is asked for.
  if (blocks !== null) {
    const table = Math.min(facts.parameters, facts.vocabularySize * facts.embeddingLength);
    const tableBits = /embeddingType=int/.test(spelling) ? blocks : 32;
    return ((facts.parameters - table) * blocks + table * tableBits) / 8;
  }
  // Four bits are of linear layers alone; the embedding keeps its type.
  const fourBits = storedBits(spelling);
  if (fourBits !== null) {
    const table = Math.min(facts.parameters, facts.vocabularySize * facts.embeddingLength);
    return ((facts.parameters - table) * fourBits) / 8 + (table * facts.bytes) / facts.parameters;
  }
  const full = facts.embeddingLength % 256 === 0;
  const bits = full ? (fileType(quantization)?.bitsPerWeight ?? null) : bitsWithoutFullBlocks(quantization);
  if (bits === null) return facts.bytes;
  const outputBits = Math.max(bits, full ? OUTPUT_BITS.full : OUTPUT_BITS.partial);
  const output = Math.min(facts.parameters, facts.vocabularySize * facts.embeddingLength);
  return ((facts.parameters - output) * bits + output * outputBits) / 8;
}
