import type { Phase } from '../result/result.js';
import type { Window } from './integrate.js';

/** What one kind of phase did in one repeat; a workload may stamp it in several pieces. */
export interface RepeatPart {
  readonly windows: readonly Window[];
  readonly seconds: number;
  /** Tokens evaluated, all sequences together. */
  readonly tokens: number;
}

/**
 * One measured repeat. A part is null when the workload has no such phase (no prompt, or nothing generated).
 */
export interface Repeat {
  readonly index: number;
  readonly prefill: RepeatPart | null;
  readonly decode: RepeatPart | null;
  /** A step of training. */
  readonly train: RepeatPart | null;
  /** Calls of an op; its tokens count them. */
  readonly kernel: RepeatPart | null;
  /** Runs of a graph; its tokens count the items. */
  readonly infer: RepeatPart | null;
  /**
   * Requests to a server, from the first dispatch to the last answer; its tokens are those that were
   * generated.
   */
  readonly serve: RepeatPart | null;
}

/** The phases that are measured; loading, warm-up and quality are around them. */
export const MEASURED = ['prefill', 'decode', 'train', 'kernel', 'infer', 'serve'] as const;

const isMeasured = ({ name }: Phase) => (MEASURED as readonly string[]).includes(name);

/** The measured repeats in order; warm-up and load are not among them. */
export function repeatsOf(phases: readonly Phase[]): Repeat[] {
  const indices = new Set<number>();
  for (const p of phases) {
    if (p.repeat !== null && isMeasured(p)) indices.add(p.repeat);
  }
  const part = (name: Phase['name'], repeat: number): RepeatPart | null => {
    const own = phases.filter((p) => p.name === name && p.repeat === repeat && p.endSeconds > p.startSeconds);
    if (own.length === 0) return null;
    return {
      windows: own.map(({ startSeconds, endSeconds }) => ({ startSeconds, endSeconds })),
      seconds: own.reduce((sum, p) => sum + (p.endSeconds - p.startSeconds), 0),
      tokens: own.reduce((sum, p) => sum + p.tokens, 0),
    };
  };
  return [...indices]
    .sort((a, b) => a - b)
    .map((index) => ({
      index,
      prefill: part('prefill', index),
      decode: part('decode', index),
      train: part('train', index),
      kernel: part('kernel', index),
      infer: part('infer', index),
      serve: part('serve', index),
    }));
}

/**
 * From the first measured phase to the last, the rests between repeats included; null when nothing was
 * measured.
 */
export function measuredSpan(phases: readonly Phase[]): Window | null {
  const measured = phases.filter(isMeasured);
  if (measured.length === 0) return null;
  return {
    startSeconds: Math.min(...measured.map((p) => p.startSeconds)),
    endSeconds: Math.max(...measured.map((p) => p.endSeconds)),
  };
}

/** Seconds of all measured phases of a repeat. */
export function repeatSeconds(repeat: Repeat): number {
  return MEASURED.reduce((sum, name) => sum + (repeat[name]?.seconds ?? 0), 0);
}

/** Tokens per second of a part, all sequences together (llama-bench: `avg_ts` of one repetition). */
export function tokensPerSecond(part: RepeatPart): number {
  return part.tokens / part.seconds;
}

/**
 * Decode seconds per step: vLLM's TPOT, (latency − ttft) / (output_len − 1), since here the first token's
 * logits come from the prefill.
 */
export function timePerOutputToken(decode: RepeatPart, steps: number): number {
  return decode.seconds / steps;
}

/** Joules per generated token (AIPerf: energy_per_output_token). */
export function energyPerOutputToken(joules: number, outputTokens: number): number {
  return joules / outputTokens;
}

/**
 * Joules per prompt, generated or trained token (AIPerf: energy_per_total_token); publish it beside the
 * former.
 */
export function energyPerTotalToken(
  joules: number,
  promptTokens: number,
  outputTokens: number,
  trainedTokens = 0,
): number {
  return joules / (promptTokens + outputTokens + trainedTokens);
}

/** Energy–delay product in joule seconds (Gonzalez & Horowitz, IEEE JSSC 31(9), 1996). */
export function energyDelayProduct(joules: number, seconds: number): number {
  return joules * seconds;
}

/**
 * Energy above the idle baseline; may be slightly negative when the work costs less than the noise of the
 * source.
 */
export function netEnergy(joules: number, idleWatts: number, seconds: number): number {
  return joules - idleWatts * seconds;
}

/** Grams of CO2 equivalent of so much energy; a kilowatt hour is 3.6 MJ. */
export function carbonGrams(joules: number, gramsPerKilowattHour: number): number {
  return (joules / 3.6e6) * gramsPerKilowattHour;
}

/** Size of the base over size of the variant: the size half of EfficientLLM's model compression rate. */
export function compressionRatio(baseBytes: number, bytes: number): number {
  return baseBytes / bytes;
}

/** Bits of all weights per parameter (llama.cpp: BPW). */
export function bitsPerWeight(bytes: number, parameters: number): number {
  return (8 * bytes) / parameters;
}
