/**
 * The ways to fine-tune that a sweep can name. LoRA (arXiv 2106.09685), rsLoRA (2312.03732), LoRA+
 * (2402.12354), DoRA (2402.09353), PiSSA (2404.02948); freeze trains the last layers whole, as LLaMA-Factory
 * has it, and full trains all there is. QLoRA (2305.14314) is lora over a quantized base, and says no more
 * than that: the quantization is an axis of its own.
 */
export const TRAINING_METHODS = [
  'lora',
  'rslora',
  'lora-plus',
  'dora',
  'pissa',
  'qlora',
  'freeze',
  'full',
] as const;
export type TrainingMethod = (typeof TRAINING_METHODS)[number];

/** Which matrices of each layer get an adapter. */
export const TRAINING_TARGETS = {
  all: ['attn_q', 'attn_k', 'attn_v', 'attn_output', 'ffn_gate', 'ffn_up', 'ffn_down'],
  attention: ['attn_q', 'attn_k', 'attn_v', 'attn_output'],
  'feed-forward': ['ffn_gate', 'ffn_up', 'ffn_down'],
  'q-v': ['attn_q', 'attn_v'],
} as const;
export type TrainingTargets = keyof typeof TRAINING_TARGETS;

/** @returns whether the method leaves the base as it is and trains factors beside it. */
export function isAdapterMethod(method: TrainingMethod): boolean {
  return method !== 'full' && method !== 'freeze';
}

/** How a learning rate goes over the steps after its warm-up. */
export const SCHEDULES = ['constant', 'linear', 'cosine'] as const;
export type Schedule = (typeof SCHEDULES)[number];

/** What one fine-tuning is set to. */
export interface TrainingSettings {
  readonly method: TrainingMethod;
  readonly rank: number;
  readonly alpha: number;
  readonly targets: TrainingTargets;
  /** Of freeze: how many layers at the end are trained. */
  readonly trainedLayers: number;
  readonly learningRate: number;
  /** Of lora-plus: the rate of B over that of A. */
  readonly learningRateRatio: number;
  readonly weightDecay: number;
  readonly schedule: Schedule;
  /** Steps over which the rate rises from 0. */
  readonly rampSteps: number;
  readonly steps: number;
  /** Whether losses are of the answers alone, of prompts with answers; otherwise of every token. */
  readonly answersOnly: boolean;
  /** Windows in one step. */
  readonly sequences: number;
  /** Tokens of a window. */
  readonly windowTokens: number;
  /** Share of the text's windows that is never trained on. */
  readonly heldOutShare: number;
  readonly seed: number;
}

/**
 * The learning rate of a step: a linear rise, then constant, or falling to 0 at the end by a line or half a
 * cosine.
 * @param step from 0.
 */
export function rateAt(settings: TrainingSettings, step: number): number {
  const { learningRate, rampSteps, steps, schedule } = settings;
  if (step < rampSteps) return (learningRate * (step + 1)) / (rampSteps + 1);
  const progress = (step - rampSteps) / Math.max(1, steps - rampSteps);
  if (schedule === 'linear') return learningRate * (1 - progress);
  if (schedule === 'cosine') return (learningRate * (1 + Math.cos(Math.PI * progress))) / 2;
  return learningRate;
}
