import type { Options } from '../experiment/experiment.js';
import type { ModelArchitecture } from './architecture.js';
import type { LatencyWork } from './latency.js';
import type { PassRequest } from './pass/setting.js';

/** How an engine cuts a latency workload into passes, under a runner's options. */
export interface EnginePasses {
  /** Of a prefill, in their order. */
  prefill(workload: LatencyWork, options: Options, architecture: ModelArchitecture): PassRequest[];
  /** One step of decoding: a token of each sequence, with so many before it. */
  decode(
    workload: LatencyWork,
    cachedTokens: number,
    options: Options,
    architecture: ModelArchitecture,
  ): PassRequest;
  /** Texts that an encoder reads at once, or in one clause why that is not counted; left out = the engine runs none. */
  encode?(texts: Texts, options: Options): PassRequest | string;
}

/** Texts of the same length. */
export interface Texts {
  readonly items: number;
  readonly tokens: number;
}

/** Has each pass computed by so many devices that share every matrix, as tensor parallelism does. */
export function onDevices(engine: EnginePasses, tensor: number): EnginePasses {
  const shared = (request: PassRequest) => ({ ...request, parallel: { tensor, pipeline: 1, expert: 1 } });
  return {
    prefill: (...asked) => engine.prefill(...asked).map(shared),
    decode: (...asked) => shared(engine.decode(...asked)),
  };
}

/** How a server computes what it is asked, under a runner's options. */
export interface ServedPasses {
  /** Bits, arithmetic and kernels of its passes, or in one clause why they are not known. */
  setting(architecture: ModelArchitecture, options: Options): PassSetting | string;
  /** Tokens of one pass, at most. */
  passTokens(options: Options): number;
  /** Whether pieces of prompts are computed in the passes that other requests decode in. */
  readonly mixes: boolean;
}

/** What of a pass does not depend on what is asked. */
export type PassSetting = Omit<PassRequest, 'phase' | 'batch' | 'logits' | 'parallel'>;

/** llama.cpp gives the cache of a sequence to attention in multiples of so many cells, and so do our own graphs. */
export const CELLS = 256;
