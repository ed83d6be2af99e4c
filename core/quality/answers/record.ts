import { z } from 'zod';
import {
  ID_CHARACTERS,
  listOf,
  NAME_CHARACTERS,
  recordOf,
  SENTENCE_CHARACTERS,
  textOf,
} from '../../bounds.js';
import { digestSchema } from '../../digest.js';
import { readJsonLine } from '../../input/json-line.js';
import { ASKED_BY } from '../outcome.js';

/**
 * The record of one question that was put to a model, version 1: a line of JSON. What is of all of them
 * (model, technique, device) is in the result record that refers to their file. Missing is `null` with a
 * reason in `absent`; fields are only ever added.
 */
export const ANSWER_SCHEMA = 'ridgepoint.dev/answer/v1';

/** 4096 tokens of an answer, or the references of a question. */
const TEXT_CHARACTERS = 2 ** 20;
const MOST_OPTIONS = 1000;

const count = z.int().nonnegative();
const seconds = z.number().nonnegative().nullable();

const given = {
  /** What was said; null where options were compared by their likelihood. */
  answer: textOf(TEXT_CHARACTERS).nullable(),
  /**
   * By each score of options, the index of the one that was taken; null = none. Empty for generated answers.
   */
  taken: recordOf(count.nullable(), 100),
  /**
   * By each score, 0 to 1, of correlations from −1; null = a command has not judged it yet, or it is of what
   * does not vary.
   */
  scores: recordOf(z.number().min(-1).max(1).nullable(), 100),
};

const share = z.number().min(0).max(1).nullable();

/** The order that documents were put in, and how it came about; null = this way of ranking has none. */
const rankingAnswerSchema = z.object({
  /** Best first. */
  ids: listOf(textOf(SENTENCE_CHARACTERS), 10_000),
  /** By document: what put it there, as a run file keeps it. */
  scores: listOf(z.number(), 10_000),
  /** Lists, pairs or single documents that the model was asked about. */
  asked: count,
  /** Of lists: names that the answer lacks, of those that it should have. */
  unnamed: share,
  /** Of lists: how likely the model finds any name at all where the first one stands; the mean. */
  anyName: share,
  /**
   * Of generated lists: Kendall's τ of the order said and that of the first token's probabilities; the mean.
   */
  firstTokenTau: z.number().min(-1).max(1).nullable(),
  /** Passages or texts that were cut to fit. */
  cut: count,
});
export type RankingAnswer = z.infer<typeof rankingAnswerSchema>;

/** What one model said to a question. */
const givenSchema = z.object(given);
export type GivenAnswer = z.infer<typeof givenSchema>;

export const answerSchema = z.object({
  schema: z.literal(ANSWER_SCHEMA),
  task: textOf(NAME_CHARACTERS),
  /** The item's id in its file, else its place there (`line 7`). */
  item: textOf(SENTENCE_CHARACTERS),
  /** 0-based place among the items that are asked. */
  index: count,
  /** By each field that groups items: the group this one is in. */
  groups: recordOf(textOf(SENTENCE_CHARACTERS), 100),
  /** Of the prompt's UTF-8 text, solved examples included. */
  promptDigest: digestSchema,
  asked: z.object({
    mode: z.enum(['choice', 'letter', 'generate', 'rank']),
    /**
     * How: by the logits or vectors of a model in the process, or what a server tells; `nothing` = nobody was
     * asked.
     */
    by: z.enum(['logits', 'vectors', 'nothing', ...ASKED_BY]),
    /** Solved examples before the question. */
    examples: count,
    /** Of generated answers alone. */
    maxTokens: count.optional(),
    stop: z.array(textOf(100)).optional(),
    /** What the way of asking is called; left out = the task is asked in one alone. */
    way: textOf(SENTENCE_CHARACTERS).optional(),
    /** The prompt was written by the model's own chat template; left out = it was not. */
    chat: z.literal(true).optional(),
    /** How answers were drawn, and how many; left out = the likeliest token each time, once. */
    sampling: z
      .object({
        temperature: z.number(),
        topP: z.number().optional(),
        topK: count.optional(),
        minP: z.number().optional(),
        seed: count,
      })
      .optional(),
    samples: count.optional(),
  }),
  /** Ids of the examples that were shown, in their order; left out = none was. */
  shown: listOf(textOf(SENTENCE_CHARACTERS), 1000).optional(),
  /**
   * Of the item's record: SHA-256 of its JSON as lm-evaluation-harness writes it (`doc_hash`); of its tasks
   * alone.
   */
  docDigest: digestSchema.optional(),
  ...given,
  /**
   * What a scorer read in the answer (a number, a letter, a normal form); of options the text of the one that
   * was taken; null = nothing.
   */
  extracted: textOf(TEXT_CHARACTERS).nullable(),
  /**
   * By the name of a reading ('' = the one without): what it scored. Left out where answers are read in one
   * way.
   */
  readings: recordOf(textOf(TEXT_CHARACTERS), 100).optional(),
  /** Every answer, where several were drawn; `answer` is the first. */
  samples: listOf(
    z.object({ answer: textOf(TEXT_CHARACTERS), tokensOut: count.nullable(), seconds }),
    1024,
  ).optional(),
  references: listOf(textOf(TEXT_CHARACTERS), 10_000),
  /** Indices of right options; null for generated answers. */
  right: listOf(count, MOST_OPTIONS).nullable(),
  /**
   * By option: Σ ln p of its tokens (null = the server did not tell it), and what that is divided by. null
   * where none was computed.
   */
  options: listOf(
    z.object({
      logProbability: z.number().nullable(),
      tokens: count,
      bytes: count,
      /** Code points, and whether greedy decoding says it; left out where no score asks for them. */
      characters: count.optional(),
      greedy: z.boolean().optional(),
    }),
    MOST_OPTIONS,
  ).nullable(),
  /** Of a query whose documents were put in an order. */
  ranking: rankingAnswerSchema.optional(),
  /**
   * The base on the same question, with every answer where several were drawn; left out where none was asked.
   */
  base: givenSchema.extend({ samples: listOf(textOf(TEXT_CHARACTERS), 1024).optional() }).optional(),
  /** Of the prompt, once, and of each option. */
  tokensIn: count.nullable(),
  /** Generated. */
  tokensOut: count.nullable(),
  /** From the question to the first token of the answer. */
  secondsToFirst: seconds,
  /** From the question to the end of the answer, of the model alone; scoring is not in it. */
  seconds,
  /** Which start of the asking process it was, from 0: one that was ended goes on in the next. */
  sitting: count,
  /** It was given at an earlier asking, and scored again; left out = it was given at this one. */
  kept: z.literal(true).optional(),
  absent: recordOf(textOf(SENTENCE_CHARACTERS), 100),
});
export type AnswerRecord = z.infer<typeof answerSchema>;

/** Where the answers of a model are: a file of the records, known by its content. */
export const answersReferenceSchema = z.object({
  schema: z.literal(ANSWER_SCHEMA),
  digest: digestSchema,
  bytes: count,
  items: count,
  /** Of the node's meters while the last sitting lasted, from the start of its process to the end; gross. */
  window: z.object({
    sitting: count,
    seconds: z.number().nonnegative(),
    joules: z.number().nonnegative().nullable(),
    /** The energy source, or why there is none. */
    source: textOf(ID_CHARACTERS).nullable(),
    reason: textOf(SENTENCE_CHARACTERS).nullable(),
  }),
});
export type AnswersReference = z.infer<typeof answersReferenceSchema>;
export type AnswersWindow = AnswersReference['window'];
/** The file, before it is known what its window took. */
export type AnswersFile = Omit<AnswersReference, 'window'> & { readonly sitting: number };

/** Joules of one answer, or why there are none. */
export type Share = { readonly joules: number } | { readonly joules: null; readonly reason: string };

/**
 * An answer's share of the energy of its window by time: the window's mean power times the answer's own
 * seconds. What the window holds beside answers (loading, the text, the base, scoring) is shared out to none.
 */
export function shareOf(
  { seconds: own, sitting, kept }: Pick<AnswerRecord, 'seconds' | 'sitting' | 'kept'>,
  { joules, seconds: whole, reason, sitting: last }: AnswersWindow,
): Share {
  if (kept) return { joules: null, reason: 'it was given at an earlier asking, whose energy is not known' };
  if (sitting !== last)
    return { joules: null, reason: 'it was answered before an interruption, whose energy is not known' };
  if (joules === null) return { joules: null, reason: reason ?? 'no energy was measured' };
  if (own === null || !(whole > 0)) return { joules: null, reason: 'its time is not known' };
  return { joules: (joules * own) / whole };
}

/** @returns a line of a file as a record, or one sentence why it is none. */
export function readAnswer(line: string): AnswerRecord | string {
  return readJsonLine(answerSchema, line, 'an answer');
}

/**
 * Which score of an answer stands for it: the one asked for, else of options that per byte or character, else
 * the first.
 * @returns its name; null = it has none.
 */
export function mainName({ scores }: Pick<AnswerRecord, 'scores'>, wanted: string | null): string | null {
  const names = Object.keys(scores);
  if (wanted !== null) return names.includes(wanted) ? wanted : null;
  return names.find((name) => name === 'perByte' || name === 'acc_norm') ?? names[0] ?? null;
}

/** @returns that score; null = there is none. */
export function mainValue(answer: Pick<AnswerRecord, 'scores'>, wanted: string | null): number | null {
  const name = mainName(answer, wanted);
  return name === null ? null : (answer.scores[name] ?? null);
}
