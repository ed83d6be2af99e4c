import { CHOICE_RULES, chosen } from '../../core/quality/multiple-choice.js';
import type { TaskOutcome } from '../../core/quality/outcome.js';
import { score } from '../../core/quality/scorers/index.js';
import { type ItemScore, retention, scoreOf } from '../../core/quality/scores.js';
import type { Task } from '../../core/quality/tasks/few-shot.js';
import type { TextModel } from '../runners/runner.js';
import { optionLikelihoods, type TokenizedChoices, tokenizeChoices } from './choices.js';
import { generate } from './generation.js';
import type { Speaker } from './speaker.js';
import type { Watch } from './watch.js';

/** A task as tokens of one vocabulary. */
export interface TokenizedTask {
  readonly task: Task;
  readonly choices: readonly TokenizedChoices[];
  readonly prompts: readonly Int32Array[];
  /** Tokens that the cache needs for each item. */
  readonly needs: readonly number[];
}

export function tokenizeTask(text: TextModel, task: Task): TokenizedTask {
  if (task.spec.mode !== 'generate') {
    const choices = task.items.map((item) => tokenizeChoices(text, item));
    return { task, choices, prompts: [], needs: choices.map(({ longest }) => longest) };
  }
  const prompts = task.items.map(({ prompt }) => text.tokenize(prompt, true));
  return { task, choices: [], prompts, needs: prompts.map(({ length }) => length + task.spec.maxTokens) };
}

/** Asks every item of the model, and of the base when there is one. */
export async function measureTask(
  tokenized: TokenizedTask,
  model: Speaker,
  base: Speaker | null,
  watch: Watch,
): Promise<TaskOutcome> {
  const { task } = tokenized;
  const names = scoreNames(task);
  const scores = names.map((name) => ({ name, model: [] as ItemScore[], base: [] as ItemScore[] }));
  let sum = 0;
  for (const [i, item] of task.items.entries()) {
    const [found, ofBase] = [answer(tokenized, i, model), base === null ? null : answer(tokenized, i, base)];
    for (const [j, entry] of scores.entries()) {
      entry.model.push({ group: item.group, value: found[j]! });
      if (ofBase !== null) entry.base.push({ group: item.group, value: ofBase[j]! });
    }
    sum += found[0]!;
    watch.progress({ what: task.name, done: i + 1, total: task.items.length, value: sum / (i + 1) });
    await watch.breathe();
  }
  const options = task.items.flatMap(({ choices }) =>
    choices === null ? [] : [choices.continuations.length],
  );
  return {
    name: task.name,
    items: task.items.length,
    chance: options.length === 0 ? null : options.reduce((total, n) => total + 1 / n, 0) / options.length,
    scores: scores.map((entry) => ({
      name: entry.name,
      score: scoreOf(entry.model),
      base: base === null ? null : scoreOf(entry.base),
      retentionPercent: base === null ? null : retention(entry.base, entry.model),
    })),
  };
}

function scoreNames({ spec }: Task): readonly string[] {
  if (spec.mode === 'generate') return spec.scorers;
  return spec.mode === 'letter' ? ['letter'] : CHOICE_RULES;
}

/** @returns one number per score name, 0 to 1. */
function answer({ task, choices, prompts }: TokenizedTask, i: number, model: Speaker): number[] {
  const { spec, items } = task;
  const item = items[i]!;
  if (item.choices === null) {
    const said = generate(model, prompts[i]!, spec);
    return spec.scorers.map((scorer) => score(scorer, said, item.references, spec));
  }
  const likelihoods = optionLikelihoods(model, choices[i]!);
  const right = item.choices.answer;
  // Letters are of one length, so all rules agree on them.
  const rules = spec.mode === 'letter' ? (['sum'] as const) : CHOICE_RULES;
  return rules.map((rule) => Number(chosen(likelihoods, rule) === right));
}
