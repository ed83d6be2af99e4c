import type { TaskOutcome } from '../../core/quality/outcome.js';
import { externalName, type ScorerName, score } from '../../core/quality/scorers/index.js';
import { type ItemScore, retention, scoreOf } from '../../core/quality/scores.js';
import type { Task } from '../../core/quality/tasks/few-shot.js';
import type { TextModel } from '../../engines/runners/opened.js';
import { optionLikelihoods, type TokenizedChoices, tokenizeChoices } from './choices.js';
import { scoreExternally } from './external-scorer.js';
import { generate } from './generation.js';
import type { LanguageModel } from './language-model.js';
import { byLikelihood, bySaying, LETTER_TOKENS, type Respondent } from './respondent.js';
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

export function tokenizeTask(text: Pick<TextModel, 'tokenize'>, task: Task): TokenizedTask {
  if (task.spec.mode !== 'generate') {
    const choices = task.items.map((item) => tokenizeChoices(text, item));
    return { task, choices, prompts: [], needs: choices.map(({ longest }) => longest) };
  }
  const prompts = task.items.map(({ prompt }) => text.tokenize(prompt, true));
  return { task, choices: [], prompts, needs: prompts.map(({ length }) => length + task.spec.maxTokens) };
}

/** @returns the model as whoever answers a task. @param by how options are chosen: letters may be said, too. */
export function respondentOf(
  model: LanguageModel,
  { task, choices, prompts }: TokenizedTask,
  by: 'likelihood' | 'saying' = 'likelihood',
): Respondent {
  const promptOf = (i: number) => prompts[i] ?? model.text.tokenize(task.items[i]!.prompt, true);
  if (by === 'saying') {
    const limits = { maxTokens: LETTER_TOKENS, stop: [] };
    return bySaying(task, async (i) => generate(model, promptOf(i), limits));
  }
  return byLikelihood(
    task,
    async (i) => optionLikelihoods(model, choices[i]!),
    async (i) => generate(model, promptOf(i), task.spec),
  );
}

/** Asks every item of a model, and of the base when there is one. */
export async function measureTask(
  task: Task,
  model: Respondent,
  base: Respondent | null,
  scorers: Scorers,
  watch: Watch,
): Promise<TaskOutcome> {
  const found: Asked[] = [];
  const ofBase: Asked[] | null = base === null ? null : [];
  let sum = 0;
  for (let i = 0; i < task.items.length; i++) {
    const asked = await ask(task, i, model);
    found.push(asked);
    if (base !== null) ofBase?.push(await ask(task, i, base));
    sum += asked.values[0] ?? 0;
    const value = asked.values[0] === null ? null : sum / (i + 1);
    watch.progress({ what: task.name, done: i + 1, total: task.items.length, value });
    await watch.breathe();
  }
  const scores = [];
  const { spec } = task;
  for (const [j, name] of (spec.mode === 'generate' ? spec.scorers : model.choiceScores).entries()) {
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

async function ask({ spec, items }: Task, i: number, model: Respondent): Promise<Asked> {
  const { choices, references } = items[i]!;
  if (choices === null) {
    const said = await model.say(i);
    const values = spec.scorers.map((scorer) =>
      externalName(scorer) === null ? score(scorer, said, references, spec) : null,
    );
    return { values, said };
  }
  const taken = await model.choose(i);
  return {
    values: taken.map((option) => Number(option !== null && choices.answers.includes(option))),
    said: null,
  };
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

function chanceOf({ items }: Task): number | null {
  const shares = items.flatMap(({ choices }) =>
    choices === null ? [] : [choices.answers.length / choices.continuations.length],
  );
  return shares.length === 0 ? null : shares.reduce((sum, share) => sum + share, 0) / shares.length;
}
