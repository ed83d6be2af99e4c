import { z } from 'zod';
import { integerBetween } from '../bounds.js';
import type { WorkloadChoice } from '../experiment/experiment.js';

const tokens = () => integerBetween(0, 1_048_576);

/** Of the workload `latency`: one field an option; field order is axis order. */
export const latencyOptions = z.strictObject({
  promptTokens: tokens()
    .default(512)
    .describe('Tokens of the prompt of each sequence; 0 measures decode alone (llama-bench: -p).'),
  generateTokens: tokens()
    .default(128)
    .describe('Decode steps after the prompt; 0 measures prefill alone (llama-bench: -n).'),
  parallel: integerBetween(1, 256)
    .default(1)
    .describe('Sequences decoded together in one batch (llama-batched-bench: -npl).'),
  contextDepth: tokens()
    .default(0)
    .describe('Tokens that are in the cache already when the prompt starts (llama-bench: -d).'),
});

/** Those that the workload `generation` has, too; others of its options do not matter here. */
const generationShape = z.object(latencyOptions.shape).omit({ contextDepth: true });

type LatencyOptions = Readonly<z.output<typeof latencyOptions>>;

/** What a trial of it asks of a model. */
export interface LatencyWork extends Omit<LatencyOptions, 'parallel'> {
  /** Decoded together in one batch: what users write as `parallel`. */
  readonly sequences: number;
}

export function latencyWorkOf({ parallel, ...asked }: LatencyOptions): LatencyWork {
  return { ...asked, sequences: parallel };
}

export const LATENCY_DEFAULTS: LatencyWork = latencyWorkOf(latencyOptions.parse({}));

/**
 * @returns what a point asks, defaults filled in; null for another workload, and for options that no sweep
 *   can have.
 */
function latencyWork({ kind, options }: WorkloadChoice): LatencyWork | null {
  const read = kind === 'latency' ? latencyOptions.safeParse(options).data : undefined;
  return read === undefined ? null : latencyWorkOf(read);
}

/**
 * What it asks of the options that `latency` has as well: an answer leaves the same in the cache, drafted or
 * not.
 */
function generationWork({ kind, options }: WorkloadChoice): LatencyWork | null {
  const read = kind === 'generation' ? generationShape.safeParse(options).data : undefined;
  return read === undefined ? null : latencyWorkOf({ ...read, contextDepth: 0 });
}

/**
 * What the prediction of a trial's memory or time takes of its workload. How much the others put into the
 * cache is not known before they run: they count as one sequence without tokens.
 */
export function predictableWork(workload: WorkloadChoice): LatencyWork {
  return (
    latencyWork(workload) ??
    generationWork(workload) ?? { promptTokens: 0, generateTokens: 0, sequences: 1, contextDepth: 0 }
  );
}
