import type { TokenLoad } from '../../../batching/load.js';
import type { TokenRequest } from '../../../batching/request.js';
import { aloneRequest } from '../../../batching/request.js';
import type { BatchingRun } from '../../../batching/run.js';
import { type SchedulerFlags, schedulerNamed } from '../../../batching/schedulers/index.js';
import type { BatchingServer } from '../../../batching/server.js';
import { simulateBatching } from '../../../batching/simulate.js';
import type { StepBatch } from '../../../roofline/step/setting.js';

/** A step that takes as long as it is told, and keeps what it was asked for. */
export function recordingStep(seconds: (batch: StepBatch) => number = () => 1) {
  const batches: StepBatch[] = [];
  const secondsOf = (batch: StepBatch) => {
    // Simulations ask with one object over and over.
    batches.push({ ...batch, chunks: batch.chunks.map((chunk) => ({ ...chunk })) });
    return seconds(batch);
  };
  return { batches, secondsOf };
}

/** Whole milliseconds, so that sums have no rounding: a step, its tokens, its context. */
export const plainSeconds = ({ decodes, contextTokens, chunks }: StepBatch) =>
  8 +
  decodes +
  Math.round(decodes * contextTokens) / 64 +
  chunks.reduce((sum, { newTokens, cachedTokens }) => sum + newTokens + (cachedTokens + newTokens) / 64, 0);

export function serverOf(
  engine: string,
  flags: SchedulerFlags,
  rest: Partial<Omit<BatchingServer, 'scheduler'>> = {},
): BatchingServer {
  const scheduler = schedulerNamed(engine, flags);
  if (typeof scheduler === 'string') throw new Error(scheduler);
  return {
    scheduler,
    step: { secondsOf: () => 1 },
    cacheTokens: 1 << 20,
    requestSeconds: 0,
    replicas: 1,
    ...rest,
  };
}

/** Requests that come at their times. */
export function loadAt(requests: readonly TokenRequest[]): TokenLoad {
  return {
    requests,
    arrival: { kind: 'trace' },
    seed: 1,
    maxSeconds: null,
    maxRequests: null,
    maxConcurrency: null,
    says: 'requests of a test',
  };
}

/** A prompt and an answer of so many tokens, at a time. */
export function requestAt(atSeconds: number, promptTokens: number, outputTokens: number): TokenRequest {
  return { ...aloneRequest(promptTokens, outputTokens), atSeconds };
}

/** Numbers in [0, 1) that are the same in every run. */
export function uniforms(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/**
 * Each step in short: sequences that decode and the mean tokens that they attend to (`2@41`), then pieces of
 * prompts with what is cached before them (`40/0`). A step takes a second.
 */
export function stepsOf(
  engine: string,
  flags: SchedulerFlags,
  requests: readonly TokenRequest[],
  cacheTokens?: number,
): { steps: string[]; run: BatchingRun } {
  const { batches, secondsOf } = recordingStep();
  const rest = cacheTokens === undefined ? {} : { cacheTokens };
  const server = serverOf(engine, flags, { step: { secondsOf }, ...rest });
  const run = simulateBatching(loadAt(requests), server, undefined, { stepByStep: true });
  const short = ({ decodes, contextTokens, chunks }: StepBatch) =>
    [
      ...(decodes > 0 ? [`${decodes}@${contextTokens}`] : []),
      ...chunks.map(({ newTokens, cachedTokens }) => `${newTokens}/${cachedTokens}`),
    ].join(' ');
  return { steps: batches.map(short), run };
}

/** When requests had their first token, in seconds. */
export const firstTokens = ({ requests }: BatchingRun) => [...requests.firstToken.values()];

/** A prompt that is one text: equal numbers are equal texts. */
export const textAt = (
  atSeconds: number,
  id: number,
  promptTokens: number,
  outputTokens: number,
): TokenRequest => ({
  ...requestAt(atSeconds, promptTokens, outputTokens),
  beginning: [{ id, tokens: promptTokens }],
});
