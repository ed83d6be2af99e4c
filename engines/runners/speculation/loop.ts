import { acceptedTokens } from '../../../core/speculation/accept.js';
import type { GenerationRepeat } from '../../../core/speculation/record.js';
import { monotonicSeconds } from '../../../process/isolation/clock.js';

/** What a model chooses after tokens: the token of the largest logit, of several equal ones the first. */
export interface Choices {
  readonly tokens: Int32Array;
  /** What was asked about each choice beside it (`Look`). */
  readonly figures: Float32Array;
}

/**
 * What is read of logits: the choice alone, or also its lead (its logit less the second largest) or its
 * probability among the whole vocabulary.
 */
export type Look = 'choice' | 'lead' | 'probability';

/** A model with a cache of several sequences. */
export interface SequenceModel {
  /**
   * Appends tokens to sequences in one batch.
   * @param rows of each sequence; an empty one leaves it as it is.
   * @returns the choice after every token, row by row.
   */
  extend(rows: readonly (readonly number[])[], look: Look): Choices;
  /** Cuts a sequence back. @throws FailureError `model-unsupported` where its state cannot be. */
  cut(sequence: number, length: number): void;
  length(sequence: number): number;
}

/** Proposes how sequences go on. */
export interface Drafter {
  /**
   * Tokens that were read or accepted of each sequence since the last call, and how many to draft at most.
   * @returns a draft of each, which may be shorter, or empty.
   */
  draft(added: readonly (readonly number[])[], most: readonly number[]): readonly (readonly number[])[];
}

/** Answers with what it took to get them. */
export interface GreedyAnswers extends GenerationRepeat {
  readonly tokens: readonly Int32Array[];
  /** Of each token the lead of the choice; none where tokens were drafted. */
  readonly leads: readonly Float32Array[];
}

/**
 * Continues sequences greedily until each has its answer; one that has leaves the batch. Each step drafts for
 * every sequence, verifies all drafts in one batch of the model, and keeps what the model itself would have
 * chosen, with one more token of its own.
 * @param first tokens of the answers, chosen after the prompts: the model's cache holds the prompts alone.
 * @param answerTokens of each sequence, the first one included.
 * @param drafter null = plain decoding, which is a step without drafts.
 */
export function continueGreedily(
  model: SequenceModel,
  first: Int32Array,
  answerTokens: number,
  drafter: { readonly drafter: Drafter; readonly tokens: number } | null,
): GreedyAnswers {
  const answers = Array.from(first, (token) => [token]);
  const leads = answers.map(() => [0]);
  const added = answers.map(([token]) => [token!]);
  const places = drafter?.tokens ?? 0;
  const drafted: number[] = new Array(places).fill(0);
  const accepted: number[] = new Array(places).fill(0);
  const draftedTokens: number[] = [];
  const acceptedOfStep: number[] = [];
  const draftSeconds: number[] = [];
  const verifySeconds: number[] = [];
  let verifications = 0;
  let begun = monotonicSeconds();
  for (;;) {
    const missing = answers.map(({ length }) => answerTokens - length);
    if (missing.every((tokens) => tokens === 0)) break;
    // One token of a step is the model's own.
    const most = missing.map((tokens) => Math.max(0, Math.min(places, tokens - 1)));
    const drafts = drafter === null ? null : drafter.drafter.draft(added, most);
    const verifying = monotonicSeconds();
    const rows = answers.map((answer, s) =>
      missing[s] === 0 ? [] : [answer.at(-1)!, ...(drafts?.[s] ?? [])],
    );
    const { tokens, figures } = model.extend(rows, drafts === null ? 'lead' : 'choice');
    draftedTokens.push(0);
    acceptedOfStep.push(0);
    const step = draftedTokens.length - 1;
    for (let s = 0, at = 0; s < rows.length; at += rows[s]!.length, s++) {
      added[s] = [];
      if (rows[s]!.length === 0) continue;
      const draft = drafts?.[s] ?? [];
      const kept = acceptedTokens(draft, tokens.subarray(at));
      draftedTokens[step] = draftedTokens[step]! + draft.length;
      acceptedOfStep[step] = acceptedOfStep[step]! + kept;
      for (let i = 0; i < draft.length; i++) drafted[i] = drafted[i]! + 1;
      for (let i = 0; i < kept; i++) accepted[i] = accepted[i]! + 1;
      added[s] = [...draft.slice(0, kept), tokens[at + kept]!];
      answers[s]!.push(...added[s]!);
      leads[s]!.push(figures[at]!);
      if (kept < draft.length) model.cut(s, model.length(s) - (draft.length - kept));
      verifications += 1;
    }
    const ended = monotonicSeconds();
    draftSeconds.push(verifying - begun);
    verifySeconds.push(ended - verifying);
    begun = ended;
  }
  return {
    tokens: answers.map((answer) => Int32Array.from(answer)),
    leads: drafter === null ? leads.map((lead) => Float32Array.from(lead)) : [],
    verifications,
    drafted,
    accepted,
    draftedTokens,
    acceptedTokens: acceptedOfStep,
    draftSeconds: drafter === null ? draftSeconds.map(() => 0) : draftSeconds,
    verifySeconds,
  };
}
