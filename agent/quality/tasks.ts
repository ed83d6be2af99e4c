import { CHOICE_RULES, chosen } from '../../core/quality/multiple-choice.js';
import type { TaskOutcome } from '../../core/quality/outcome.js';
import { externalName, type ScorerName, score } from '../../core/quality/scorers/index.js';
import { type ItemScore, retention, scoreOf } from '../../core/quality/scores.js';
import type { Task } from '../../core/quality/tasks/few-shot.js';
import type { TextModel } from '../runners/opened.js';
import { optionLikelihoods, type TokenizedChoices, tokenizeChoices } from './choices.js';
import { scoreExternally } from './external-scorer.js';
import { generate } from './generation.js';
import type { LanguageModel } from './language-model.js';
import type { Scorers } from './scorers.js';
import { stoppedBy, type Watch } from './watch.js';

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
  model: LanguageModel,
  base: LanguageModel | null,
  scorers: Scorers,
  watch: Watch,
): Promise<TaskOutcome> {
  const { task } = tokenized;
  const found: Asked[] = [];
  const ofBase: Asked[] | null = base === null ? null : [];
  let sum = 0;
  for (let i = 0; i < task.items.length; i++) {
    const asked = ask(tokenized, i, model);
    found.push(asked);
    if (base !== null) ofBase?.push(ask(tokenized, i, base));
    sum += asked.values[0] ?? 0;
    const value = asked.values[0] === null ? null : sum / (i + 1);
    watch.progress({ what: task.name, done: i + 1, total: task.items.length, value });
    await watch.breathe();
  }
  const scores = [];
  for (const [j, name] of scoreNames(task).entries()) {
    const external = externalName(name as ScorerName);
    const values = async (asked: readonly Asked[]) =>
      external === null
        ? asked.map((one) => one.values[j] ?? 0)
        : await judged(external, task, asked, scorers, watch);
    const items = withGroups(task, await values(found));
    const baseItems = ofBase === null ? null : withGroups(task, await values(ofBase));
    scores.push({
      name,
      score: scoreOf(items, baseItems),
      base: baseItems === null ? null : scoreOf(baseItems),
      retentionPercent: baseItems === null ? null : retention(baseItems, items),
    });
  }
  return { name: task.name, items: task.items.length, chance: chanceOf(task), scores };
}

interface Asked {
  /** One for each score name, 0 to 1; null where somebody else judges. */
  readonly values: readonly (number | null)[];
  /** What was generated; null for options. */
  readonly said: string | null;
}

function ask({ task, choices, prompts }: TokenizedTask, i: number, model: LanguageModel): Asked {
  const { spec, items } = task;
  const item = items[i]!;
  if (item.choices === null) {
    const said = generate(model, prompts[i]!, spec);
    const values = spec.scorers.map((scorer) =>
      externalName(scorer) === null ? score(scorer, said, item.references, spec) : null,
    );
    return { values, said };
  }
  const likelihoods = optionLikelihoods(model, choices[i]!);
  const right = item.choices.answers;
  // Letters are of one length, so all rules agree on them.
  const rules = spec.mode === 'letter' ? (['sum'] as const) : CHOICE_RULES;
  return { values: rules.map((rule) => Number(right.includes(chosen(likelihoods, rule)))), said: null };
}

async function judged(
  name: string,
  task: Task,
  asked: readonly Asked[],
  scorers: Scorers,
  watch: Watch,
): Promise<readonly number[]> {
  const questions = task.items.map(({ id, prompt, references }, i) => {
    return { id, prompt, answer: asked[i]?.said ?? '', references };
  });
  const { stopped, end } = stoppedBy(watch);
  try {
    return await scoreExternally(name, scorers[name]!, questions, stopped);
  } finally {
    end();
  }
}

function withGroups({ items }: Task, values: readonly number[]): readonly ItemScore[] {
  return items.map(({ groups }, i) => ({ groups, value: values[i]! }));
}

function scoreNames({ spec }: Task): readonly string[] {
  if (spec.mode === 'generate') return spec.scorers;
  return spec.mode === 'letter' ? ['letter'] : CHOICE_RULES;
}

function chanceOf({ items }: Task): number | null {
  const shares = items.flatMap(({ choices }) =>
    choices === null ? [] : [choices.answers.length / choices.continuations.length],
  );
  return shares.length === 0 ? null : shares.reduce((sum, share) => sum + share, 0) / shares.length;
}
