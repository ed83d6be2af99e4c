import { createHash } from 'node:crypto';
import type { ChoiceScore } from '../../../core/quality/multiple-choice.js';
import type { Reading } from '../../../core/quality/reading/readings.js';
import type { Step } from '../../../core/quality/reading/steps.js';
import type { ExactMatch } from '../../../core/quality/scorers/exact-match.js';
import { type AskingOptions, fewShotOf } from '../../../core/quality/tasks/asking.js';
import { plainTask } from '../../../core/quality/tasks/definition.js';
import { drawn, firstOf, type Pick as Picks } from '../../../core/quality/tasks/examples.js';
import { askedName, type Task } from '../../../core/quality/tasks/few-shot.js';
import type { TaskItem } from '../../../core/quality/tasks/items.js';
import type { Prompt } from '../../../core/quality/tasks/prompt.js';
import { quote } from '../../../core/quote.js';
import { type LmEvalFilter, type LmEvalMetric, type LmEvalTask, patternOf } from './definition.js';
import { Docs, type Written } from './docs.js';
import type { Doc } from './templates.js';

/** Records by the split that they are in. */
export type Splits = ReadonlyMap<string, readonly Doc[]>;

/**
 * What may be asked otherwise than the file says, as lm-evaluation-harness has flags for it; the rest is the
 * file's.
 */
const OTHERWISE = ['chat', 'system', 'fewShot', 'samples', 'sampling', 'maxTokens'] as const;

/**
 * @returns one sentence where a way sets what the file of a task of theirs says itself; null = it does not.
 */
export function notOtherwise(options: AskingOptions): string | null {
  const others = Object.keys(options).filter((name) => !(OTHERWISE as readonly string[]).includes(name));
  if (others.length > 0)
    return `a task of lm-evaluation-harness says itself what ${others.join(', ')} would: ${OTHERWISE.join(', ')} may be asked otherwise`;
  const few = typeof options.fewShot === 'object' ? Object.keys(options.fewShot) : [];
  const odd = few.filter((name) => !['count', 'seed', 'multiturn'].includes(name));
  return odd.length === 0
    ? null
    : `fewShot.${odd[0]} is said by the task itself: count, seed and multiturn may be asked otherwise`;
}

/**
 * Makes a task as lm-evaluation-harness 0.4.13 asks it.
 * @throws Error with a sentence where a template does not render, or the data lack something.
 */
export function builtTask(
  config: LmEvalTask,
  splits: Splits,
  way: string | null,
  options: AskingOptions,
): Task {
  const { task: name, output_type: output } = config;
  const split = config.test_split ?? config.validation_split;
  const asked = splitOf(config, splits, split, 'test_split or validation_split');
  const docs = new Docs(config, asked);
  const { chat = false, system = null } = options;
  const few = fewShotOf({ fewShot: options.fewShot ?? config.num_fewshot ?? 0 });
  const count =
    typeof options.fewShot === 'object' ? (options.fewShot.count ?? config.num_fewshot ?? 0) : few.count;
  const pick = picking(config, splits, asked, count, few.seed);
  const turns = { chat, system, multiturn: few.multiturn };
  const items = asked.map((doc, i): TaskItem => {
    const shown = pick(doc);
    if (shown.length < count)
      throw new Error(`num_fewshot asks for ${count} examples, and there are ${shown.length}`);
    return itemOf(config, docs, doc, i, docs.prompt(doc, shown, turns), chat);
  });
  const plain = plainTask(name, 'items');
  const metrics = metricsOf(config);
  return {
    name: askedName(name, way),
    task: name,
    way,
    items,
    leftOut: { byOnly: 0, several: 0 },
    spec: {
      ...plain.spec,
      ...(output === 'generate_until' ? generating(config, options) : { mode: 'choice' as const }),
      chat,
      scorers: ['exact_match'],
      ...exactMatchOf(metrics),
    },
    readings: readingsOf(config),
    rules: rulesOf(config, metrics),
    stops: 'first',
  };
}

/** @throws Error with a sentence. */
function splitOf(
  config: LmEvalTask,
  splits: Splits,
  split: string | null | undefined,
  what: string,
): readonly Doc[] {
  if (split == null) throw new Error(`${what} is missing`);
  const docs = splits.get(split);
  const known = [...splits.keys()].join(', ');
  if (docs === undefined) throw new Error(`data_files has no split ${split} (it has ${known})`);
  if (docs.length === 0) throw new Error(`the split ${split} of ${config.task} is empty`);
  return docs;
}

/**
 * As `ContextSampler` and `FirstNSampler` choose; the item itself is only left out where its split is the one
 * of the examples by name.
 */
function picking(
  config: LmEvalTask,
  splits: Splits,
  asked: readonly Doc[],
  count: number,
  seed: number,
): Picks<Doc> {
  if (count === 0) return () => [];
  const { sampler = 'default', samples, split: own } = config.fewshot_config ?? {};
  const split = own ?? config.fewshot_split ?? null;
  const fallback = config.training_split ?? config.validation_split;
  const pool =
    split !== null
      ? splitOf(config, splits, split, 'fewshot_split')
      : (samples ?? (fallback == null ? asked : splitOf(config, splits, fallback, 'training_split')));
  const written = new Map<Doc, string>();
  const textOf = (doc: Doc) => {
    const known = written.get(doc) ?? JSON.stringify(doc);
    written.set(doc, known);
    return known;
  };
  const same = split === (config.test_split ?? null) ? (a: Doc, b: Doc) => textOf(a) === textOf(b) : null;
  if (sampler === 'first_n') return firstOf(pool, count, same ?? (() => false));
  return drawn(pool, count, same, seed);
}

function itemOf(
  config: LmEvalTask,
  docs: Docs,
  doc: Doc,
  index: number,
  prompt: Prompt | readonly Prompt[],
  chat: boolean,
): TaskItem {
  const { output_type: output, gen_prefix: prefix } = config;
  const written = docs.written(doc);
  const digest = createHash('sha256')
    .update(JSON.stringify(doc, null, 2))
    .digest('hex');
  const base = { id: String(index), groups: {}, docDigest: `sha256:${digest}` };
  if (output === 'generate_until')
    return {
      ...base,
      prompt: prompt as Prompt,
      choices: null,
      references: referencesOf(docs, written, index),
    };
  if (output === 'loglikelihood') {
    const target = String(written.target);
    const choices = { continuations: [target], answers: [0] };
    return { ...base, prompt: prompt as Prompt, choices, references: [target] };
  }
  const spaced = prefix == null || /\s$/.test(prefix);
  const delimiter = chat && spaced ? '' : config.target_delimiter;
  const texts = written.choices ?? [];
  const answers = rightOf(docs.severalInputs ? written.text : written.target, texts, index);
  if (docs.severalInputs) {
    const prompts = prompt as readonly Prompt[];
    const continuations = texts.map(() => `${delimiter}${written.target}`);
    const choices = { continuations, answers, prompts, texts };
    return { ...base, prompt: prompts[0]!, choices, references: answers.map((i) => texts[i]!) };
  }
  const continuations = texts.map((text) => `${delimiter}${text}`);
  const choices = { continuations, answers, texts };
  return { ...base, prompt: prompt as Prompt, choices, references: answers.map((i) => texts[i]!) };
}

/**
 * Of several labels those that are no option's are right in none.
 * @throws Error with a sentence where none is an option's: a template that is misspelt is a text that stands
 *   in no record.
 */
function rightOf(gold: Written['target'], texts: readonly string[], item: number): number[] {
  const list = Array.isArray(gold) ? gold : [gold];
  const right = list
    .map((one) => (typeof one === 'number' ? one : texts.indexOf(String(one))))
    .filter((one) => one >= 0 && one < texts.length);
  if (right.length > 0) return right;
  const labels =
    list.length === 0 ? 'its target, an empty list,' : list.map((one) => quote(String(one))).join(', ');
  throw new Error(`item ${item + 1}: ${labels} is none of its ${texts.length} choices`);
}

/** @throws Error with a sentence where the target is an option's that is not there. */
function referencesOf(docs: Docs, written: Written, item: number): string[] {
  const { choices, target } = written;
  if (choices === null) return docs.references(written);
  const place = Number(target);
  return rightOf(Number.isInteger(place) ? place : target, choices, item).map((i) => choices[i]!);
}

function generating(
  { generation_kwargs: said, repeats, fewshot_delimiter }: LmEvalTask,
  { samples = repeats, sampling, maxTokens }: AskingOptions,
) {
  const { until, do_sample: draws, temperature = 0, top_p, top_k, min_p, ...limits } = said ?? {};
  const most = limits.max_gen_toks ?? limits.max_new_tokens ?? limits.max_tokens ?? 256;
  const stop = until === undefined ? [fewshot_delimiter] : typeof until === 'string' ? [until] : until;
  const own = draws !== false && temperature > 0;
  const theirs = {
    temperature,
    seed: 1234,
    ...(top_p !== undefined && { topP: top_p }),
    ...(top_k !== undefined && { topK: top_k }),
    ...(min_p !== undefined && { minP: min_p }),
  };
  return {
    mode: 'generate' as const,
    samples,
    maxTokens: maxTokens ?? most,
    stop: stop.filter((word) => word !== ''),
    sampling: sampling === undefined ? (own ? theirs : null) : sampling,
  };
}

const DEFAULT_METRICS: Readonly<Record<LmEvalTask['output_type'], readonly LmEvalMetric[]>> = {
  multiple_choice: [{ metric: 'acc' }, { metric: 'acc_norm' }],
  generate_until: [{ metric: 'exact_match' }],
  // Its other default, perplexity, is no score; log-probabilities are in every answer.
  loglikelihood: [{ metric: 'acc' }],
};

const metricsOf = ({ metric_list: listed, output_type: output }: LmEvalTask) =>
  listed ?? DEFAULT_METRICS[output];

const CHOICE_RULES = {
  acc: 'sum',
  acc_norm: 'perCharacter',
  acc_bytes: 'perByte',
  exact_match: 'greedy',
} as const;

/** @throws Error with a sentence for a metric that means nothing there. */
function rulesOf({ output_type: output }: LmEvalTask, metrics: readonly LmEvalMetric[]): ChoiceScore[] {
  const odd = metrics.find(({ metric }) =>
    output === 'multiple_choice' ? false : metric !== (output === 'loglikelihood' ? 'acc' : 'exact_match'),
  );
  if (odd !== undefined) throw new Error(`the metric ${odd.metric} means nothing for output_type ${output}`);
  if (output === 'generate_until') return [];
  if (output === 'loglikelihood') return [{ name: 'acc', rule: 'greedy' }];
  return metrics.map(({ metric }) => ({ name: metric, rule: CHOICE_RULES[metric] }));
}

function exactMatchOf(metrics: readonly LmEvalMetric[]): { exactMatch?: ExactMatch } {
  const said = metrics.find(({ metric }) => metric === 'exact_match');
  if (said === undefined) return {};
  const { regexes_to_ignore: patterns, ignore_case, ignore_punctuation, ignore_numbers } = said;
  return {
    exactMatch: {
      regexesToIgnore: (patterns ?? []).map(patternOf),
      ignoreCase: ignore_case === true,
      ignorePunctuation: ignore_punctuation === true,
      ignoreNumbers: ignore_numbers === true,
    },
  };
}

function readingsOf({ filter_list: filters }: LmEvalTask): Reading[] {
  const listed = filters ?? [{ name: 'none', filter: [{ function: 'take_first' } as LmEvalFilter] }];
  return listed.map(({ name, filter }) => ({
    name: name === 'none' ? null : name,
    // A pipeline that leaves several is scored on the first of them.
    steps: [...filter.map(stepOf), { do: 'first' }],
  }));
}

function stepOf(filter: LmEvalFilter): Step {
  switch (filter.function) {
    case 'regex': {
      const { regex_pattern: pattern, group_select: select, fallback } = filter;
      return { do: 'regex', ...patternOf(pattern), select, fallback };
    }
    case 'take_first_k':
      return { do: 'firstFew', count: filter.k };
    case 'map':
      return { do: 'map', words: filter.mapping_dict, fallback: filter.default_value ?? 'None' };
    default:
      return PLAIN_STEPS[filter.function];
  }
}

const PLAIN_STEPS = {
  take_first: { do: 'first' },
  majority_vote: { do: 'vote', skipEmpty: false },
  remove_whitespace: { do: 'strip' },
  lowercase: { do: 'lower' },
  uppercase: { do: 'upper' },
} as const satisfies Readonly<Record<string, Step>>;
