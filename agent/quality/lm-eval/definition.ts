import { z } from 'zod';
import { above0, integerBetween, numberBetween, textUpTo } from '../../../core/bounds.js';
import { type Pattern, pythonPattern } from './python.js';

const template = z.string().max(20_000);
const text = z.union([template, z.int()]);
const target = z.union([template, z.int(), z.array(z.union([z.string(), z.int()]))]);
const choice = z.union([template, z.array(z.string()), z.record(z.string(), z.string())]);
const files = z.union([z.string().min(1), z.array(z.string().min(1)).min(1).max(100)]);

const fewshotSchema = z.strictObject({
  sampler: z.enum(['default', 'first_n']).default('default'),
  split: z.string().nullish(),
  samples: z.array(z.record(z.string(), z.json())).nullish(),
  doc_to_text: text.nullish(),
  doc_to_choice: choice.nullish(),
  doc_to_target: target.nullish(),
  gen_prefix: template.nullish(),
  fewshot_delimiter: z.string().nullish(),
  target_delimiter: z.string().nullish(),
});

const generationSchema = z.strictObject({
  until: z.union([z.string(), z.array(z.string())]).optional(),
  do_sample: z.boolean().optional(),
  temperature: z.coerce.number().min(0).max(10).optional(),
  top_p: above0(1).optional(),
  top_k: z.int().min(1).optional(),
  min_p: numberBetween(0, 1).optional(),
  max_gen_toks: integerBetween(1, 16_384).optional(),
  max_new_tokens: integerBetween(1, 16_384).optional(),
  max_tokens: integerBetween(1, 16_384).optional(),
});

const filterSchema = z.discriminatedUnion('function', [
  z.strictObject({
    function: z.literal('regex'),
    regex_pattern: z.string().max(500).default('#### (\\-?[0-9\\.\\,]+)'),
    group_select: z.int().default(0),
    fallback: z.string().default('[invalid]'),
  }),
  ...(['take_first', 'majority_vote', 'remove_whitespace', 'lowercase', 'uppercase'] as const).map((name) =>
    z.strictObject({ function: z.literal(name) }),
  ),
  z.strictObject({ function: z.literal('take_first_k'), k: z.int().min(1) }),
  z.strictObject({
    function: z.literal('map'),
    mapping_dict: z.record(z.string(), z.string()),
    default_value: z.string().nullish(),
  }),
]);

const metricSchema = z.strictObject({
  metric: z.enum(['acc', 'acc_norm', 'acc_bytes', 'exact_match']),
  aggregation: z.literal('mean').optional(),
  higher_is_better: z.literal(true).optional(),
  ignore_case: z.boolean().optional(),
  ignore_punctuation: z.boolean().optional(),
  ignore_numbers: z.boolean().optional(),
  regexes_to_ignore: z.array(z.string().max(500)).nullish(),
});

/** What is said elsewhere, or to people alone. */
const aside = z.json().optional();

const schema = z.strictObject({
  task: textUpTo(100),
  dataset_path: z.literal('json'),
  dataset_kwargs: z.strictObject({ data_files: z.union([files, z.record(z.string(), files)]) }),
  training_split: z.string().nullish(),
  validation_split: z.string().nullish(),
  test_split: z.string().nullish(),
  fewshot_split: z.string().nullish(),
  output_type: z.enum(['multiple_choice', 'generate_until', 'loglikelihood']).default('generate_until'),
  doc_to_text: text,
  doc_to_target: target,
  doc_to_choice: choice.nullish(),
  description: template.default(''),
  target_delimiter: z.string().max(200).default(' '),
  fewshot_delimiter: z.string().max(200).default('\n\n'),
  gen_prefix: template.nullish(),
  num_fewshot: integerBetween(0, 64).nullish(),
  fewshot_config: fewshotSchema.nullish(),
  generation_kwargs: generationSchema.nullish(),
  repeats: integerBetween(1, 1024).default(1),
  filter_list: z
    .array(z.strictObject({ name: textUpTo(60), filter: z.array(filterSchema).min(1) }))
    .min(1)
    .nullish(),
  metric_list: z.array(metricSchema).min(1).max(20).nullish(),
  dataset_name: aside,
  task_alias: aside,
  tag: aside,
  metadata: aside,
  should_decontaminate: aside,
  doc_to_decontamination_query: aside,
});
export type LmEvalTask = z.infer<typeof schema>;
export type LmEvalFilter = z.infer<typeof filterSchema>;
export type LmEvalMetric = z.infer<typeof metricSchema>;

/** @returns whether a file is one of lm-evaluation-harness's, by the words that only those have. */
export function isLmEval(data: unknown): data is Readonly<Record<string, unknown>> {
  if (typeof data !== 'object' || data === null || 'kind' in data || 'apiVersion' in data) return false;
  return ['task', 'include', 'dataset_path', 'output_type', 'doc_to_text', 'group'].some(
    (key) => key in data,
  );
}

/** What people write that needs more than a sentence about its place. */
const KNOWN_OTHERWISE: Readonly<Record<string, string>> = {
  process_docs:
    'process_docs is a function of Python: write what it does as Jinja in doc_to_text, doc_to_choice and doc_to_target',
  process_results:
    'process_results is a function of Python: export the answers and score them there (`ridge answers --format lm-eval`)',
  custom_dataset: 'custom_dataset is a function of Python: write its items to a JSONL file',
  use_prompt: 'use_prompt names a prompt of promptsource: write it as doc_to_text and doc_to_target',
  doc_to_image: 'doc_to_image shows images, which no model here is asked about',
  doc_to_audio: 'doc_to_audio plays sounds, which no model here is asked about',
  unsafe_code: 'unsafe_code runs answers: give them to a scorer that does (docs/quality.md)',
  group: 'a group of tasks: name the files of its tasks themselves',
};

/** @returns a task with what it includes already in it; or every problem, one sentence each. */
export function readLmEval(data: Readonly<Record<string, unknown>>): LmEvalTask | readonly string[] {
  const problems = Object.keys(KNOWN_OTHERWISE).flatMap((key) =>
    data[key] == null || data[key] === false ? [] : [KNOWN_OTHERWISE[key]!],
  );
  if (Array.isArray(data.task)) return [KNOWN_OTHERWISE.group!];
  const path = data.dataset_path;
  if (typeof path === 'string' && path !== 'json') {
    const files = 'write `dataset_path: json` and `dataset_kwargs: { data_files: { test: FILE.jsonl } }`';
    problems.push(
      `dataset_path ${path} is a data set of a hub: download it, convert it to JSONL, and ${files}`,
    );
  }
  const known = Object.fromEntries(
    Object.entries(data).filter(
      ([key, value]) => !(key in KNOWN_OTHERWISE) && !(value == null && key !== 'task'),
    ),
  );
  const read = schema.safeParse(known);
  if (read.success && problems.length === 0) return read.data;
  const issues = read.success
    ? []
    : read.error.issues.filter(({ path: at }) => at[0] !== 'dataset_path' || path === undefined);
  return [...problems, ...issues.map((issue) => sentenceOf(issue, data))];
}

function sentenceOf(issue: z.core.$ZodIssue, data: unknown): string {
  const where = issue.path.join('.');
  const valueAt = (path: readonly PropertyKey[]) =>
    path.reduce<unknown>((value, step) => (value as Record<PropertyKey, unknown> | undefined)?.[step], data);
  if (issue.code === 'unrecognized_keys') {
    const keys = issue.keys.map((key) => (where === '' ? key : `${where}.${key}`));
    return `${keys.join(', ')}: not known here`;
  }
  const value = valueAt(issue.path);
  if (issue.code === 'invalid_union' && where.endsWith('function'))
    return `${where}: the filter ${String(value)} is not known here`;
  if (where.endsWith('.metric')) return `${where}: the metric ${String(value)} is not known here`;
  if (value === undefined) return `${where} is missing`;
  return `${where}: ${issue.message}`;
}

/** @returns a pattern of the file. @throws Error with a sentence where it cannot be read. */
export function patternOf(source: string): Pattern {
  const read = pythonPattern(source);
  if (typeof read === 'string') throw new Error(read);
  return read;
}
