import type { ElementwiseKind, ProductFactors, ThreadFactors } from '../core/result/factors.js';
import { bytesPerElement, weightType } from '../core/techniques/tensor-types.js';
import { type OperatorWork, type PassWork, totalBytes } from '../core/work/work.js';
import { factorAt, substituteFor } from './factor-at.js';
import { type MachineModel, peakOf } from './machine-model.js';

/** Why an operator takes what it takes, as a prediction sees it. */
export type Limit = 'memory' | 'compute' | 'overhead';

export interface PredictedOperator {
  readonly work: OperatorWork;
  readonly seconds: number;
  readonly limit: Limit;
}

export interface Prediction {
  readonly operators: readonly PredictedOperator[];
  /** What is not in any operator: the engine's work around a graph, and logits that are handed over. */
  readonly aroundSeconds: number;
  readonly seconds: number;
}

/** What an operator's time depends on beside its work. */
export interface PredictionContext {
  readonly machineModel: MachineModel;
  readonly factors: ThreadFactors;
  /** Bytes of weights and cache that are read in every pass. */
  readonly workingSet: number;
  /** New tokens of all sequences, and of one: attention is faster on many queries together. */
  readonly tokens: number;
  readonly queries: number;
}

/**
 * Predicts a pass: Σ over operators of max(FLOPs / (peak · ηᶜ) + outputs · tᵒ, bytes / (bandwidth · ηᵐ)) —
 * the maximum as soft as the operator's class was measured to be, tᵒ of products alone — and what each node
 * and each pass takes beside its work (docs/decisions/0019).
 * @throws Error for work that is `unpredictable`.
 */
export function predictPass(pass: Pick<PassWork, 'operators'>, context: PredictionContext): Prediction {
  const operators = pass.operators.map((work) => predictOperator(work, context));
  const { passSeconds, logitSecondsPerByte } = context.factors;
  const logits = pass.operators
    .filter(({ module, class: kind }) => module === 'lm-head' && kind.startsWith('mat'))
    .reduce((sum, { traffic }) => sum + traffic.activationsWritten, 0);
  const aroundSeconds = passSeconds + logits * logitSecondsPerByte;
  const seconds = operators.reduce((sum, operator) => sum + operator.seconds, aroundSeconds);
  return { operators, aroundSeconds, seconds };
}

export function predictOperator(work: OperatorWork, context: PredictionContext): PredictedOperator {
  const { factors } = context;
  const overhead =
    nodesOf(work) * (factors.nodeSeconds + factors.streamedNodeSeconds * (1 - keptShare(context)));
  const { memory, compute, sharpness, besides } = partsOf(work, context);
  const seconds = softMaximum(memory, compute, sharpness) + besides;
  const limit = overhead > seconds ? 'overhead' : memory > compute ? 'memory' : 'compute';
  return { work, seconds: seconds + overhead, limit };
}

interface Parts {
  readonly memory: number;
  readonly compute: number;
  readonly sharpness: number;
  readonly besides: number;
}

const NOTHING: Parts = { memory: 0, compute: 0, sharpness: 1, besides: 0 };

function partsOf(work: OperatorWork, context: PredictionContext): Parts {
  switch (work.class) {
    case 'matmul':
    case 'matvec':
      return product(work, context);
    case 'attention':
      return attention(work, context);
    case 'collective':
      return NOTHING;
    default:
      return elementwise(work, context);
  }
}

/** Weights from wherever they are, products at the peak of their arithmetic, inputs converted first. */
function product(work: OperatorWork, context: PredictionContext): Parts {
  const { machineModel, factors } = context;
  if (work.flops === 0) return NOTHING;
  const own = productFactors(factors, work);
  if (own === null) return NOTHING;
  const peak = peakOf(machineModel, work.arithmetic) ?? Number.POSITIVE_INFINITY;
  const rows = rowsOf(work);
  return {
    memory: work.traffic.weightsRead / readBandwidth(context, factorAt(own.memory, rows)),
    compute: work.flops / (peak * factorAt(own.compute, rows)) + outputsOf(work) * own.outputSeconds,
    sharpness: own.sharpness,
    besides:
      own.startSeconds * work.calls * (1 - keptShare(context)) +
      work.traffic.activationsRead / (machineModel.nearBytesPerSecond * own.convert),
  };
}

/** They are written in f32. */
const outputsOf = ({ traffic }: OperatorWork) => traffic.activationsWritten / 4;

/**
 * Flash attention keeps its scores on chip: its softmax is in its factor. Keys are waited for before they are
 * used.
 */
function attention(work: OperatorWork, context: PredictionContext): Parts {
  const { machineModel, factors, queries } = context;
  const peak = peakOf(machineModel, work.arithmetic) ?? Number.POSITIVE_INFINITY;
  return {
    memory: work.traffic.cacheRead / readBandwidth(context, factors.attentionMemory),
    compute: work.flops / (peak * factorAt(factors.attention, queries)),
    sharpness: factors.attentionSharpness,
    besides: (work.maskedPairs ?? 0) * factorAt(factors.maskedPair, queries),
  };
}

function elementwise(work: OperatorWork, { machineModel, factors, tokens }: PredictionContext): Parts {
  if (isInside(work)) return NOTHING;
  const points = factors.elementwise[kindOf(work)];
  if (points === undefined) return NOTHING;
  const memory = totalBytes(work.traffic) / (machineModel.nearBytesPerSecond * factorAt(points, tokens));
  return { ...NOTHING, memory };
}

/** The norm of two times: their sum at 1, their maximum where the exponent is large. */
export function softMaximum(a: number, b: number, exponent: number): number {
  const [low, high] = a < b ? [a, b] : [b, a];
  return high === 0 ? 0 : high * (1 + (low / high) ** exponent) ** (1 / exponent);
}

type WhereRead = Pick<PredictionContext, 'machineModel' | 'factors' | 'workingSet'>;

/**
 * @returns the share of what every pass reads again that the last cache still has. Caches do not forget all
 *   at once: it falls with the logarithm of the working set, 1 / (1 + (set / capacity) ^ steepness).
 */
export function keptShare({ machineModel, factors, workingSet }: WhereRead): number {
  const { capacityBytes, steepness } = factors;
  if (machineModel.cacheBytesPerSecond === null || capacityBytes === null) return 0;
  return 1 / (1 + (workingSet / capacityBytes) ** steepness);
}

/**
 * Bandwidth of what every pass reads again.
 * @param efficiency of the bandwidth of memory, where what the cache does not have comes from.
 */
export function readBandwidth(where: WhereRead, efficiency = 1): number {
  const { ceilings, cacheBytesPerSecond } = where.machineModel;
  const memory = ceilings.memoryBytesPerSecond * efficiency;
  const cached = keptShare(where);
  return cacheBytesPerSecond === null || cached === 0
    ? memory
    : 1 / (cached / cacheBytesPerSecond + (1 - cached) / memory);
}

/** @returns why passes of these operators cannot be predicted; null where they can. */
export function unpredictable(operators: readonly OperatorWork[]): string | null {
  const of = operators.find((work) => isProduct(work) && weightType(work.weights ?? '') === null);
  if (of === undefined) return null;
  return `factors go by the type of the weights, and that of ${of.name} is ${of.weights === undefined ? 'not known' : `unknown (${of.weights})`}`;
}

const isProduct = ({ class: kind, flops }: OperatorWork) => kind.startsWith('mat') && flops > 0;

/**
 * Tokens that meet each weight that a product reads.
 * @throws Error where the type of its weights is not known.
 */
export function rowsOf({ flops, traffic, weights }: OperatorWork): number {
  return Math.max(1, flops / (2 * (traffic.weightsRead / bytesPerElement(typeOf(weights)))));
}

function typeOf(weights: string | undefined): string {
  if (weights === undefined) throw new Error('the type of the weights is not known');
  return weights;
}

function productFactors(factors: ThreadFactors, { weights }: OperatorWork): ProductFactors | null {
  const type = substituteFor(typeOf(weights), factors);
  return type === null ? null : factors.products[type]!;
}

/** Work that is counted apart and runs inside another node. */
function isInside({ name, traffic }: OperatorWork): boolean {
  return name === 'dequantize' || (name === 'softmax' && totalBytes(traffic) === 0);
}

/** Nodes that llama.cpp runs for an operator of one layer: Q and K are turned and stored apart. */
function nodesOf(work: OperatorWork): number {
  if (isInside(work)) return 0;
  return work.calls * (TWO_NODES.includes(work.name) ? 2 : 1);
}

const TWO_NODES: readonly string[] = ['rope', 'cache_store', 'select_rows'];

function kindOf({ name, module }: OperatorWork): ElementwiseKind {
  if (module === 'norm') return 'norm';
  if (module === 'rope') return 'rope';
  if (name === 'mlp_act' || name === 'softmax') return 'act';
  return name.startsWith('cache_store') ? 'store' : 'add';
}
