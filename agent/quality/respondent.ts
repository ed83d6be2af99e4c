import {
  CHOICE_RULES,
  chosen,
  type OptionLikelihood,
  saidLetter,
} from '../../core/quality/multiple-choice.js';
import type { Task } from '../../core/quality/tasks/few-shot.js';

/** Whoever answers the items of a task, by their index: a model in this process, or a server. */
export interface Respondent {
  /** What its choices are scores of: rules that likelihoods are compared by, or how a letter was found. */
  readonly choiceScores: readonly string[];
  /** @returns the option that it takes by each of `choiceScores`; null = it took none. */
  choose(index: number): Promise<readonly (number | null)[]>;
  /** @returns what it says. */
  say(index: number): Promise<string>;
}

/** Tokens of an answer that has to name a letter. */
export const LETTER_TOKENS = 8;

/** Letters are of one length, so all rules agree on them. */
const rulesOf = ({ spec }: Task) => (spec.mode === 'letter' ? (['sum'] as const) : CHOICE_RULES);

type Say = Respondent['say'];

/** Takes the likeliest option. */
export function byLikelihood(
  task: Task,
  likelihoods: (index: number) => Promise<readonly OptionLikelihood[]>,
  say: Say,
): Respondent {
  const rules = rulesOf(task);
  return {
    choiceScores: task.spec.mode === 'letter' ? ['letter'] : rules,
    async choose(index) {
      const options = await likelihoods(index);
      const told = options.some(({ logProbability }) => logProbability > Number.NEGATIVE_INFINITY);
      return rules.map((rule) => (told ? chosen(options, rule) : null));
    },
    say,
  };
}

/** Says what is asked for, and chooses nothing. */
export function bySpeech(say: Say): Respondent {
  return { choiceScores: [], choose: async () => [], say };
}

/** Takes the option whose letter it names. @param say has `LETTER_TOKENS` tokens. */
export function bySaying(task: Task, say: Say): Respondent {
  return {
    choiceScores: ['saidLetter'],
    async choose(index) {
      const options = task.items[index]?.choices?.continuations.length ?? 0;
      return [saidLetter(await say(index), options)];
    },
    say,
  };
}
