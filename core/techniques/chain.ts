import type { ModelFacts, TechniqueChoice } from '../experiment/experiment.js';
import { knownFacts } from '../experiment/known-facts.js';
import { type AdapterPart, readAdapter } from './adapter.js';
import { readAttention, type SlidingWindow } from './attention.js';
import { predictWeights } from './predicted-weights.js';
import { type QuantizationSpec, readQuantization } from './quantization.js';
import { readSparsity, type SparsitySpec } from './sparsity.js';
import type { Reading } from './spelling.js';

/** One file that has to be made on the way to the one that runs. */
export interface ChainLink {
  /** `prune(wanda:60%)`, as in records. */
  readonly recipe: string;
  /** Predicted size of the file; null where facts of the model are missing. */
  readonly bytes: number | null;
}

/** One thing that is done to the weights of a base before they run. */
export type ChainStep =
  | { readonly kind: 'group-heads'; readonly kvHeads: number }
  | { readonly kind: 'merge'; readonly parts: readonly AdapterPart[] }
  | { readonly kind: 'prune'; readonly word: string; readonly spec: SparsitySpec }
  | { readonly kind: 'quantize'; readonly word: string; readonly spec: QuantizationSpec }
  | { readonly kind: 'window'; readonly window: SlidingWindow };

/**
 * What the techniques of a point do to its base, in the order in which it is done: heads are grouped, adapters merged, weights
 * pruned, then quantized; a window is a change of the header and comes last, since it may rename the architecture.
 * @param facts of the base; null when it is not known yet
 * @returns nothing for a base that runs as it is, and why for a word that cannot be read.
 */
export function chainSteps(
  technique: TechniqueChoice,
  facts: Pick<ModelFacts, 'heads' | 'quantization'> | null,
): Reading<readonly ChainStep[]> {
  const attention = readAttention(technique.attention);
  const adapter = readAdapter(technique.adapter);
  const sparsity = readSparsity(technique.sparsity);
  const quantization = readQuantization(technique.quantization);
  if (!attention.ok) return attention;
  if (!adapter.ok) return adapter;
  if (!sparsity.ok) return sparsity;
  if (!quantization.ok) return quantization;
  const steps: ChainStep[] = [];
  const { kvHeads = null, window = null } = attention.value ?? {};
  if (kvHeads !== null && kvHeads !== facts?.heads?.keyValue) steps.push({ kind: 'group-heads', kvHeads });
  if (adapter.value?.mode === 'merged') steps.push({ kind: 'merge', parts: adapter.value.parts });
  if (sparsity.value !== null) steps.push({ kind: 'prune', word: technique.sparsity, spec: sparsity.value });
  if (quantization.value !== null && technique.quantization !== facts?.quantization)
    steps.push({ kind: 'quantize', word: technique.quantization, spec: quantization.value });
  if (window !== null) steps.push({ kind: 'window', window });
  return { ok: true, value: steps };
}

/**
 * @param facts of the base; null when it is not known yet
 * @returns the files that must be made of a base before a point can run; none when it runs as it is, and for words that cannot
 *   be read, which the agent refuses by name.
 */
export function chainOf(technique: TechniqueChoice, facts: ModelFacts | null): ChainLink[] {
  const steps = chainSteps(technique, facts);
  if (!steps.ok) return [];
  // Zeros and merged deltas take the place of the weights they change, grouped heads take less.
  let bytes = facts?.bytes ?? null;
  const known = facts === null ? null : knownFacts(facts);
  return steps.value.map((step) => {
    if (step.kind === 'quantize')
      bytes = known === null ? null : Math.round(predictWeights(known, step.word));
    return { recipe: recipeOf(step), bytes };
  });
}

function recipeOf(step: ChainStep): string {
  switch (step.kind) {
    case 'group-heads':
      return `group-heads(${step.kvHeads})`;
    case 'merge':
      return `merge(${step.parts.map(partText).join('+')})`;
    case 'window': {
      const { tokens, fullEvery } = step.window;
      return `window(${tokens}${fullEvery === 0 ? '' : `, full every ${fullEvery}`})`;
    }
    default:
      return `${step.kind}(${step.word})`;
  }
}

const partText = ({ source, scale }: AdapterPart) => (scale === 1 ? source : `${source}*${scale}`);
