import type { ModelFacts, TechniqueChoice } from '../experiment/experiment.js';
import { knownFacts } from '../experiment/known-facts.js';
import { type ConversionName, conversionNamed, wayTo } from '../models/conversions.js';
import type { ModelFormat } from '../models/formats.js';
import { type AdapterPart, readAdapter } from './adapter.js';
import { readAttention, type SlidingWindow } from './attention.js';
import { type FourBitSpec, isStored, readFourBit } from './four-bit/spec.js';
import { type GraphQuantization, readGraphQuantization } from './graph-quantization.js';
import { factsOfFirst, readLayers } from './layers.js';
import { predictWeights } from './predicted-weights.js';
import { type QuantizationSpec, readQuantization } from './quantization.js';
import { readSparsity, type SparsitySpec } from './sparsity.js';
import { type Reading, rejected } from './spelling.js';

/** One file that has to be made on the way to the one that runs. */
export interface ChainLink {
  /** `prune(wanda:60%)`, as in records. */
  readonly recipe: string;
  /** Predicted size of the file; null where facts of the model are missing. */
  readonly bytes: number | null;
}

/** One thing that is done to a base before it runs. */
export type ChainStep =
  | { readonly kind: 'convert'; readonly conversion: ConversionName }
  | { readonly kind: 'cut-layers'; readonly kept: number }
  | { readonly kind: 'group-heads'; readonly kvHeads: number }
  | { readonly kind: 'merge'; readonly parts: readonly AdapterPart[] }
  | { readonly kind: 'prune'; readonly setting: string; readonly spec: SparsitySpec }
  | { readonly kind: 'quantize'; readonly setting: string; readonly spec: QuantizationSpec }
  | { readonly kind: 'quantize-four-bit'; readonly setting: string; readonly spec: FourBitSpec }
  | { readonly kind: 'quantize-graph'; readonly setting: string; readonly spec: GraphQuantization }
  | { readonly kind: 'window'; readonly window: SlidingWindow };

type BaseFacts = Pick<ModelFacts, 'format' | 'heads' | 'layers' | 'quantization'>;

/** @returns the format that a step reads and writes. */
function formatOf(step: ChainStep): ModelFormat {
  return step.kind === 'quantize-graph' ? 'onnx' : 'gguf';
}

/**
 * What is done to the base of a point, in the order in which it is done: what its techniques ask for, each in
 * the format that it works on, and conversions between them, before, and to what the runner opens.
 * @param facts of the base; null when it is not known yet
 * @param opens formats that the runner opens; none = it opens no model.
 * @returns nothing for a base that runs as it is, and why for a word that cannot be read or a format that
 *   nothing leads to.
 */
export function chainSteps(
  technique: TechniqueChoice,
  facts: BaseFacts | null,
  opens: readonly ModelFormat[],
): Reading<readonly ChainStep[]> {
  const techniques = techniqueSteps(technique, facts, opens);
  if (!techniques.ok || facts === null || opens.length === 0) return techniques;
  const steps: ChainStep[] = [];
  let at = facts.format;
  // What the base itself lacks for its first conversion is said where it is known whole
  // (core/sweep/verdict.ts).
  let quantized: string | null = null;
  for (const step of [...techniques.value, null]) {
    const to = step === null ? opens : [formatOf(step)];
    const way = wayTo(at, to);
    if (way === null) return rejected(`the model is ${at}, of which ${to.join(' or ')} cannot be made`);
    for (const conversion of way) {
      const { flaw, to: next } = conversionNamed(conversion);
      const lacks =
        quantized === null ? null : flaw({ format: at, architecture: null, quantization: quantized });
      if (lacks !== null)
        return rejected(`what becomes of it is ${at}, of which ${next} cannot be made: ${lacks}`);
      steps.push({ kind: 'convert', conversion });
      at = next;
    }
    if (step?.kind === 'quantize') quantized = step.spec.type;
    if (step?.kind === 'quantize-four-bit' && isStored(step.spec)) quantized = step.spec.type;
    if (step !== null) steps.push(step);
  }
  return { ok: true, value: steps };
}

/**
 * Layers are left out, heads are grouped, adapters merged, weights pruned, then quantized; a window is a
 * change of the header and comes last, since it may rename the architecture. Graphs are quantized when all
 * that is done to GGUF files is done.
 */
function techniqueSteps(
  technique: TechniqueChoice,
  facts: BaseFacts | null,
  opens: readonly ModelFormat[],
): Reading<readonly ChainStep[]> {
  const { quantization: spelling } = technique;
  const layers = readLayers(technique.layers);
  const attention = readAttention(technique.attention);
  const adapter = readAdapter(technique.adapter);
  const sparsity = readSparsity(technique.sparsity);
  const graph = graphQuantization(spelling, opens);
  const fourBit = readFourBit(spelling);
  const quantization = graph === null && fourBit === null ? readQuantization(spelling) : null;
  if (!layers.ok) return layers;
  if (!attention.ok) return attention;
  if (!adapter.ok) return adapter;
  if (!sparsity.ok) return sparsity;
  if (graph?.ok === false) return graph;
  if (fourBit?.ok === false) return fourBit;
  if (quantization?.ok === false) return quantization;
  const steps: ChainStep[] = [];
  if (layers.value !== null && layers.value !== facts?.layers)
    steps.push({ kind: 'cut-layers', kept: layers.value });
  const { kvHeads = null, window = null } = attention.value ?? {};
  if (kvHeads !== null && kvHeads !== facts?.heads?.keyValue) steps.push({ kind: 'group-heads', kvHeads });
  if (adapter.value?.mode === 'merged') steps.push({ kind: 'merge', parts: adapter.value.parts });
  if (sparsity.value !== null)
    steps.push({ kind: 'prune', setting: technique.sparsity, spec: sparsity.value });
  const spec = quantization?.value ?? null;
  if (spec !== null && spelling !== facts?.quantization)
    steps.push({ kind: 'quantize', setting: spelling, spec });
  if (fourBit?.ok === true) steps.push({ kind: 'quantize-four-bit', setting: spelling, spec: fourBit.value });
  if (window !== null) steps.push({ kind: 'window', window });
  const asIs = facts?.format === 'onnx' && spelling === facts.quantization;
  if (graph?.ok === true && !asIs)
    steps.push({ kind: 'quantize-graph', setting: spelling, spec: graph.value });
  return { ok: true, value: steps };
}

/**
 * `f16` is a word of both: for runners that open graphs alone it is of graphs. A graph is f32 until it is
 * quantized.
 */
function graphQuantization(
  spelling: string,
  opens: readonly ModelFormat[],
): Reading<GraphQuantization> | null {
  const reading = readGraphQuantization(spelling);
  return spelling === 'f16' && (!opens.includes('onnx') || opens.length > 1) ? null : reading;
}

/**
 * @param facts of the base; null when it is not known yet
 * @param opens formats that the runner opens.
 * @returns the files that must be made of a base before a point can run; none when it runs as it is, and for
 *   words that cannot be read, which the agent refuses by name.
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
  const whole = facts === null ? null : knownFacts(facts);
  const known = whole === null ? null : factsOfFirst(whole, technique.layers);
  return steps.value.map((step) => {
    if (step.kind === 'cut-layers') bytes = known?.bytes ?? null;
    if (step.kind === 'convert' && bytes !== null) bytes = conversionNamed(step.conversion).bytes(bytes);
    if (step.kind.startsWith('quantize'))
      bytes = known === null ? null : Math.round(predictWeights(known, technique.quantization));
    return { recipe: recipeOf(step), bytes };
  });
}

function recipeOf(step: ChainStep): string {
  switch (step.kind) {
    case 'convert':
      return conversionRecipe(step.conversion);
    case 'cut-layers':
      return `first-layers(${step.kept})`;
    case 'group-heads':
      return `group-heads(${step.kvHeads})`;
    case 'merge':
      return `merge(${step.parts.map(partText).join('+')})`;
    case 'window': {
      const { tokens, fullEvery } = step.window;
      return `window(${tokens}${fullEvery === 0 ? '' : `, full every ${fullEvery}`})`;
    }
    case 'quantize-four-bit':
    case 'quantize-graph':
      return `quantize(${step.setting})`;
    default:
      return `${step.kind}(${step.setting})`;
  }
}

/** `convert(gguf)`, as in records. */
export function conversionRecipe(conversion: ConversionName): string {
  return `convert(${conversionNamed(conversion).to})`;
}

const partText = ({ source, scale }: AdapterPart) => (scale === 1 ? source : `${source}*${scale}`);
