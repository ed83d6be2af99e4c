import { z } from 'zod';
import { orNull } from '../bounds.js';
import { readDefinition } from '../input/definition.js';
import type { Diagnostic } from '../input/diagnostic.js';
import { LAYOUTS } from './data.js';
import { MEASURE } from './measures.js';
import { LETTERS } from './order.js';

const path = z.string().min(1).max(1000);
const integerUpTo = (most: number) => z.int().min(1).max(most);
const template = z.string().max(20_000);

const data = z.discriminatedUnion('layout', [
  z
    .strictObject({ layout: z.literal(LAYOUTS[0]), folder: path, split: path.default('test') })
    .describe('corpus.jsonl, queries.jsonl and qrels/SPLIT.tsv in a folder.'),
  z.strictObject({
    layout: z.literal(LAYOUTS[1]),
    documents: path,
    examples: path,
    gold: z.enum(['gold_ids', 'gold_ids_long']).default('gold_ids'),
  }),
  z.strictObject({ layout: z.literal(LAYOUTS[2]), collection: path, queries: path, qrels: path }),
]);

/** How states of tokens become one vector; `model` = as its file says. */
export const POOLINGS = ['model', 'mean', 'cls', 'last'] as const;

const embedding = {
  pooling: z
    .enum(POOLINGS)
    .default('model')
    .describe('How states of tokens become one vector; `model` = as its file says.'),
  normalize: z.boolean().default(true).describe('To length 1, so that products are cosines.'),
  queryPrefix: z.string().max(2000).default('').describe('Put before queries, as E5 wants `query: `.'),
  documentPrefix: z.string().max(2000).default('').describe('Put before documents, as E5 wants `passage: `.'),
};

const candidates = z.discriminatedUnion('from', [
  z
    .strictObject({
      from: z.literal('bm25'),
      top: integerUpTo(10_000).default(100),
      k1: z.number().min(0).max(100).default(0.9),
      b: z.number().min(0).max(1).default(0.4),
    })
    .describe('By words; k1 and b of Anserini on BEIR.'),
  z
    .strictObject({ from: z.literal('run'), file: path, top: integerUpTo(10_000).default(100) })
    .describe('A run as trec_eval reads it.'),
  z.strictObject({
    from: z.literal('embeddings'),
    model: path
      .optional()
      .describe('Whose vectors find the nearest documents; left out = of the model that is asked.'),
    top: integerUpTo(10_000).default(100),
    ...embedding,
  }),
  z.strictObject({ from: z.literal('all') }).describe('Every document, in its order.'),
]);

const DEPTH =
  'How many of the first candidates are put in another order; the others stay behind them. null = all.';
const depth = orNull(integerUpTo(10_000)).describe(DEPTH);
const passageWords = integerUpTo(100_000)
  .default(300)
  .describe('Words of a passage, fewer where they do not fit.');
const chat = z.boolean().default(true).describe("In the model's own chat template, where it has one.");

const listwise = {
  depth,
  passageWords,
  chat,
  window: z
    .int()
    .min(2)
    .max(LETTERS, `a list has at most ${LETTERS} passages, one for each letter`)
    .default(20)
    .describe('Passages of a list.'),
  step: integerUpTo(LETTERS)
    .optional()
    .describe('How far a window moves towards the top; left out = half of it.'),
};

const way = z.discriminatedUnion('by', [
  z.strictObject({ by: z.literal('candidates') }).describe('As they were found.'),
  z
    .strictObject({ by: z.literal('first-token'), ...listwise })
    .describe('Lists, by the probabilities of the token that would name the best passage (FIRST).'),
  z
    .strictObject({ by: z.literal('generate'), ...listwise })
    .describe('Lists, by the order that the model writes out.'),
  z.strictObject({ by: z.literal('pointwise'), depth, passageWords, chat, prompt: template.optional() }),
  /** Two prompts for each pair of candidates, so few of them. */
  z.strictObject({
    by: z.literal('pairwise'),
    depth: integerUpTo(1000).nullable().default(10),
    passageWords,
    chat,
    prompt: template.optional(),
  }),
  /** A model with one number for a query and a document; `pair` is for reward heads, which read one text. */
  z.strictObject({ by: z.literal('cross-encoder'), depth, pair: template.optional() }),
  z.strictObject({ by: z.literal('embeddings'), depth, ...embedding }),
]);

const rankingSchema = z.strictObject({
  apiVersion: z.literal('ridgepoint.dev/v1'),
  kind: z.literal('Ranking'),
  metadata: z.strictObject({ name: z.string().min(1).max(60) }),
  spec: z.strictObject({
    data,
    queries: integerUpTo(1_000_000)
      .optional()
      .describe('The first so many that have judgements; left out = all.'),
    unknownDocuments: z
      .enum(['refuse', 'leaveOut'])
      .default('refuse')
      .describe('Judgements of documents that the corpus does not have: an error, or left out.'),
    candidates,
    measures: z
      .array(z.string().regex(MEASURE))
      .min(1)
      .max(20)
      .default(['ndcg@10', 'recall@100', 'mrr@10', 'map'])
      .describe('As trec_eval computes them; the first stands for the ranking.'),
    ways: z
      .record(z.string().regex(/^[\w.-]{1,30}$/), way)
      .refine((ways) => Object.keys(ways).length > 0, 'name at least one way of ranking')
      .describe("What is tried, by names of the user's own; each is a row of scores."),
    contextTokens: orNull(z.int().min(128).max(1_048_576)).describe(
      'Of prompts; null = as many as the model was trained for, at most 4096.',
    ),
  }),
});

export type RankingSpec = z.infer<typeof rankingSchema>['spec'];
export type Way = RankingSpec['ways'][string];

/** What a ranking file says, defaults filled in. */
export interface RankingDefinition {
  readonly name: string;
  readonly spec: RankingSpec;
}

export type ParsedRanking =
  | { readonly ok: true; readonly value: RankingDefinition }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] };

/** @returns the JSON Schema of ranking files, for editors. */
export function rankingJsonSchema(): object {
  return {
    ...z.toJSONSchema(rankingSchema, { io: 'input' }),
    title: 'Ridgepoint ranking',
    description: 'Documents that are put in order, and the ways in which they are.',
  };
}

/** @returns whether a YAML text says that it is of this kind. */
export function isRanking(text: string): boolean {
  return /^kind:\s*['"]?Ranking\b/m.test(text);
}

/** Reads the YAML of a ranking. @returns all errors at once. */
export function parseRanking(text: string): ParsedRanking {
  const read = readDefinition(text, rankingSchema);
  if (!read.ok) return read;
  const { metadata, spec } = read.value;
  const diagnostics = Object.entries(spec.ways).flatMap(([name, one]) => {
    const problem = problemOf(one);
    return problem === null ? [] : [read.at(['spec', 'ways', name], problem, 'key')];
  });
  return diagnostics.length > 0
    ? { ok: false, diagnostics }
    : { ok: true, value: { name: metadata.name, spec } };
}

function problemOf(one: Way): string | null {
  if ('step' in one && (one.step ?? 1) > one.window)
    return 'step is larger than window, so candidates between two windows would never be compared';
  const [field, asked] =
    'pair' in one ? ['pair', one.pair] : ['prompt', 'prompt' in one ? one.prompt : undefined];
  if (asked === undefined) return null;
  const wanted = one.by === 'pairwise' ? ['{query}', '{a}', '{b}'] : ['{query}', '{document}'];
  const lacks = wanted.filter((name) => !asked.includes(name));
  return lacks.length === 0 ? null : `${field} has to hold ${lacks.join(' and ')}`;
}
