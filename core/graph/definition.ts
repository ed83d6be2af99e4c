import { z } from 'zod';
import { above0, integerBetween, numberBetween, textUpTo } from '../bounds.js';
import { parserSchema } from './parsers.js';

/** Graphs are data from somewhere else: what one application may ask for is bounded. */
export const MOST_CALLS = 10_000;
/** Elements of a list that is mapped, reduced or split. */
export const MOST_ELEMENTS = 5000;
const MOST_ROUNDS = 100;

/** Of nodes and variables; node names are file-like words in records, so no dots. */
const nameSchema = z
  .string()
  .regex(/^[A-Za-z_]\w{0,62}$/, 'a name has letters, digits and _, such as summary_2');
const template = z.string().max(100_000);
const reference = z.string().regex(/^\{\{\s*[A-Za-z_]\w{0,62}\s*\}\}$/);
/** A number, or a setting that holds one. */
const countUpTo = (most: number, least = 1) => z.union([integerBetween(least, most), reference]);

/** Nodes inside nodes. */
const nodesSchema: z.ZodType<Readonly<Record<string, unknown>>> = z.lazy(() =>
  z.record(nameSchema, z.union(Object.values(KINDS))),
);

/** How an answer is drawn; what is left out is the workload's. */
const samplingShape = {
  system: template.optional(),
  /** The name that the server knows it by; a setting's name in braces is that setting. */
  model: z.string().max(200).optional(),
  temperature: z.union([numberBetween(0, 10), reference]).optional(),
  topP: above0(1).optional(),
  topK: integerBetween(1, 100_000).optional(),
  minP: numberBetween(0, 1).optional(),
  maxTokens: countUpTo(65_536).optional(),
  stop: z.array(textUpTo(100)).min(1).max(16).optional(),
};
const body = { do: nodesSchema, give: nameSchema.optional() };

/** What nodes there are, by the key that each begins with. */
const KINDS = {
  /** One request to a model; `samples` ask it so often, and give a list. */
  prompt: z.strictObject({
    prompt: template,
    role: nameSchema.optional(),
    ...samplingShape,
    samples: countUpTo(256).optional(),
    parse: parserSchema.optional(),
  }),
  /** What stands under `do`, for each element of a list, side by side. */
  map: z.strictObject({ map: nameSchema, as: nameSchema, ...body }),
  /** The same, one after the other: `carry` is what the one before gave. */
  reduce: z.strictObject({
    reduce: nameSchema,
    as: nameSchema,
    carry: nameSchema,
    from: template.default(''),
    ...body,
  }),
  /** Rounds, `most` of them at most, until `until` holds; `loop` names what a round hands to the next. */
  loop: z.strictObject({
    loop: nameSchema,
    from: template.default(''),
    most: countUpTo(MOST_ROUNDS),
    until: z.string().max(2000).optional(),
    ...body,
  }),
  /** One side or the other, by an expression. */
  if: z.strictObject({ if: textUpTo(2000), do: nodesSchema, else: nodesSchema.optional() }),
  /** What most elements of a list say; of several the first. */
  vote: z.strictObject({ vote: nameSchema }),
  /** A text that is put together, or cut into a list. */
  value: z.strictObject({ value: template }),
  split: z.strictObject({
    split: template,
    by: z.enum(['words', 'lines', 'paragraphs']).default('words'),
    size: countUpTo(1_000_000).default(200),
  }),
  /** The passages of a JSONL file (`id`, `title`, `text`) that fit a query best, by BM25. */
  retrieve: z.strictObject({
    retrieve: template,
    from: textUpTo(4096),
    top: countUpTo(100).default(3),
  }),
  /** An expression, of variables or one that a model wrote into a text. */
  calculate: z.strictObject({ calculate: textUpTo(2000) }),
  /** A command of the node's configuration: the text on its standard input, its standard output back. */
  command: z.strictObject({
    command: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/),
    input: template.default(''),
  }),
} as const;

export type NodeKind = keyof typeof KINDS;
export const NODE_KINDS = Object.keys(KINDS) as readonly NodeKind[];
export const kindSchema = (kind: NodeKind): z.ZodType => KINDS[kind];

const scalar = z.union([z.string().max(20_000), z.number(), z.boolean()]);

const specOf = (nodes: z.ZodType<Readonly<Record<string, unknown>>>) =>
  z.strictObject({
    /** What an application is started with: JSONL, a line each, relative to this file; or the list itself. */
    items: z.union([textUpTo(4096), z.array(z.record(z.string(), z.unknown())).min(1).max(10_000)]),
    /** Fields of an item that prompts may use. */
    inputs: z.array(nameSchema).max(200).default([]),
    /** Fields that name an item and say what the final answer should be. */
    id: textUpTo(200).default('id'),
    reference: textUpTo(200).optional(),
    /** Of the final answer against the reference. */
    scorers: z.array(textUpTo(100)).min(1).max(20).default(['exact']),
    /** What a sweep may change without a word of the graph: numbers and words. */
    settings: z.record(nameSchema, scalar).default({}),
    roles: z.record(nameSchema, z.strictObject(samplingShape)).default({}),
    nodes,
    /** The node that gives the final answer; left out = the last one. */
    output: nameSchema.optional(),
  });

const graphOf = (nodes: z.ZodType<Readonly<Record<string, unknown>>>) =>
  z.strictObject({
    apiVersion: z.literal('ridgepoint.dev/v1'),
    kind: z.literal('Graph'),
    metadata: z.strictObject({ name: textUpTo(100) }),
    spec: specOf(nodes),
  });

/** What is read first: nodes are looked at one by one, so that each error stands where it is. */
export const outerSchema = graphOf(z.record(z.string(), z.unknown()));

/** @returns the published JSON Schema of graph files. */
export function graphJsonSchema(): object {
  return {
    ...z.toJSONSchema(graphOf(nodesSchema), { io: 'input' }),
    title: 'Ridgepoint graph',
    description: 'Prompts and tools whose answers go into each other (workload graph).',
  };
}

export type Sampling = z.infer<z.ZodObject<typeof samplingShape>>;
