import type { TrainingNeeds } from '../../core/training/memory.js';
import type { ModelArchitecture } from '../../core/work/architecture.js';
import { matricesOf, sizeOf } from '../../core/work/model-size.js';
import { passWork } from '../../core/work/pass-work.js';
import { type Ceilings, peakFor } from '../ceilings.js';
import type { ServingFit } from './serving-goal.js';

export const TRAINING_METHODS = ['full', 'lora', 'qlora'] as const;
export type TrainingMethod = (typeof TRAINING_METHODS)[number];
export const RECOMPUTATIONS = ['none', 'selective', 'full'] as const;
export type Recomputation = (typeof RECOMPUTATIONS)[number];
export const ZERO_STAGES = [0, 1, 2, 3] as const;
export type ZeroStage = (typeof ZERO_STAGES)[number];

export interface TrainingGoal {
  readonly method: TrainingMethod;
  /** Rank of the adapters, which every matrix has. */
  readonly rank: number;
  readonly zero: ZeroStage;
  readonly recomputation: Recomputation;
  readonly flashAttention: boolean;
  readonly sequenceTokens: number;
  /** Sequences of one device in one step. */
  readonly microBatch: number;
  /** Share of the peak that is reached, which is assumed to be the same for every device. */
  readonly efficiency: number;
  readonly memoryShare: number;
}

/** Bytes of one device while it trains. */
export interface TrainingMemory extends Omit<TrainingNeeds, 'inputs'> {
  readonly bytes: number;
}

export interface TrainingFit extends Pick<ServingFit, 'hardware' | 'devices' | 'roomBytes' | 'misses'> {
  readonly memory: TrainingMemory;
  /** Seconds of forward and backward pass, recomputation and transfers; null if no peak is known. */
  readonly stepSeconds: number | null;
  readonly tokensPerSecond: number | null;
}

/**
 * NF4 with double quantization: 4 bits, 8 for each 64 weights, 32 for each 64 · 256 (arXiv 2305.14314,
 * section 3).
 */
const NF4_BYTES = (4 + 8 / 64 + 32 / (64 * 256)) / 8;
/**
 * Mixed-precision AdamW: weights and gradients in 16 bits; a copy of the weights and two moments in 32 (arXiv
 * 1910.02054, section 3.1).
 */
const HALF_BYTES = 2;
const OPTIMIZER_BYTES = 12;

/**
 * @returns the fewest of 1, 2, 4, … devices that can hold a step, or the largest number with what is missing.
 */
export function fitTraining(
  architecture: ModelArchitecture,
  ceilings: Ceilings,
  goal: TrainingGoal,
  mostDevices: number,
): TrainingFit {
  let fit = placed(architecture, ceilings, goal, 1);
  for (let devices = 2; devices <= mostDevices && fit.misses.length > 0; devices *= 2) {
    fit = placed(architecture, ceilings, goal, devices);
  }
  return fit;
}

function placed(
  architecture: ModelArchitecture,
  ceilings: Ceilings,
  goal: TrainingGoal,
  devices: number,
): TrainingFit {
  const memory = trainingMemory(architecture, goal, devices);
  const roomBytes = ceilings.memoryBytes === null ? null : ceilings.memoryBytes * goal.memoryShare;
  const stepSeconds = stepTime(architecture, ceilings, goal, devices);
  const tokens = goal.microBatch * goal.sequenceTokens * devices;
  return {
    hardware: ceilings.name,
    devices,
    memory,
    roomBytes,
    stepSeconds,
    tokensPerSecond: stepSeconds === null ? null : tokens / stepSeconds,
    misses: roomBytes !== null && memory.bytes > roomBytes ? ['memory'] : [],
  };
}

/**
 * ZeRO (arXiv 1910.02054, figure 1): stage 1 divides the optimizer's state over devices, stage 2 also the
 * gradients, stage 3 also the weights. With adapters, only trained parameters have gradients and state; the
 * frozen base is divided in stage 3.
 */
export function trainingMemory(
  architecture: ModelArchitecture,
  goal: TrainingGoal,
  devices: number,
): TrainingMemory {
  const { method, zero } = goal;
  const { parameters } = sizeOf(architecture);
  const trained = method === 'full' ? parameters : adapterParameters(architecture, goal.rank);
  const share = (stage: ZeroStage) => (zero >= stage ? devices : 1);
  const added = method === 'full' ? 0 : HALF_BYTES * trained;
  const weights = (baseBytes(architecture, method) + added) / share(3);
  const gradients = (HALF_BYTES * trained) / share(2);
  const optimizer = (OPTIMIZER_BYTES * trained) / share(1);
  const activations = activationBytes(architecture, goal);
  return { weights, gradients, optimizer, activations, bytes: weights + gradients + optimizer + activations };
}

/** QLoRA keeps matrices of layers in NF4, everything else in 16 bits. */
function baseBytes(architecture: ModelArchitecture, method: TrainingMethod): number {
  const { parameters } = sizeOf(architecture);
  if (method !== 'qlora') return HALF_BYTES * parameters;
  const matrices = eachMatrix(architecture, ({ inputs, outputs }) => inputs * outputs);
  return matrices * NF4_BYTES + (parameters - matrices) * HALF_BYTES;
}

/** r (in + out) beside every matrix of every layer; experts have their own. */
function adapterParameters(architecture: ModelArchitecture, rank: number): number {
  return eachMatrix(architecture, ({ inputs, outputs }) => rank * (inputs + outputs));
}

function eachMatrix(
  { layers }: ModelArchitecture,
  of: (matrix: { readonly inputs: number; readonly outputs: number }) => number,
): number {
  return layers.reduce((sum, { count, attention, feedForward }) => {
    const layer = matricesOf(attention, feedForward).reduce(
      (all, [matrix, copies]) => all + copies * of(matrix),
      0,
    );
    return sum + count * layer;
  }, 0);
}

/**
 * Bytes of a layer's activations in 16 bits (Korthikanti et al., arXiv 2205.05198, equation 1 and section 5):
 * s b h (34 + 5 A s / h); selective recomputation and flash attention drop the second term, and full
 * recomputation keeps 2 s b h and needs the rest only for one layer at a time. After the last layer come
 * logits and their gradient, in 32 bits.
 */
function activationBytes(architecture: ModelArchitecture, goal: TrainingGoal): number {
  const { embedding, vocabulary, layers } = architecture;
  const { sequenceTokens: s, microBatch, recomputation, flashAttention } = goal;
  const row = s * microBatch * embedding;
  const keepsScores = !flashAttention && recomputation !== 'selective';
  const perLayer = layers.map(({ attention, count }) => ({
    count,
    bytes: row * (34 + (keepsScores ? (5 * attention.heads * s) / embedding : 0)),
  }));
  const logits =
    recomputation === 'full'
      ? perLayer.reduce((sum, { count }) => sum + count * 2 * row, 0) +
        Math.max(...perLayer.map(({ bytes }) => bytes))
      : perLayer.reduce((sum, { count, bytes }) => sum + count * bytes, 0);
  return logits + 2 * 4 * s * microBatch * vocabulary;
}

/**
 * The backward pass costs twice as much as the forward pass, or once as much if the base is frozen (there are
 * no gradients of its weights); full recomputation adds one forward pass. ZeRO sends 2 (n − 1)/n of the
 * gradients, and with stage 3 the weights, twice (arXiv 1910.02054, section 7).
 */
function stepTime(
  architecture: ModelArchitecture,
  ceilings: Ceilings,
  { method, rank, zero, recomputation, sequenceTokens, microBatch, efficiency }: TrainingGoal,
  devices: number,
): number | null {
  const peak = peakFor(ceilings, 'bf16');
  if (peak === null) return null;
  const forward = passWork(architecture, {
    phase: 'prefill',
    batch: [{ sequences: microBatch, newTokens: sequenceTokens, cachedTokens: 0 }],
    logits: 'all',
  }).operators.reduce((sum, { flops }) => sum + flops, 0);
  const passes = 1 + (method === 'full' ? 2 : 1) + (recomputation === 'full' ? 1 : 0);
  const trained = method === 'full' ? sizeOf(architecture).parameters : adapterParameters(architecture, rank);
  const ring = (devices - 1) / devices;
  const sent = 2 * ring * HALF_BYTES * trained + (zero === 3 ? ring * baseBytes(architecture, method) : 0);
  const link = ceilings.peerBytesPerSecond ?? ceilings.hostBytesPerSecond;
  const sending = devices === 1 || link === null ? 0 : sent / link;
  return (passes * forward) / (peak.flopsPerSecond * efficiency) + sending;
}
