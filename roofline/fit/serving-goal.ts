import type { ModelArchitecture } from '../../core/work/architecture.js';
import type { Parallelism, PassRequest } from '../../core/work/pass/setting.js';
import type { Speculation } from '../speculative.js';
import type { WantedSplit } from './split.js';

/** What a service has to do, and how a device is believed to do it. */
export interface ServingGoal {
  /** Tokens of a prompt, and of prompt and answer together. */
  readonly promptTokens: number;
  readonly contextTokens: number;
  /** Sequences that decode together. */
  readonly batch: number;
  /** Seconds to the first token of a prompt that finds the service idle; null = as they come. */
  readonly maxFirstTokenSeconds: number | null;
  /** Seconds between tokens of one sequence while the whole batch decodes at full context. */
  readonly maxTokenSeconds: number | null;
  /** Share of the ceilings that is reached: an assumption, and the same for every device. */
  readonly efficiency: number;
  /** Share of the memory that may be used. */
  readonly memoryShare: number;
  /** A small model that proposes tokens; null without one. */
  readonly speculation: (Speculation & { readonly draft: ModelArchitecture }) | null;
  /** How the model is spread over devices, where that is decided already. */
  readonly split: WantedSplit;
  /** The most of the layers, as a share, whose weights may stay with the host when memory is short. */
  readonly maxOffload: number;
  /** Bits and arithmetic. */
  readonly pass: Omit<PassRequest, 'phase' | 'batch' | 'parallelism' | 'offloadedLayers'>;
}

/** A device, so many of it, and what they do. */
export interface ServingFit {
  readonly hardware: string;
  readonly devices: number;
  readonly split: Parallelism;
  /** Parts of the batch that follow one another through pipeline stages. */
  readonly microBatches: number;
  /** Share of the layers whose weights stay with the host; 0 unless they do not fit. */
  readonly offload: number;
  /** Of the fullest device. */
  readonly memoryBytes: number;
  /** Of each device that may be used; null where nobody says. */
  readonly roomBytes: number | null;
  readonly firstTokenSeconds: number;
  readonly tokenSeconds: number;
  readonly tokensPerSecond: number;
  /** Whose measured operators times follow from; null = from the assumed share of the ceilings. */
  readonly source: string | null;
  /** Standard deviation of ln(predicted / measured) of the time per token; null where it is assumed. */
  readonly spread: number | null;
  /** What a device of each stage sends over links in a step of the model. */
  readonly stepLinkBytes: number;
  /** How long that takes at their full rate; null where nobody states it, and it counts as no time. */
  readonly stepLinkSeconds: number | null;
  /** The most sequences that meet the goal on them; 0 when not one does. */
  readonly largestBatch: number;
  /** What the goal lacks there, as words; empty when it is met. */
  readonly misses: readonly string[];
}
