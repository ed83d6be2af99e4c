import { z } from 'zod';
import { type Diagnostic, type Path, pathText } from '../../input/diagnostic.js';
import { readYaml } from '../../input/yaml.js';
import { EXTERNAL, SCORERS } from '../scorers/index.js';

/** A field of a record, or `a.b` for one inside another. */
const field = z.string().min(1).max(200);
const value = z.union([z.string().max(1000), z.number(), z.boolean()]);
/** A scorer of our own, or one that the node's config has under that name. */
const scorer = z.union([
  z.enum(SCORERS),
  z.templateLiteral([EXTERNAL, z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/)]),
]);

const schema = z.strictObject({
  apiVersion: z.literal('ridgepoint.dev/v1'),
  kind: z.literal('Task'),
  metadata: z.strictObject({ name: z.string().min(1).max(100) }),
  spec: z.strictObject({
    /** JSONL, one item a line, or a JSON list of items; relative to this file. */
    items: z.string().min(1),
    mode: z.enum(['choice', 'letter', 'generate']).default('choice'),
    /** Which fields of a record are what. */
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
      })
      .partial()
      .default({}),
    /** Items that are asked: those that have one of these values in each of these fields. */
    only: z.record(field, z.union([value, z.array(value).min(1).max(200)])).default({}),
    /** `inText`: options begin with what they are called by, such as `(1)` or `A.`, which is taken off. */
    optionLabels: z.enum(['none', 'inText']).default('none'),
    /** What the answer field holds; `label` is what the option is called by in the data itself. */
    answerIs: z.enum(['index', 'number', 'letter', 'text', 'label']).optional(),
    /** Items with several right options (`A,C`, `ACD`, a list): an error, left out, or any of them counts. */
    severalAnswers: z.enum(['refuse', 'skip', 'any']).default('refuse'),
    /** `{question}`, `{choices}` (lettered lines) and any field of the record. */
    prompt: z.string().max(20_000).optional(),
    /** What follows the prompt for an option; `{choice}` stands for it. */
    continuation: z.string().max(2000).optional(),
    fewShot: z
      .strictObject({
        count: z.int().min(1).max(64),
        /** JSONL with the same fields; without it the first items of the file are shown and not scored. */
        items: z.string().min(1).optional(),
        separator: z.string().max(200).default('\n\n'),
      })
      .optional(),
    /** `generate` alone. */
    scorers: z.array(scorer).min(1).max(20).default(['exact']),
    /**
     * A program that an answer becomes a part of, for a scorer that runs it: `{answer}`, fields of the record, and `{token}`, a word that it has to print last, so that one that
     * ends before its tests has not passed them.
     */
    program: z.string().min(1).max(20_000).optional(),
    tolerance: z.number().min(0).default(1e-6),
    maxTokens: z.int().min(1).max(4096).default(64),
    stop: z.array(z.string().min(1).max(100)).max(16).default(['\n']),
  }),
});

/** What a task file says, defaults filled in. */
export interface TaskDefinition {
  readonly name: string;
  readonly spec: z.infer<typeof schema>['spec'];
}

export type Parsed<T, M> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly diagnostics: readonly M[] };

/** Reads a task's YAML: which JSONL file, which field is what, how to ask. @returns all errors at once. */
export function parseTaskDefinition(text: string): Parsed<TaskDefinition, Diagnostic> {
  const source = readYaml(text);
  if (!source.readable || source.diagnostics.length > 0)
    return { ok: false, diagnostics: source.diagnostics };
  const read = schema.safeParse(source.data);
  if (read.success) {
    return { ok: true, value: { name: read.data.metadata.name, spec: read.data.spec } };
  }
  const diagnostics = read.error.issues.flatMap((issue): Diagnostic[] => {
    const path = issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step));
    if (issue.code !== 'unrecognized_keys') return [diagnostic(path, issue.message, 'value')];
    return issue.keys.map((key) => diagnostic([...path, key], `there is no field ${key} here`, 'key'));
  });
  return { ok: false, diagnostics };

  function diagnostic(path: Path, message: string, at: 'key' | 'value'): Diagnostic {
    return { path: pathText(path), ...source.locate(path, at), message, suggestion: null };
  }
}

/** @returns the definition for a JSONL file that comes without one: common field names, options by likelihood. */
export function plainTask(name: string, items: string): TaskDefinition {
  return {
    name,
    spec: schema.shape.spec.parse({ items }),
  };
}
