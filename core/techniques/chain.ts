import type { ModelFacts, TechniqueChoice } from '../experiment/experiment.js';
import { knownFacts } from '../experiment/known-facts.js';
import { type ConversionName, conversionNamed, wayTo } from '../models/conversions.js';
import type { ModelFormat } from '../models/formats.js';
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

/** The format that techniques read and write. */
const OF_TECHNIQUES: ModelFormat = 'gguf';

/** One thing that is done to a base before it runs. */
export type ChainStep =
  | { readonly kind: 'convert'; readonly conversion: ConversionName }
  | { readonly kind: 'group-heads'; readonly kvHeads: number }
  | { readonly kind: 'merge'; readonly parts: readonly AdapterPart[] }
  | { readonly kind: 'prune'; readonly word: string; readonly spec: SparsitySpec }
  | { readonly kind: 'quantize'; readonly word: string; readonly spec: QuantizationSpec }
  | { readonly kind: 'window'; readonly window: SlidingWindow };

type BaseFacts = Pick<ModelFacts, 'format' | 'heads' | 'quantization'>;

/**
 * What is done to the base of a point, in the order in which it is done: it is converted where techniques or the runner need
 * another format, then comes what its techniques do to it, then it is converted to what the runner opens.
 * @param facts of the base; null when it is not known yet
 * @param opens formats that the runner opens; none = it opens no model.
 * @returns nothing for a base that runs as it is, and why for a word that cannot be read or a format that nothing leads to.
 */
export function chainSteps(
  technique: TechniqueChoice,
  facts: BaseFacts | null,
  opens: readonly ModelFormat[],
): Reading<readonly ChainStep[]> {
  const techniques = techniqueSteps(technique, facts);
  if (!techniques.ok || facts === null || opens.length === 0) return techniques;
  const conversions = (from: ModelFormat, to: readonly ModelFormat[]) =>
    wayTo(from, to)?.map((conversion): ChainStep => ({ kind: 'convert', conversion })) ?? null;
  const changed = techniques.value.length > 0;
  const before = conversions(facts.format, changed ? [OF_TECHNIQUES] : opens);
  const after = changed ? conversions(OF_TECHNIQUES, opens) : [];
  if (before === null || after === null) {
    const from = before === null ? facts.format : OF_TECHNIQUES;
    const message = `the model is ${from}, of which ${opens.join(' or ')} cannot be made`;
    return { ok: false, message, suggestion: null };
  }
  return { ok: true, value: [...before, ...techniques.value, ...after] };
}

/**
 * Heads are grouped, adapters merged, weights pruned, then quantized; a window is a change of the header and comes last, since it may
 * rename the architecture.
 */
function techniqueSteps(technique: TechniqueChoice, facts: BaseFacts | null): Reading<readonly ChainStep[]> {
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
 * @param opens formats that the runner opens.
 * @returns the files that must be made of a base before a point can run; none when it runs as it is, and for words that cannot
 *   be read, which the agent refuses by name.
 */
export function chainOf(
  technique: TechniqueChoice,
  facts: ModelFacts | null,
  opens: readonly ModelFormat[],
): ChainLink[] {
  const steps = chainSteps(technique, facts, opens);
  if (!steps.ok) return [];
  // Zeros and merged deltas take the place of the weights they change, grouped heads take less.
  let bytes = facts?.bytes ?? null;
  const known = facts === null ? null : knownFacts(facts);
  return steps.value.map((step) => {
    if (step.kind === 'convert' && bytes !== null) bytes = conversionNamed(step.conversion).bytes(bytes);
    if (step.kind === 'quantize')
      bytes = known === null ? null : Math.round(predictWeights(known, step.word));
    return { recipe: recipeOf(step), bytes };
  });
}

function recipeOf(step: ChainStep): string {
  switch (step.kind) {
    case 'convert':
      return conversionRecipe(step.conversion);
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

/** `convert(gguf)`, as in records. */
export function conversionRecipe(conversion: ConversionName): string {
  return `convert(${conversionNamed(conversion).to})`;
}

const partText = ({ source, scale }: AdapterPart) => (scale === 1 ? source : `${source}*${scale}`);
