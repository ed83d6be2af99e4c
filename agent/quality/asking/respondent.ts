import { chosen, type OptionLikelihood, saidLetter } from '../../../core/quality/multiple-choice.js';
import type { AskedBy } from '../../../core/quality/outcome.js';
import type { Task } from '../../../core/quality/tasks/few-shot.js';

/** What an answer took; null = not known, and `absent` of the record says why. */
export interface Spent {
  /** Of the prompt, and of options. */
  readonly tokensIn: number | null;
  /** Generated. */
  readonly tokensOut: number | null;
  readonly secondsToFirst: number | null;
}

/** One of several answers. */
export interface Sample {
  readonly text: string;
  /** null = not known. */
  readonly tokensOut: number | null;
  readonly seconds: number | null;
}

export interface Reply extends Spent {
  /** The first. */
  readonly text: string;
  /** All of them, the first included. */
  readonly samples: readonly Sample[];
}

export interface Chosen extends Spent {
  /** The option that is taken by each of `choiceScores`; null = none. */
  readonly taken: readonly (number | null)[];
  /** null = nobody computed them. */
  readonly options: readonly OptionLikelihood[] | null;
  /** What it said, where that was read for a letter. */
  readonly said: string | null;
}

/** Whoever answers the items of a task, by their index: a model in this process, or a server. */
export interface Respondent {
  /** How it is asked. */
  readonly by: 'logits' | AskedBy;
  /** What its choices are scores of: rules that likelihoods are compared by, or how a letter was found. */
  readonly choiceScores: readonly string[];
  choose(index: number): Promise<Chosen>;
  say(index: number): Promise<Reply>;
}

/** Tokens of an answer that has to name a letter. */
export const LETTER_TOKENS = 8;

type Say = Respondent['say'];

/** How likely each option is, and the tokens that were read for it. */
export interface Likelihoods {
  readonly options: readonly OptionLikelihood[];
  readonly tokensIn: number | null;
}

/** Takes the likeliest option. */
export function byLikelihood(
  task: Task,
  by: Respondent['by'],
  likelihoods: (index: number) => Promise<Likelihoods>,
  say: Say,
): Respondent {
  const { rules } = task;
  return {
    by,
    choiceScores: rules.map(({ name }) => name),
    async choose(index) {
      const { options, tokensIn } = await likelihoods(index);
      const anyKnown = options.some(({ logProbability }) => logProbability > Number.NEGATIVE_INFINITY);
      const taken = rules.map(({ rule }) => (anyKnown ? chosen(options, rule) : null));
      return { taken, options, said: null, tokensIn, tokensOut: 0, secondsToFirst: null };
    },
    say,
  };
}

/** Says what is asked for, and chooses nothing. */
export function bySpeech(by: Respondent['by'], say: Say): Respondent {
  const nothing = { tokensIn: 0, tokensOut: 0, secondsToFirst: null };
  return {
    by,
    choiceScores: [],
    choose: async () => ({ taken: [], options: null, said: null, ...nothing }),
    say,
  };
}

/** Takes the option whose letter it names. @param say has `LETTER_TOKENS` tokens. */
export function bySaying(task: Task, say: Say): Respondent {
  return {
    by: 'saying',
    choiceScores: ['saidLetter'],
    async choose(index) {
      const options = task.items[index]?.choices?.continuations.length ?? 0;
      const { text, samples: _, ...spent } = await say(index);
      return { taken: [saidLetter(text, options)], options: null, said: text, ...spent };
    },
    say,
  };
}
