import type { RankingTask } from '../ranking/task.js';
import type { AnswersFile } from './answers/record.js';
import type { BasePrecision, Divergence } from './divergence.js';
import type { Estimate, Perplexity } from './perplexity.js';
import type { Score } from './scores.js';
import type { Task } from './tasks/few-shot.js';
import type { WindowRequest } from './windows.js';

/** What to find out about a model. */
export interface QualityRequest {
  readonly text: TextRequest | null;
  readonly tasks: readonly Task[];
  /** Lists of documents to put in order; left out = none. */
  readonly rankings?: readonly RankingTask[];
}

export interface TextRequest {
  /** Path of a UTF-8 text. One line feed at its end is left out, as llama-perplexity does. */
  readonly path: string;
  readonly windows: WindowRequest;
  readonly basePrecision: BasePrecision;
}

export interface QualityOutcome {
  readonly text: TextOutcome | null;
  readonly tasks: readonly TaskOutcome[];
  /** What could not be asked, and why (the end of a sentence); left out = nothing. */
  readonly unanswered?: readonly Unanswered[];
  /** Of the tasks, item by item; left out = they were not kept, or nothing was asked. */
  readonly answers?: AnswersFile;
  /** One sentence each, e.g. of prompts longer than the model was trained for. */
  readonly warnings: readonly string[];
}

export interface Unanswered {
  /** Name of a task; null = the text. */
  readonly task: string | null;
  readonly reason: string;
}

/**
 * How a server was asked: by log-probabilities of prompts, by those of the token that comes next, or by what
 * it said.
 */
export const ASKED_BY = ['prompt-log-probabilities', 'next-log-probabilities', 'saying'] as const;
export type AskedBy = (typeof ASKED_BY)[number];

export interface TextOutcome {
  /** Tokens of the whole text. */
  readonly tokens: number;
  readonly windows: number;
  readonly request: WindowRequest;
  readonly perplexity: Perplexity;
  /** Against the base; null without one. */
  readonly divergence: Divergence | null;
  /** Left out = by the logits of a model in this process. */
  readonly by?: AskedBy;
}

export interface TaskOutcome {
  readonly name: string;
  /**
   * What its file calls it, and the way it was asked; left out = it was asked in one way, and `name` is its
   * own.
   */
  readonly task?: string;
  readonly way?: string;
  readonly items: number;
  /** Share that guessing would get right; null for generated answers. */
  readonly chance: number | null;
  readonly by?: AskedBy;
  readonly scores: readonly TaskScore[];
  /** What an item or a query took of the model, the mean; null = not known. */
  readonly perItem: {
    readonly seconds: number | null;
    readonly tokensIn: number | null;
    readonly tokensOut: number | null;
  };
}

export interface TaskScore {
  /** `sum`, `perToken`, `perByte` of option likelihoods, `letter`, `saidLetter`, or the name of a scorer. */
  readonly name: string;
  /** Items that a judge could not score; left out = none. They are in neither score. */
  readonly unscored?: number;
  readonly score: Score;
  /** The base on the same items, and what is left of it in percent; null without a base. */
  readonly base: Score | null;
  readonly retentionPercent: Estimate | null;
}
