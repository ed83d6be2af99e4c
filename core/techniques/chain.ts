import { predictWeights } from '../roofline/memory.js';
import type { ModelFacts, TechniqueChoice } from '../sweep/experiment.js';
import { readAdapter } from './adapter.js';
import { TECHNIQUES } from './index.js';
import { headOf } from './spelling.js';

/** One file that has to be made on the way to the one that runs. */
export interface ChainLink {
  /** `prune(wanda:60%)`, as in records. */
  readonly recipe: string;
  /** Predicted size of the file; null without facts of the model. */
  readonly bytes: number | null;
}

/** The order in which techniques change a file: heads are grouped, adapters merged, weights pruned, then quantized. */
const ORDER = ['attention', 'adapter', 'sparsity', 'quantization'] as const;
const VERBS = { attention: 'group', adapter: 'merge', sparsity: 'prune', quantization: 'quantize' } as const;
const FALLBACKS = new Map(TECHNIQUES.map(({ name, fallback }) => [name, fallback]));

/**
 * @param facts of the base; null when it is not known yet
 * @returns the files that must be made of a base before a point can run, in order; none when it runs as it is.
 */
export function chainOf(technique: TechniqueChoice, facts: ModelFacts | null): ChainLink[] {
  const links: ChainLink[] = [];
  for (const name of ORDER) {
    const word = technique[name];
    if (word === FALLBACKS.get(name) || (name === 'adapter' && !merges(word))) continue;
    // A base of the type that is asked for is run as it is.
    if (name === 'quantization' && word === facts?.quantization) continue;
    // Zeros and merged deltas take the place of the weights they change; grouped heads take less.
    const bytes = facts === null ? null : name === 'quantization' ? predictWeights(facts, word) : facts.bytes;
    // How an adapter is used is what the verb says.
    const what = name === 'adapter' ? headOf(word) : word;
    links.push({ recipe: `${VERBS[name]}(${what})`, bytes: bytes === null ? null : Math.round(bytes) });
  }
  return links;
}

/** Attached adapters leave the file of the base as it is. */
function merges(word: string): boolean {
  const reading = readAdapter(word);
  return reading.ok && reading.value?.mode === 'merged';
}
