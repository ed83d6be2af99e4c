import { z } from 'zod';
import { textUpTo } from '../../bounds.js';
import { readDefinition } from '../../input/definition.js';
import type { Diagnostic } from '../../input/diagnostic.js';
import { ASKING, type AskingOptions, askedOtherwise, field, waysOf, waysSchema } from './asking.js';

const value = z.union([z.string().max(1000), z.number(), z.boolean()]);

const schema = z.strictObject({
  apiVersion: z.literal('ridgepoint.dev/v1'),
  kind: z.literal('Task'),
  metadata: z.strictObject({ name: textUpTo(100) }),
  spec: z.strictObject({
    /** JSONL, one item a line, or a JSON list of items; relative to this file. */
    items: z.string().min(1),
    /** Items that are asked: those that have one of these values in each of these fields. */
    only: z.record(field, z.union([value, z.array(value).min(1).max(200)])).default({}),
    /** `inText`: options begin with what they are called by, such as `(1)` or `A.`, which is taken off. */
    optionLabels: z.enum(['none', 'inText']).default('none'),
    /** What the answer field holds; `label` is what the option is called by in the data itself. */
    answerIs: z.enum(['index', 'number', 'letter', 'text', 'label']).optional(),
    /** Items with several right options (`A,C`, `ACD`, a list): an error, left out, or any of them counts. */
    severalAnswers: z.enum(['refuse', 'skip', 'any']).default('refuse'),
    ...z.strictObject(ASKING).partial().shape,
    mode: ASKING.mode.default('choice'),
    fields: ASKING.fields.default({}),
    context: ASKING.context.default(null),
    system: ASKING.system.default(null),
    chat: ASKING.chat.default(false),
    extract: ASKING.extract.default(null),
    sampling: ASKING.sampling.default(null),
    samples: ASKING.samples.default(1),
    /** `generate` alone. */
    scorers: ASKING.scorers.default(['exact']),
    /**
     * A program that an answer becomes a part of, for a scorer that runs it: `{answer}`, fields of the
     * record, and `{token}`, a word that it has to print last; left out = the answer.
     */
    program: textUpTo(20_000).optional(),
    /**
     * Python with fields of the record, which calls functions of the program as `answer.NAME(…)` from another
     * process. Without it, a program has passed that ends with exit code 0.
     */
    tests: textUpTo(20_000).optional(),
    tolerance: ASKING.tolerance.default(1e-6),
    maxTokens: ASKING.maxTokens.default(64),
    stop: ASKING.stop.default(['\n']),
    ways: waysSchema.optional(),
  }),
});

/** What a task file says, defaults filled in. */
export interface TaskDefinition {
  readonly name: string;
  /** What this way of asking it is called; null or left out = it has no other. */
  readonly way?: string | null;
  readonly spec: z.infer<typeof schema>['spec'];
}

export type Parsed<T, M> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly diagnostics: readonly M[] };

/** Reads a task's YAML: which JSONL file, which field is what, how to ask. @returns all errors at once. */
export function parseTaskDefinition(text: string): Parsed<TaskDefinition, Diagnostic> {
  const read = readDefinition(text, schema);
  if (!read.ok) return read;
  const { metadata, spec } = read.value;
  const diagnostics = waysOf(spec.ways).problems.map(({ axis, message }) =>
    read.at(axis === '' ? ['spec', 'ways'] : ['spec', 'ways', axis], message, 'key'),
  );
  return diagnostics.length > 0
    ? { ok: false, diagnostics }
    : { ok: true, value: { name: metadata.name, spec } };
}

/**
 * @returns the definition for a JSONL file that comes without one: common field names, options by likelihood.
 */
export function plainTask(name: string, items: string): TaskDefinition {
  return {
    name,
    spec: schema.shape.spec.parse({ items }),
  };
}

/** @returns a definition for each way that a task is asked. */
export function asked({ name, spec }: TaskDefinition): readonly TaskDefinition[] {
  return waysOf(spec.ways).ways.map((way) => ({
    name,
    way: way.name,
    spec: askedOtherwise(spec, way.options),
  }));
}

/** @returns a task as somebody else wants it asked; their axes take the place of its own. */
export function definedOtherwise(
  { name, spec }: TaskDefinition,
  {
    name: other = name,
    ways = spec.ways,
    ...otherwise
  }: AskingOptions & Pick<TaskDefinition['spec'], 'ways'> & { readonly name?: string | undefined },
): TaskDefinition {
  return { name: other, spec: { ...askedOtherwise(spec, otherwise), ...(ways !== undefined && { ways }) } };
}
