import { z } from 'zod';
import { digestSchema } from '../digest.js';
import { REQUEST_OUTCOMES, type RequestRecord } from './requests.js';
import { SERVER_METRIC_NAMES } from './server-metrics.js';

const numbers = z.array(z.number());
const gaps = z.array(z.number().nullable());
const delay = z.object({ p50: z.number(), p99: z.number(), max: z.number() }).nullable();

/** A column for each field of `RequestRecord`, one entry a request, in the order of intended starts. */
const requestColumnsSchema = z
  .object({
    conversation: gaps,
    turn: numbers,
    intended: numbers,
    dispatched: gaps,
    headers: gaps,
    firstByte: gaps,
    firstToken: gaps,
    firstAnswer: gaps,
    lastToken: gaps,
    done: gaps,
    outcome: z.array(z.enum(REQUEST_OUTCOMES)),
    problem: z.array(z.string().nullable()),
    status: gaps,
    bytes: numbers,
    promptTokens: gaps,
    wantedTokens: gaps,
    outputTokens: gaps,
    reasoningTokens: numbers,
    chunkSeconds: z.array(numbers),
    chunkTokens: z.array(numbers),
    /** Left out where no request asked for one. */
    lora: z.array(z.string().nullable()).optional(),
    usage: z.array(
      z
        .object({
          promptTokens: z.number().nullable(),
          completionTokens: z.number().nullable(),
          /** Left out where the server does not say. */
          cachedTokens: z.number().optional(),
        })
        .nullable(),
    ),
  })
  .meta({ id: 'requests' });
export type RequestColumns = z.infer<typeof requestColumnsSchema>;

const countedBy = z.enum(['tokenizer', 'chunks', 'server', 'nobody']);

/**
 * What asking a server gave: enough to compute every figure of it again. Times are seconds since the phase
 * `serve` began.
 */
export const servingRecordSchema = z.object({
  /** Of the node's configuration. */
  server: z.string(),
  /** From its start until it had answered a request; null where it was running already. */
  startSeconds: z.number().nullable(),
  /** Of these, as its log says. */
  weightsLoadSeconds: z.number().nullable(),
  /** It was running already, for a trial that asked for the same. */
  kept: z.boolean(),
  requests: requestColumnsSchema,
  /** Turns that were not sent because one before them failed. */
  skippedTurns: z.number().int(),
  /**
   * What made the texts of this trial's prompts different from any other's. With `loadSeed` it makes them
   * again (`promptSalt` of the sweep).
   */
  promptSalt: z.string(),
  /**
   * Tokens of prompts that the load itself shares: those that also begin an earlier prompt of the run with
   * its answer, and those that the server puts before each prompt. Hits of its cache beyond them are of
   * prompts from before the run.
   */
  sharedPromptTokens: z.number().int().nonnegative(),
  promptTokensBy: countedBy,
  /** `chunks` = the server, with each chunk. */
  outputTokensBy: countedBy,
  /**
   * Tokens that the tokenizer makes of the texts of complete answers, where it was the server that counted;
   * left out = not known.
   */
  retokenized: z.number().int().optional(),
  tokenizer: z.object({ name: z.string(), digest: digestSchema }).nullable(),
  /** That prompts of chats were counted by; left out = there was none, or none was needed. */
  chatTemplate: z.object({ digest: digestSchema }).optional(),
  /** Why the run was ended before its time; null = it was not. */
  endedEarly: z.string().nullable(),
  /** How the load of the row was found; null where the sweep states it. */
  search: z
    .object({
      of: z.enum(['requestsPerSecond', 'concurrency']),
      /** The highest that keeps the objectives; null = none that was tried does. */
      load: z.number().nullable(),
      /** The lowest that does not, or of which it could not be told. */
      above: z.number().nullable(),
      reason: z.string(),
      runs: z.array(
        z.object({
          load: z.number(),
          requests: z.number().int(),
          /** Requests that kept each objective, in the canonical order of slo. */
          kept: z.array(z.number().int()),
          saturated: z.boolean(),
        }),
      ),
    })
    .nullable(),
  /**
   * Prompts that the server had not seen, each asked twice in a row after the run, and short answers taken:
   * whether it keeps answers (core/serving/audit.ts). null = not asked for, or the run had failures.
   */
  audit: requestColumnsSchema.nullable(),
  /** How the generator itself did. */
  generator: z.object({
    /** From intended starts to dispatches. */
    lag: delay,
    /** Of its event loop. */
    loopDelay: delay,
    cpuSeconds: z.number(),
    seconds: z.number(),
    /**
     * What it could do here at most, per second of its CPU time; null = it was idle so much that it had room
     * in any case.
     */
    ceiling: z
      .object({ requestsPerSecond: z.number().nullable(), chunksPerSecond: z.number().nullable() })
      .nullable(),
  }),
  /**
   * What the server's own metrics say: counters as what they grew by over the run, gauges as mean and largest
   * reading.
   */
  inside: z.partialRecord(
    z.enum(SERVER_METRIC_NAMES),
    z.union([z.object({ growth: z.number() }), z.object({ mean: z.number(), max: z.number() })]),
  ),
  /** Why the server's metrics are absent; null where they are there. */
  insideAbsent: z.string().nullable(),
});
export type ServingRecord = z.infer<typeof servingRecordSchema>;

/** @returns requests as columns, which are a fifth of their size as JSON. */
export function columnsOf(requests: readonly RequestRecord[]): RequestColumns {
  const column = <K extends keyof RequestRecord>(name: K) => requests.map((request) => request[name]);
  return {
    conversation: column('conversation'),
    turn: column('turn'),
    intended: column('intended'),
    dispatched: column('dispatched'),
    headers: column('headers'),
    firstByte: column('firstByte'),
    firstToken: column('firstToken'),
    firstAnswer: column('firstAnswer'),
    lastToken: column('lastToken'),
    done: column('done'),
    outcome: column('outcome'),
    problem: column('problem'),
    status: column('status'),
    bytes: column('bytes'),
    promptTokens: column('promptTokens'),
    wantedTokens: column('wantedTokens'),
    outputTokens: column('outputTokens'),
    reasoningTokens: column('reasoningTokens'),
    chunkSeconds: requests.map(({ chunks }) => [...chunks.seconds]),
    chunkTokens: requests.map(({ chunks }) => [...chunks.tokens]),
    ...(requests.some(({ lora }) => lora != null) && { lora: requests.map(({ lora }) => lora ?? null) }),
    usage: column('usage'),
  };
}

/** @returns the requests of columns. */
export function requestsOf(columns: RequestColumns): RequestRecord[] {
  return columns.intended.map((intended, index) => ({
    index,
    intended,
    conversation: columns.conversation[index]!,
    turn: columns.turn[index]!,
    dispatched: columns.dispatched[index]!,
    headers: columns.headers[index]!,
    firstByte: columns.firstByte[index]!,
    firstToken: columns.firstToken[index]!,
    firstAnswer: columns.firstAnswer[index]!,
    lastToken: columns.lastToken[index]!,
    done: columns.done[index]!,
    outcome: columns.outcome[index]!,
    problem: columns.problem[index]!,
    status: columns.status[index]!,
    bytes: columns.bytes[index]!,
    promptTokens: columns.promptTokens[index]!,
    wantedTokens: columns.wantedTokens[index]!,
    outputTokens: columns.outputTokens[index]!,
    reasoningTokens: columns.reasoningTokens[index]!,
    chunks: { seconds: columns.chunkSeconds[index]!, tokens: columns.chunkTokens[index]! },
    ...(columns.lora !== undefined && { lora: columns.lora[index]! }),
    usage: columns.usage[index]!,
  }));
}
