import { impossible } from '../analysis/impossible.js';
import type { LlmViewerHardware } from './hardware.js';
import type { LlmViewerModel } from './model.js';

/**
 * What LLM-Viewer can be asked: one number is both the prompt of a prefill and the context of a decode step.
 */
export interface LlmViewerSetting {
  readonly batch: number;
  readonly sequence: number;
  readonly weightBits: number;
  readonly activationBits: number;
  readonly cacheBits: number;
  readonly flashAttention: boolean;
  readonly tensorParallel: number;
}

export const STAGES = ['prefill', 'decode'] as const;
export type Stage = (typeof STAGES)[number];

/** A setting ready to count with: one stage, and bytes for bits. */
export interface Counting {
  readonly stage: Stage;
  readonly model: LlmViewerModel;
  readonly hardware: LlmViewerHardware;
  readonly batch: number;
  /** Tokens that are computed: all of the prompt, or one. */
  readonly queries: number;
  /** Tokens that are attended to, in both stages. */
  readonly sequence: number;
  readonly headLength: number;
  readonly weightBytes: number;
  readonly activationBytes: number;
  readonly cacheBytes: number;
  readonly tensorParallel: number;
}

/** @throws FailureError `impossible-combination` where LLM-Viewer stops, too */
export function checkSetting(
  model: LlmViewerModel,
  hardware: LlmViewerHardware,
  setting: LlmViewerSetting,
): void {
  const { tensorParallel } = setting;
  if (model.heads % model.kvHeads !== 0) {
    throw impossible(
      `${model.heads} heads cannot share ${model.kvHeads} key/value heads evenly`,
      "Correct the model's config.",
    );
  }
  if (model.kvHeads % tensorParallel !== 0) {
    throw impossible(
      `${model.kvHeads} key/value heads cannot be split over ${tensorParallel} devices`,
      'Name a tensor parallelism that divides them.',
    );
  }
  if (isInt8(setting) && hardware.int8 === null) {
    throw impossible(
      'LLM-Viewer has no INT8 peak for this device, and takes it when weights, activations and cache have 8 bits or less',
      'Give one of them more bits, or use corrected mode.',
    );
  }
}

/**
 * The INT8 peak is taken when all three are small: a 4-bit model with 16-bit activations computes in FP16.
 */
export function isInt8({ weightBits, activationBits, cacheBits }: LlmViewerSetting): boolean {
  return weightBits <= 8 && activationBits <= 8 && cacheBits <= 8;
}
