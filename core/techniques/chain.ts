import { predictWeights } from '../roofline/memory.js';
import type { ModelFacts, TechniqueChoice } from '../sweep/experiment.js';
import { type AdapterPart, readAdapter } from './adapter.js';
import { readAttention } from './attention.js';
import { readQuantization } from './quantization.js';
import { DENSE } from './sparsity.js';
import type { Reading } from './spelling.js';

/** One file that has to be made on the way to the one that runs. */
export interface ChainLink {
  /** `prune(wanda:60%)`, as in records. */
  readonly recipe: string;
  /** Predicted size of the file; null without facts of the model. */
  readonly bytes: number | null;
}

/**
 * What agent/artifacts/steps will do, in its order: heads are grouped, adapters merged, weights pruned, then
 * quantized; a window is a change of the header and comes last.
 * @param facts of the base; null when it is not known yet
 * @returns the files that must be made of a base before a point can run; none when it runs as it is.
 */
export function chainOf(technique: TechniqueChoice, facts: ModelFacts | null): ChainLink[] {
  const links: ChainLink[] = [];
  // Zeros and merged deltas take the place of the weights they change, grouped heads take less.
  let bytes = facts?.bytes ?? null;
  const add = (recipe: string) => links.push({ recipe, bytes });

  const attention = settingsOf(readAttention(technique.attention));
  const kvHeads = attention?.kvHeads ?? null;
  if (kvHeads !== null && kvHeads !== facts?.heads?.keyValue) add(`group-heads(${kvHeads})`);
  const adapter = settingsOf(readAdapter(technique.adapter));
  if (adapter?.mode === 'merged') add(`merge(${adapter.parts.map(partText).join('+')})`);
  if (technique.sparsity !== DENSE) add(`prune(${technique.sparsity})`);
  const { quantization } = technique;
  if (settingsOf(readQuantization(quantization)) !== null && quantization !== facts?.quantization) {
    bytes = facts === null ? null : Math.round(predictWeights(facts, quantization));
    add(`quantize(${quantization})`);
  }
  const window = attention?.window ?? null;
  if (window !== null) {
    add(`window(${window.tokens}${window.fullEvery === 0 ? '' : `, full every ${window.fullEvery}`})`);
  }
  return links;
}

const partText = ({ source, scale }: AdapterPart) => (scale === 1 ? source : `${source}*${scale}`);

/** A word that cannot be read makes nothing; the agent refuses it by name. */
function settingsOf<T>(reading: Reading<T | null>): T | null {
  return reading.ok ? reading.value : null;
}
