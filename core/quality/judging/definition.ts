import { z } from 'zod';
import { integerBetween, textUpTo } from '../../bounds.js';
import { readDefinition } from '../../input/definition.js';
import { patternProblem } from '../scorers/pattern.js';

/** What is read in the words of a judge. */
const reads = z.union([
  /** How likely each rating is, from the lowest to the highest of the scale: nothing is generated. */
  z.literal('likelihood'),
  /** Two answers: `[[A>>B]]`, `[[A>B]]`, `[[A=B]]` and so on, the last in the text (Arena-Hard). */
  z.literal('verdict'),
  /** A number in an object at the end, of JSON or as Python writes it. */
  z.strictObject({ field: textUpTo(100) }),
  /** The number in the first group of a pattern, where it is found last. */
  z.strictObject({ pattern: z.string().min(1) }),
]);

const prompt = textUpTo(100_000);
const scale = z
  .tuple([z.number(), z.number()])
  .refine(([from, to]) => from < to, 'the lowest grade comes first');

const schema = z.strictObject({
  apiVersion: z.literal('ridgepoint.dev/v1'),
  kind: z.literal('Judge'),
  metadata: z.strictObject({ name: textUpTo(100) }),
  spec: z.strictObject({
    reads: reads.default('likelihood'),
    /** The lowest and the highest grade, which become 0 and 1. */
    scale: scale.default([0, 9]),
    /** With {prompt}, {answer} and {references}; of two answers {first} and {second}. */
    prompt,
    /** Other words for answers of a task, or of groups of items: the first that holds. */
    rubrics: z
      .array(
        z.strictObject({
          task: z.string().optional(),
          groups: z.record(z.string(), z.string()).default({}),
          prompt: prompt.optional(),
          scale: scale.optional(),
        }),
      )
      .max(1000)
      .default([]),
    maxTokens: integerBetween(1, 8192).default(512),
    stop: z.array(textUpTo(100)).max(16).default([]),
    /** Two answers: what the two games are together. */
    games: z.enum(['consistent', 'weighted']).default('consistent'),
  }),
});

export type JudgeDefinition = z.output<typeof schema>['spec'];

/** What a judge is given for one answer: its words and its grades. */
export interface Rubric {
  readonly prompt: string;
  readonly scale: readonly [number, number];
}

/** @returns what a YAML file says of a judge, or every problem with its line. */
export function parseJudge(text: string): JudgeDefinition | readonly string[] {
  const read = readDefinition(text, schema);
  if (!read.ok)
    return read.diagnostics.map(
      ({ line, path, message }) => `${line}: ${path === '' ? '' : `${path}: `}${message}`,
    );
  const { spec } = read.value;
  return problemsOf(spec).length > 0 ? problemsOf(spec) : spec;
}

function problemsOf({ reads: how, prompt: template, rubrics, scale: [from, to] }: JudgeDefinition): string[] {
  const prompts = [template, ...rubrics.flatMap(({ prompt: own }) => own ?? [])];
  const needed = prompts.every((one) => one.includes('{first}')) ? ['{first}', '{second}'] : ['{answer}'];
  const missing = prompts.flatMap((one) => needed.filter((place) => !one.includes(place)));
  const pattern = typeof how === 'object' && 'pattern' in how ? patternProblem(how.pattern) : null;
  return [
    ...(missing.length > 0 ? [`a prompt has no ${missing[0]}`] : []),
    ...(how === 'verdict' && needed.length === 1 ? ['a verdict is about {first} and {second}'] : []),
    ...(how === 'likelihood' &&
    needed.length === 1 &&
    !(Number.isInteger(from) && Number.isInteger(to) && to - from <= 100)
      ? ['likelihood takes whole grades, 101 at most']
      : []),
    ...(pattern === null ? [] : [pattern]),
  ];
}

/** @returns whether it holds two answers against each other. */
export const isPairwise = ({ prompt: template }: Pick<JudgeDefinition, 'prompt'>): boolean =>
  template.includes('{first}');

/** @returns what is asked of an answer to a task, in its groups. */
export function rubricOf(
  { prompt: template, scale: grades, rubrics }: JudgeDefinition,
  of: { readonly task?: string; readonly groups?: Readonly<Record<string, string>> },
): Rubric {
  const own = rubrics.find(
    ({ task, groups }) =>
      (task === undefined || task === of.task) &&
      Object.entries(groups).every(([field, group]) => of.groups?.[field] === group),
  );
  return { prompt: own?.prompt ?? template, scale: own?.scale ?? grades };
}

/** A judge by a plain text: ratings from 0 to 9 by how likely they are. */
export function plainJudge(template: string): JudgeDefinition {
  return schema.shape.spec.parse({ prompt: template });
}
