import type { z } from 'zod';
import type { Options } from '../experiment/experiment.js';
import { readOptions } from '../experiment/options.js';
import type { ModelArchitecture } from './architecture.js';
import type { LatencyWork } from './latency.js';
import type { PassRequest } from './pass/setting.js';

/**
 * How an engine cuts a latency workload into passes, under a runner's options: those of a point, or as the
 * engine's own schema reads them.
 */
export interface EnginePasses<O = Options> {
  /** Of a prefill, in their order. */
  prefill(workload: LatencyWork, options: O, architecture: ModelArchitecture): PassRequest[];
  /** One step of decoding: a token of each sequence, with so many before it. */
  decode(
    workload: LatencyWork,
    cachedTokens: number,
    options: O,
    architecture: ModelArchitecture,
  ): PassRequest;
  /**
   * Texts that an encoder reads at once, or in one clause why that is not counted; left out = the engine runs
   * none.
   */
  encode?(texts: Texts, options: O): PassRequest | string;
}

/**
 * @returns passes that read a point's options by a schema first. They throw FailureError
 *   `impossible-combination` for what it does not allow.
 */
export function passesUnder<S extends z.ZodObject>(
  schema: S,
  { prefill, decode, encode }: EnginePasses<Readonly<z.output<S>>>,
): EnginePasses {
  return {
    prefill: (workload, options, architecture) =>
      prefill(workload, readOptions(schema, options), architecture),
    decode: (workload, cachedTokens, options, architecture) =>
      decode(workload, cachedTokens, readOptions(schema, options), architecture),
    ...(encode !== undefined && { encode: (texts, options) => encode(texts, readOptions(schema, options)) }),
  };
}

/** Texts of the same length. */
export interface Texts {
  readonly items: number;
  readonly tokens: number;
}

/** Has each pass computed by so many devices that share every matrix, as tensor parallelism does. */
export function onDevices(engine: EnginePasses, tensor: number): EnginePasses {
  const shared = (request: PassRequest) => ({
    ...request,
    parallelism: { tensor, pipeline: 1, expert: 1 },
  });
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
export type PassSetting = Omit<PassRequest, 'phase' | 'batch' | 'logits' | 'parallelism'>;

/**
 * llama.cpp gives the cache of a sequence to attention in multiples of so many cells, and so do our own
 * graphs.
 */
export const CELLS = 256;
