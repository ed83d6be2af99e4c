import type { NumberFormat } from '../operator-call.js';
import type { Arithmetic, PassWork } from '../work.js';

/**
 * Sequences of a pass that are alike; a mixed batch has several groups, a chunk of a prompt has tokens before
 * it.
 */
export interface SequenceGroup {
  readonly sequences: number;
  /** Tokens of each sequence that this pass computes. */
  readonly newTokens: number;
  /** Tokens of each sequence that are in the cache already. */
  readonly cachedTokens: number;
}

/** What is computed in what. */
export interface PassArithmetic {
  /** Matrices of 16 bits a weight and more. */
  readonly matrix: Arithmetic;
  /**
   * Matrices of fewer: `int8` or `int4` where activations are quantized too, `f16` where weights are expanded
   * first.
   */
  readonly quantizedMatrix: Arithmetic;
  readonly attention: Arithmetic;
  /** Norms, activations, softmax, positions. */
  readonly vector: Arithmetic;
}

export interface AttentionKernel {
  /** `flash` keeps scores on chip; `unfused` writes them to memory and reads them back, twice. */
  readonly kind: 'flash' | 'unfused';
  /** A token sees only those before it. */
  readonly causal: boolean;
  /** Pairs behind the mask are not computed; null = as usual: flash skips them, unfused does not. */
  readonly skipsMasked: boolean | null;
  /** Computed and read keys are rounded up to this many, per sequence. */
  readonly padKeys: number;
  /**
   * Keys whose mask is looked at are rounded up to this many: pairs behind the mask are passed over one by
   * one.
   */
  readonly maskKeys: number;
  /**
   * Queries that share one reading of K and V in flash; null = all of a sequence, as when a cache holds them
   * (lower bound).
   */
  readonly queryBlock: number | null;
  /** All query heads of a group share one reading of K and V. */
  readonly packedHeads: boolean;
  /**
   * Parts that a decode step cuts the cache into (flash-decoding); each writes and reads its share of the
   * result in f32.
   */
  readonly splits: number;
  /** How latent attention is computed; null = naive for a prefill, absorbed for decoding. */
  readonly latent: 'naive' | 'absorbed' | null;
}

/** Replaces what the file says of the matrices in layers. */
export interface WeightsSetting {
  /** Bits of one original weight as stored (roofline/analysis/sparsity-word.ts). */
  readonly bits: number;
  /** Bits of a value that is kept: 16 for f16 behind a bitmap, 4 for 4-bit blocks. */
  readonly valueBits: number;
  /** Share of the weights that are multiplied; below 1 only for kernels that skip what is pruned. */
  readonly density: number;
}

/** Low-rank adapters that run beside the weights (algorithms of arXiv 2106.09685). */
export interface AdapterSetting {
  readonly rank: number;
  /** Matrices by the name of their operator: `q_proj`, `down_proj`. */
  readonly targets: readonly string[];
  readonly bits: number;
  /** Different adapters in one batch: each is read once. */
  readonly distinct: number;
}

/** How an engine on a GPU runs operators, as far as tables of measured ones ask. */
export interface KernelSetting {
  /** That queries meet keys in. */
  readonly attention: NumberFormat;
  readonly cache: NumberFormat;
  /** Formats whose activations are scaled down by a kernel of its own before a product. */
  readonly quantizes: readonly NumberFormat[];
  /**
   * Of latent attention tables have the kernels one by one; left out = they have its whole layer, projections
   * and all.
   */
  readonly latentParts?: boolean;
}

export interface Parallelism {
  /** Devices that share each matrix. */
  readonly tensor: number;
  /** Stages of consecutive layers; the pass goes through all of them. */
  readonly pipeline: number;
  /**
   * Devices that experts are spread over; 1 = experts are cut over all devices, as other matrices are.
   */
  readonly expert: number;
  /**
   * Groups of `tensor` devices that have the attention each, and sequences of their own, while experts are
   * shared by all of them; left out = as many as the experts need.
   */
  readonly data?: number;
}

/** What is asked about kernels. */
export interface AskedKernels {
  /** null = operators say nothing of kernels. */
  readonly kernels: KernelSetting | null;
}

/** How a model is run: with an architecture, this is all that a pass depends on. */
export interface WorkSetting extends AskedKernels {
  readonly phase: PassWork['phase'];
  readonly batch: readonly SequenceGroup[];
  readonly activationBits: number;
  readonly cacheBits: { readonly key: number; readonly value: number };
  readonly arithmetic: PassArithmetic;
  readonly attention: AttentionKernel;
  /** null = as the architecture says. */
  readonly weights: WeightsSetting | null;
  /** Rows of logits of each sequence: of its last token, of all new tokens, or so many. */
  readonly logits: 'last' | 'all' | number;
  /**
   * The last layer's feed-forward is computed for tokens with logits only (llama.cpp), not for all
   * (transformers).
   */
  readonly trimsLastLayer: boolean;
  /** Where it is not: the last norm is computed for tokens with logits only. */
  readonly selectsRows: boolean;
  readonly adapter: AdapterSetting | null;
  readonly parallelism: Parallelism;
  /** Share of the layers whose weights come over a link in every pass. */
  readonly offloadedLayers: number;
  /**
   * Different experts that a pass reads in each layer, where it was measured; null = as uniform routing
   * expects.
   */
  readonly distinctExperts: number | null;
}

export type PassRequest = Pick<WorkSetting, 'phase' | 'batch'> & Partial<WorkSetting>;

export const FLASH: AttentionKernel = {
  kind: 'flash',
  causal: true,
  skipsMasked: null,
  padKeys: 1,
  maskKeys: 1,
  queryBlock: 128,
  packedHeads: true,
  splits: 1,
  latent: null,
};

export const UNFUSED: AttentionKernel = { ...FLASH, kind: 'unfused' };

/**
 * What a setting is where nothing is said: 16 bits everywhere, one device, flash attention, one row of
 * logits.
 */
export const DEFAULT_SETTING: Omit<WorkSetting, 'phase' | 'batch'> = {
  activationBits: 16,
  cacheBits: { key: 16, value: 16 },
  arithmetic: { matrix: 'f16', quantizedMatrix: 'f16', attention: 'f16', vector: 'f32' },
  attention: FLASH,
  weights: null,
  logits: 'last',
  trimsLastLayer: false,
  selectsRows: false,
  adapter: null,
  parallelism: { tensor: 1, pipeline: 1, expert: 1 },
  offloadedLayers: 0,
  distinctExperts: null,
  kernels: null,
};

/** @returns new tokens of all sequences. */
export function newTokensOf(batch: readonly SequenceGroup[]): number {
  return batch.reduce((sum, { sequences, newTokens }) => sum + sequences * newTokens, 0);
}

/** @returns rows of logits of all sequences. */
export function logitRowsOf({ batch, logits }: Pick<WorkSetting, 'batch' | 'logits'>): number {
  const rows = (newTokens: number) =>
    logits === 'all' ? newTokens : Math.min(newTokens, logits === 'last' ? 1 : logits);
  return batch.reduce((sum, { sequences, newTokens }) => sum + sequences * rows(newTokens), 0);
}
