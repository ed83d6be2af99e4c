import { z } from 'zod';
import { above0, integerBetween, numberBetween, textUpTo } from '../../bounds.js';
import { POOLINGS } from '../../ranking/definition.js';
import { EXTERNAL, SCORERS } from '../scorers/index.js';

/** A field of a record, or `a.b` for one inside another. */
export const field = textUpTo(200);
/** A scorer of our own, or one that the node's config has under that name. */
const scorer = z.union([
  z.enum(SCORERS),
  z.templateLiteral([EXTERNAL, z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/)]),
]);
const ks = z.array(integerBetween(1, 1024)).max(16);

const fewShot = z
  .strictObject({
    count: integerBetween(0, 64),
    items: z
      .string()
      .min(1)
      .describe(
        'JSONL with the same fields. Without it `first` shows the first items and does not score them; the others choose among the items, the asked one left out.',
      ),
    separator: z.string().max(200).describe('Between examples; a blank line when left out.'),
    pick: z
      .enum(['first', 'random', 'nearest'])
      .describe(
        'The first; drawn anew for each item (as lm-evaluation-harness draws); or those whose question is most alike.',
      ),
    seed: integerBetween(0, 4_294_967_295).describe('Of `random`; 1234 when left out.'),
    vectors: field.describe(
      'Of `nearest`: a field with the embedding of each record, compared by cosine; left out = words that questions share (TF-IDF).',
    ),
    embeddings: z
      .enum(POOLINGS)
      .describe(
        'Of `nearest`, in place of `vectors`: questions are compared by the embeddings that the base model makes of them, pooled so (`model` = as its file says).',
      ),
    multiturn: z
      .boolean()
      .describe(
        'Under a chat template: each example a turn of its own (the default), or all in one message.',
      ),
  })
  .partial();

/** How answers are drawn; left out = the likeliest token each time. */
const sampling = z.strictObject({
  temperature: numberBetween(0, 10).default(1),
  topP: above0(1).optional(),
  topK: integerBetween(1, 1_000_000).optional(),
  minP: numberBetween(0, 1).optional(),
  seed: integerBetween(0, 4_294_967_295).default(0),
});
export type Sampling = z.infer<typeof sampling>;

/** Ways to read an answer: what is scored of what was said. */
const extract = z.union([
  z.enum(['letter', 'boxed', 'number']),
  z.strictObject({ regex: textUpTo(500), take: z.enum(['first', 'last']).default('first') }),
  z.strictObject({ json: field }),
]);
export type Extract = z.infer<typeof extract>;

/**
 * Everything that one way of asking may set: of a task, of one of its `ways`, or of a sweep that names its
 * file.
 */
export const ASKING = {
  mode: z.enum(['choice', 'letter', 'generate']),
  fields: z
    .strictObject({
      question: field,
      /**
       * A field that holds the options: a list, a map, or a text with one a line; or one field for each
       * option; or a list of records, and which of their fields is what.
       */
      choices: z.union([
        field,
        z.array(field).min(2).max(26),
        z.strictObject({ in: field, text: field, label: field.optional() }),
      ]),
      answer: field,
      id: field,
      /** Several fields give several groupings, each with its own spread. */
      group: z.union([field, z.array(field).min(1).max(8)]),
      solution: field.describe('What examples show as their answer, such as one with its reasons.'),
      history: field.describe(
        'Turns before the question: a list of `{role, content}`, or of texts by turns.',
      ),
    })
    .partial()
    .describe('Which fields of a record are what.'),
  prompt: z
    .string()
    .max(20_000)
    .describe('`{question}`, `{choices}` (lettered lines) and any field of the record.'),
  continuation: z
    .string()
    .max(2000)
    .describe('What follows the prompt for an option; `{choice}` stands for it.'),
  context: z
    .string()
    .max(20_000)
    .nullable()
    .describe('Before the prompt, with fields of the record; null = nothing.'),
  system: z
    .string()
    .max(20_000)
    .nullable()
    .describe('A system prompt, with fields of the record; null = none.'),
  chat: z.boolean().describe("Ask by the model's own chat template."),
  fewShot: z
    .union([integerBetween(0, 64), fewShot])
    .describe('Solved examples before the question: how many, or which.'),
  extract: extract.nullable().describe('What is scored of a generated answer; null = all of it.'),
  sampling: sampling.nullable().describe('How answers are drawn; null = the likeliest token each time.'),
  samples: integerBetween(1, 1024).describe('Answers to each item; each score is then their mean.'),
  votes: ks.describe(
    'Scores also of the answer that most of the first k give (maj@k); all of them when left out.',
  ),
  passes: ks.describe('The chance that one of k answers is right (pass@k).'),
  scorers: z.array(scorer).min(1).max(20),
  tolerance: z.number().min(0),
  maxTokens: integerBetween(1, 16_384),
  stop: z.array(textUpTo(100)).max(16),
} as const;

const options = z.strictObject(ASKING).partial();
export type AskingOptions = z.infer<typeof options>;

/**
 * Axes of asking: by the name of an option its values, or by a name of its own what each of its values sets.
 */
export const waysSchema = z
  .record(textUpTo(60), z.union([z.array(z.json()).min(1).max(64), z.record(textUpTo(60), options)]))
  .describe('Ways to ask the same items: the product of these axes.');
export type Ways = z.infer<typeof waysSchema>;

/** A task file that is asked otherwise than it says. */
export const taskChoiceSchema = z.strictObject({
  file: textUpTo(4096).describe('A task file, as a name alone would be.'),
  name: textUpTo(100).optional().describe('What the task is called; as its file says when left out.'),
  ...options.shape,
  ways: waysSchema.optional(),
});
export type TaskChoice = z.infer<typeof taskChoiceSchema>;
/** A task file, or one with what is asked otherwise than it says. */
export type NamedTask = string | TaskChoice;

/** @returns which file a task is in, and what is asked otherwise. */
export const chosenTask = (named: NamedTask): TaskChoice =>
  typeof named === 'string' ? { file: named } : named;

export interface FewShot {
  readonly count: number;
  readonly items: string | null;
  readonly separator: string;
  readonly pick: 'first' | 'random' | 'nearest';
  readonly seed: number;
  readonly vectors: string | null;
  /** How the base model's states become vectors that are compared; null = they are not. */
  readonly embeddings: (typeof POOLINGS)[number] | null;
  readonly multiturn: boolean;
}

/** @returns which examples are shown, nothing left out. */
export function fewShotOf({ fewShot: said = 0 }: Pick<AskingOptions, 'fewShot'>): FewShot {
  const given = typeof said === 'number' ? { count: said } : said;
  const { count = 0, items = null, separator = '\n\n', pick = 'first', seed = 1234, vectors = null } = given;
  const { embeddings = null, multiturn = true } = given;
  return { count, items, separator, pick, seed, vectors, embeddings, multiturn };
}

/** @returns the first with what the second says otherwise; of fields and examples one by one. */
export function askedOtherwise<T extends AskingOptions>(asked: T, otherwise: AskingOptions): T {
  const shown = (value: AskingOptions['fewShot']) => (typeof value === 'number' ? { count: value } : value);
  return {
    ...asked,
    ...otherwise,
    ...((asked.fields ?? otherwise.fields) && { fields: { ...asked.fields, ...otherwise.fields } }),
    ...(otherwise.fewShot !== undefined && {
      fewShot: { ...shown(asked.fewShot), ...shown(otherwise.fewShot) },
    }),
  };
}

/** One way to ask: its name, and what it sets. */
export interface Way {
  /** `chat=true, fewShot=5`; null where a task is asked one way alone. */
  readonly name: string | null;
  readonly options: AskingOptions;
}

const MOST_WAYS = 500;

export interface WayProblem {
  /** '' = all of them together. */
  readonly axis: string;
  readonly message: string;
}

/** @returns the product of the axes, the first axis slowest, and what is wrong with them. */
export function waysOf(ways: Ways | undefined): {
  readonly ways: readonly Way[];
  readonly problems: readonly WayProblem[];
} {
  const problems: WayProblem[] = [];
  const axes = Object.entries(ways ?? {}).map(([axis, values]) => {
    const read = Array.isArray(values) ? listed(axis, values) : named(axis, values);
    if (typeof read !== 'string') return read;
    problems.push({ axis, message: read });
    return [];
  });
  const count = axes.reduce((product, values) => product * values.length, 1);
  if (count > MOST_WAYS) problems.push({ axis: '', message: `${count} ways; ${MOST_WAYS} are the most` });
  if (problems.length > 0) return { ways: [], problems };
  let all: Way[] = [{ name: null, options: {} }];
  for (const values of axes) {
    all = all.flatMap((way) =>
      values.map(({ name, options: set }) => ({
        name: way.name === null ? name : `${way.name}, ${name}`,
        options: askedOtherwise(way.options, set),
      })),
    );
  }
  return { ways: all, problems };
}

function named(axis: string, values: Readonly<Record<string, AskingOptions>>): Way[] {
  return Object.entries(values).map(([name, set]) => ({ name: `${axis}=${name}`, options: set }));
}

function listed(axis: string, values: readonly unknown[]): Way[] | string {
  if (!Object.hasOwn(ASKING, axis))
    return `${axis} is no option of asking: name the values instead (${axis}: { one: { system: … } })`;
  const found: Way[] = [];
  for (const [i, value] of values.entries()) {
    const read = options.safeParse({ [axis]: value });
    if (!read.success) return `${show(value, i)}: ${read.error.issues[0]?.message ?? 'no value of it'}`;
    found.push({ name: `${axis}=${show(value, i)}`, options: read.data });
  }
  const twice = found.find(({ name }, i) => found.findIndex((other) => other.name === name) < i);
  return twice === undefined ? found : `${twice.name} is there twice`;
}

/** Long texts and lists are called by their place: whoever wants a name gives one. */
function show(value: unknown, place: number): string {
  const short = typeof value !== 'object' || value === null;
  const text = String(value);
  return short && text.length <= 40 && !/\p{Cc}/u.test(text) ? text : `#${place + 1}`;
}
