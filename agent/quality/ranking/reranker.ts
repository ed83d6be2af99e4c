import { failed } from '../../../core/errors.js';
import type { AnswerRecord, RankingAnswer } from '../../../core/quality/answers/record.js';
import type { Document, Query } from '../../../core/ranking/data.js';
import type { Ranked } from '../../../core/ranking/measures.js';
import type { Spent } from '../asking/respondent.js';
import type { PromptReader } from './prompt-reader.js';

/** A document that was found for a query. */
export interface Candidate {
  readonly document: Document;
  readonly score: number;
}

/** What came of putting candidates in order. */
export interface Reranked extends Spent {
  /** Of those that were looked at, best first; by places in the list of candidates. */
  readonly order: readonly number[];
  /** By place in `order`: what put it there; null = nothing but the order itself. */
  readonly scores: readonly number[] | null;
  readonly said: string | null;
  readonly facts: Omit<RankingAnswer, 'ids' | 'scores'>;
}

/** A way of putting the documents of a query in order. */
export interface Reranker {
  readonly by: AnswerRecord['asked']['by'];
  rank(query: Query, candidates: readonly Candidate[]): Promise<Reranked>;
}

/** Of ways that have a model say nothing. */
export const UNSAID = { said: null, tokensOut: 0, secondsToFirst: null } as const;

/** Of ways that have none of this. */
export const NO_FACTS: Reranked['facts'] = {
  asked: 0,
  cut: 0,
  unnamed: null,
  anyName: null,
  firstTokenTau: null,
};

/**
 * @returns the whole list: what was put in order, and behind it what was not looked at. Scores are kept where
 *   all of them are of one kind; otherwise a document's score is how many stand behind it.
 */
export function wholeList(candidates: readonly Candidate[], { order, scores }: Reranked): Ranked[] {
  const seen = new Set(order);
  const places = [...order, ...candidates.keys()].filter((place, i) => i < order.length || !seen.has(place));
  const own = scores !== null && order.length === candidates.length ? scores : null;
  return places.map((place, i) => ({
    id: candidates[place]!.document.id,
    score: own?.[i] ?? places.length - 1 - i,
  }));
}

/** A prompt of passages that fits. */
export interface Fitted {
  readonly prompt: Int32Array;
  /** Passages that are shorter in it than the way of ranking allows. */
  readonly cut: boolean;
}

/**
 * Finds how many words of passages fit.
 * @param make gives the prompt of passages of so many words.
 * @param answer tokens that the answer takes. @throws FailureError where not even one word of each fits.
 */
export function fitted(
  { contextTokens }: PromptReader,
  words: number,
  answer: number,
  make: (words: number) => Int32Array,
): Fitted {
  const room = contextTokens - answer;
  for (let most = words; most > 0; ) {
    const prompt = make(most);
    if (prompt.length <= room) return { prompt, cut: most < words };
    // Words are about as many tokens as before; a little less than what would fit, and always fewer.
    most = Math.min(most - 1, Math.floor((0.95 * most * room) / prompt.length));
  }
  const message = `a prompt does not fit into ${contextTokens} tokens, even with one word of each passage`;
  const hint = 'Lower window, shorten queries, or raise contextTokens.';
  throw failed('impossible-combination', message, hint);
}
