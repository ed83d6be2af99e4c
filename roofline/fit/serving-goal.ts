import type { ModelArchitecture } from '../../core/work/architecture.js';
import type { Parallelism, PassRequest } from '../../core/work/pass/setting.js';
import type { Speculation } from '../speculative.js';
import type { WantedSplit } from './split.js';

/** The requirements of a service, and assumptions about devices. */
export interface ServingGoal {
  /** Tokens of a prompt, and of prompt and answer together. */
  readonly promptTokens: number;
  readonly contextTokens: number;
  /** Sequences that decode together. */
  readonly batch: number;
  /** Limit of the seconds to the first token when the service is idle; null = no limit. */
  readonly maxFirstTokenSeconds: number | null;
  /** Seconds between tokens of one sequence while the whole batch decodes at full context. */
  readonly maxTokenSeconds: number | null;
  /** Share of the ceilings that is reached, which is assumed to be the same for every device. */
  readonly efficiency: number;
  /** Share of the memory that may be used. */
  readonly memoryShare: number;
  /** A small model that proposes tokens; null without one. */
  readonly speculation: (Speculation & { readonly draft: ModelArchitecture }) | null;
  /** How the model is divided over devices, as far as that is given. */
  readonly split: WantedSplit;
  /**
   * The largest share of layers whose weights may stay in the host's memory if the devices' memory is too
   * small.
   */
  readonly maxOffload: number;
  /** Bits and arithmetic. */
  readonly pass: Omit<PassRequest, 'phase' | 'batch' | 'parallelism' | 'offloadedLayers'>;
}

/** A number of devices of one kind, and how they serve the model. */
export interface ServingFit {
  readonly hardware: string;
  readonly devices: number;
  readonly split: Parallelism;
  /** Parts of the batch that go through pipeline stages one after the other. */
  readonly microBatches: number;
  /** Share of layers whose weights stay in the host's memory; 0 if they fit into the devices. */
  readonly offload: number;
  /** Of the fullest device. */
  readonly memoryBytes: number;
  /** Usable bytes of each device; null if unknown. */
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
  /**
   * How long that takes at the links' full rate; null if the rate is unknown, and then it counts as no time.
   */
  readonly stepLinkSeconds: number | null;
  /** The most sequences with which these devices meet the goal; 0 if not even one does. */
  readonly largestBatch: number;
  /** The unmet requirements in words; empty if the goal is met. */
  readonly misses: readonly string[];
}
