import type { ModelFacts } from '../core/experiment/experiment.js';
import type { AttentionShape } from '../core/work/architecture.js';
import { keptElements } from '../core/work/kept.js';
import { sizeOf } from '../core/work/model-size.js';
import type { ArchitectureReading } from '../roofline/readers/reading.js';

/** What follows from shapes alone; all of it null where they could not be read. */
type ShapeFacts = Omit<ModelFacts, 'format' | 'architecture' | 'bytes' | 'quantization'>;

const UNKNOWN: ShapeFacts = {
  parameters: null,
  layers: null,
  contextLength: null,
  keyElementsPerToken: null,
  valueElementsPerToken: null,
  vocabularySize: null,
  embeddingLength: null,
  heads: null,
};

/** @returns the facts of a model whose format says no more than its shapes. */
export function shapeFacts(reading: ArchitectureReading): ShapeFacts {
  if (!reading.ok) return UNKNOWN;
  const { architecture } = reading;
  const { layers, contextLength, vocabulary, embedding, encoder } = architecture;
  // An encoder keeps nothing.
  const perToken = (part: 0 | 1) =>
    encoder !== undefined
      ? 0
      : layers.reduce((sum, { count, attention }) => sum + count * keptElements(attention)[part], 0);
  const [first, ...others] = layers.map(({ attention }) => headsOf(attention));
  const alike = first !== undefined && others.every((one) => JSON.stringify(one) === JSON.stringify(first));
  return {
    parameters: sizeOf(architecture).parameters,
    layers: layers.reduce((sum, { count }) => sum + count, 0),
    contextLength,
    keyElementsPerToken: perToken(0),
    valueElementsPerToken: perToken(1),
    vocabularySize: vocabulary,
    embeddingLength: embedding,
    heads: alike ? first : null,
    experts: Math.max(0, ...layers.map(({ feedForward }) => feedForward.experts?.count ?? 0)),
  };
}

/** Of latent attention as GGUF counts it: one head of keys for all queries. */
function headsOf(attention: AttentionShape): NonNullable<ModelFacts['heads']> {
  return { query: attention.heads, keyValue: keyHeadsOf(attention) };
}

function keyHeadsOf(attention: AttentionShape): number {
  switch (attention.kind) {
    case 'latent':
      return 1;
    case 'gated-delta':
      return attention.keyHeads;
    case 'dot-product':
      return attention.kvHeads;
  }
}
