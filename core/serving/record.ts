import { z } from 'zod';
import { digestSchema } from '../digest.js';
import { REQUEST_OUTCOMES, type RequestRecord } from './requests.js';
import { SERVER_METRIC_NAMES } from './server-metrics.js';

const numbers = z.array(z.number());
const gaps = z.array(z.number().nullable());
const delay = z.object({ p50: z.number(), p99: z.number(), max: z.number() }).nullable();

/**
 * A column for each field of `RequestRecord`, with one entry per request, in the order of intended starts.
 */
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
    /** Left out if no request asked for one. */
    lora: z.array(z.string().nullable()).optional(),
    usage: z.array(
      z
        .object({
          promptTokens: z.number().nullable(),
          completionTokens: z.number().nullable(),
          /** Left out if the server does not report it. */
          cachedTokens: z.number().optional(),
        })
        .nullable(),
    ),
  })
  .meta({ id: 'requests' });
export type RequestColumns = z.infer<typeof requestColumnsSchema>;

const countedBy = z.enum(['tokenizer', 'chunks', 'server', 'nobody']);

/**
 * The record of a load, from which all its figures can be computed again. Times are seconds since the phase
 * `serve` began.
 */
export const servingRecordSchema = z.object({
  /** Of the node's configuration. */
  server: z.string(),
  /** Seconds from the server's start until it had answered a request; null if it was running already. */
  startSeconds: z.number().nullable(),
  /** Of these, as its log says. */
  weightsLoadSeconds: z.number().nullable(),
  /** True if the server was kept running from an earlier trial with the same command line. */
  kept: z.boolean(),
  requests: requestColumnsSchema,
  /** Turns that were not sent because one before them failed. */
  skippedTurns: z.number().int(),
  /**
   * The salt that makes this trial's prompts different from all others. With `loadSeed` it reproduces them
   * (`promptSalt` of the sweep).
   */
  promptSalt: z.string(),
  /**
   * Prompt tokens that the load itself shares: those with which an earlier prompt of the load and its answer
   * begin, too, and those that the server puts before each prompt. Further cache hits are from prompts before
   * the load.
   */
  sharedPromptTokens: z.number().int().nonnegative(),
  promptTokensBy: countedBy,
  /** `chunks` = the server, with each chunk. */
  outputTokensBy: countedBy,
  /**
   * Tokens of the texts of complete answers as the tokenizer counts them, if the server's counts are used;
   * left out = unknown.
   */
  retokenized: z.number().int().optional(),
  tokenizer: z.object({ name: z.string(), digest: digestSchema }).nullable(),
  /** The template by which prompts of chats were counted; left out = there was none, or none was needed. */
  chatTemplate: z.object({ digest: digestSchema }).optional(),
  /** Why the run was ended before its time; null = it was not. */
  endedEarly: z.string().nullable(),
  /** How the load of the row was found; null if the sweep states it. */
  search: z
    .object({
      of: z.enum(['requestsPerSecond', 'concurrency']),
      /** The highest load that meets the objectives; null = no tried load does. */
      load: z.number().nullable(),
      /** The lowest load that does not meet them, or that is undecided. */
      above: z.number().nullable(),
      reason: z.string(),
      runs: z.array(
        z.object({
          load: z.number(),
          requests: z.number().int(),
          /** Number of requests that met each objective, in the canonical order of slo. */
          kept: z.array(z.number().int()),
          saturated: z.boolean(),
        }),
      ),
    })
    .nullable(),
  /**
   * New prompts, each sent twice in a row after the load with short answers, which show whether the server
   * caches (core/serving/audit.ts). null = not requested, or the load had failures.
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
     * The generator's ceiling on this machine, per second of its CPU time; null = it was idle enough for the
     * ceiling not to matter.
     */
    ceiling: z
      .object({ requestsPerSecond: z.number().nullable(), chunksPerSecond: z.number().nullable() })
      .nullable(),
  }),
  /**
   * The server's own metrics: counters as their increase over the load, gauges as mean and largest reading.
   */
  inside: z.partialRecord(
    z.enum(SERVER_METRIC_NAMES),
    z.union([z.object({ growth: z.number() }), z.object({ mean: z.number(), max: z.number() })]),
  ),
  /** Why the server's metrics are absent; null if they are present. */
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
