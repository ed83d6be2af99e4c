import { z } from 'zod';
import { listOf, NAME_CHARACTERS, numberBetween, recordOf, SENTENCE_CHARACTERS, textOf } from '../bounds.js';
import { digestSchema } from '../digest.js';
import { readJsonLine } from '../input/json-line.js';
import { REQUEST_OUTCOMES } from '../serving/requests.js';
import { MOST_CALLS } from './definition.js';

/**
 * The record of one call of an application, version 1: a line of JSON. Times are seconds since the sitting
 * began; missing is null. Fields are only ever added.
 */
export const CALL_SCHEMA = 'ridgepoint.dev/graph-call/v1';

const TEXT_CHARACTERS = 2 ** 24;
const count = z.int().nonnegative();
const seconds = z.number().nonnegative();

export const callSchema = z.object({
  schema: z.literal(CALL_SCHEMA),
  /** 0-based, in the order of starts, and the item that it has. */
  application: count,
  item: textOf(SENTENCE_CHARACTERS),
  /** Where it stands: `files[2]/rounds#1/review`. */
  call: textOf(SENTENCE_CHARACTERS),
  node: textOf(NAME_CHARACTERS),
  kind: z.enum(['prompt', 'retrieve', 'calculate', 'command']),
  /** Calls whose ends it waited for. */
  after: listOf(textOf(SENTENCE_CHARACTERS), MOST_CALLS),
  /** Of system prompt and prompt, or of what a tool was given. */
  promptDigest: digestSchema,
  /** What was said, or what a tool gave, as JSON. */
  answer: textOf(TEXT_CHARACTERS).nullable(),
  outcome: z.enum(REQUEST_OUTCOMES),
  problem: textOf(SENTENCE_CHARACTERS).nullable(),
  promptTokens: count.nullable(),
  /** Of these, taken from what was computed before, by the engine's own count. */
  cachedTokens: count.nullable(),
  outputTokens: count.nullable(),
  /** When it could begin, was sent to the engine, had its first token, and ended. */
  start: seconds,
  sent: seconds.nullable(),
  firstToken: seconds.nullable(),
  end: seconds,
  /** Which start of the process it was, from 0. */
  sitting: count,
});
export type CallRecord = z.infer<typeof callSchema>;

/**
 * How an application ended; `interrupted` = its process was killed and it went on in another, so that it has
 * no end-to-end time.
 */
const APPLICATION_OUTCOMES = ['complete', 'failed', 'interrupted'] as const;

export const applicationSchema = z.object({
  application: count,
  item: textOf(SENTENCE_CHARACTERS),
  outcome: z.enum(APPLICATION_OUTCOMES),
  /** Why it has no end-to-end time, or none that counts. */
  reason: textOf(SENTENCE_CHARACTERS).nullable(),
  /** When the schedule wanted it, when it began, and its end; of one sitting. */
  intended: seconds,
  start: seconds,
  end: seconds,
  sitting: count,
  answer: textOf(TEXT_CHARACTERS).nullable(),
  calls: count,
  /** Calls on its critical path, and their seconds with the network's. */
  pathCalls: count,
  pathSeconds: seconds.nullable(),
  /** By scorer, 0 to 1; null = nothing to compare with. */
  scores: recordOf(numberBetween(0, 1).nullable(), 100),
});
export type ApplicationRecord = z.infer<typeof applicationSchema>;

const nodeSchema = z.object({
  node: textOf(NAME_CHARACTERS),
  kind: callSchema.shape.kind,
  /** Of all applications that ended: how often, and their seconds together. */
  calls: count,
  seconds,
  /** Of those on critical paths. */
  pathCalls: count,
  pathSeconds: seconds,
  timeToFirstTokenP50: seconds.nullable(),
  promptTokens: count.nullable(),
  cachedTokens: count.nullable(),
  outputTokens: count.nullable(),
});
export type NodeRecord = z.infer<typeof nodeSchema>;

const stepSchema = z.object({
  id: textOf(SENTENCE_CHARACTERS),
  node: textOf(NAME_CHARACTERS),
  seconds,
  before: z.number(),
});

/** What running applications of a graph gave. Times are seconds since the phase `serve` began. */
export const graphRecordSchema = z.object({
  graph: textOf(NAME_CHARACTERS),
  /** Of its file, items included where they stand beside it. */
  digest: digestSchema,
  execution: z.enum(['graph', 'separate']),
  networkDelaySeconds: seconds,
  /** How the engine shares beginnings of prompts. */
  sharing: textOf(SENTENCE_CHARACTERS),
  /** Of the last sitting. */
  seconds,
  sitting: count,
  applications: listOf(applicationSchema, 1_000_000),
  /** Of the calls of applications that ended, in the order of the graph. */
  nodes: listOf(nodeSchema, 10_000),
  /** Requests under way at once, on average over the last sitting. */
  meanRequestsInFlight: z.number().nonnegative().nullable(),
  /** Critical path of the application whose latency is the median. */
  path: listOf(stepSchema, MOST_CALLS),
  /** Their records, known by the content of their file. */
  calls: z.object({
    schema: z.literal(CALL_SCHEMA),
    digest: digestSchema,
    bytes: count,
    items: count,
  }),
});
export type GraphRecord = z.infer<typeof graphRecordSchema>;

/** @returns a line of a file as a record, or one sentence why it is none. */
export function readCall(line: string): CallRecord | string {
  return readJsonLine(callSchema, line, 'a call');
}
