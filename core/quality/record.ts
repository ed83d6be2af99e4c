import { z } from 'zod';
import { digestSchema } from '../digest.js';
import {
  type AnswersFile,
  type AnswersReference,
  type AnswersWindow,
  answersReferenceSchema,
} from './answers/record.js';
import { ASKED_BY, type QualityOutcome, type TaskOutcome, type TextOutcome } from './outcome.js';
import type { Estimate } from './perplexity.js';
import { changeSchema, type QuestionsOfTask, questionsSchema } from './questions.js';

const estimate = z.object({ value: z.number(), standardError: z.number().nullable() });

/** Of a model that a server ran: who was asked, and how; left out = the runner itself, by its logits. */
const askedSchema = z
  .discriminatedUnion('through', [
    z.object({ through: z.literal('server'), by: z.enum(ASKED_BY) }),
    /** The runner that opened the file that was served. */
    z.object({ through: z.literal('stand-in'), runner: z.string() }),
  ])
  .optional();

const textSchema = z.object({
  asked: askedSchema,
  tokens: z.number().int(),
  windows: z.number().int(),
  /** Predictions that were scored. */
  scored: z.number().int(),
  perplexity: estimate,
  /** Against the base on the same predictions; null without one. */
  againstBase: z
    .object({
      perplexity: estimate,
      perplexityRatio: estimate,
      /** D(base ‖ model) in nats per token. */
      kl: z.object({
        mean: estimate,
        median: z.number(),
        p90: z.number(),
        p95: z.number(),
        p99: z.number(),
        p999: z.number(),
        maximum: z.number(),
      }),
      /** Share of predictions with the same most likely token. */
      sameTop: estimate,
      probabilityChangeRms: estimate,
    })
    .nullable(),
});

const scoreSchema = z.object({
  name: z.string(),
  /** Items that a judge could not score; left out = none. */
  unscored: z.number().int().optional(),
  score: estimate,
  base: estimate.nullable(),
  retentionPercent: estimate.nullable(),
  /** By each field that the task groups its items by. */
  groupings: z.array(
    z.object({
      by: z.string(),
      groups: z.array(
        z.object({
          group: z.string(),
          items: z.number().int(),
          score: estimate,
          retentionPercent: estimate.nullable(),
        }),
      ),
      spread: z
        .object({ best: z.string(), worst: z.string(), range: estimate, stddev: z.number() })
        .nullable(),
    }),
  ),
});

/** What a record keeps of a measurement of quality. */
export const qualityRecordSchema = z.object({
  text: textSchema.nullable(),
  tasks: z.array(
    z.object({
      name: z.string(),
      /** What its file calls it, and the way it was asked; left out = it was asked in one way. */
      task: z.string().optional(),
      way: z.string().optional(),
      items: z.number().int(),
      asked: askedSchema,
      /** What an item took, means; null = not known. */
      perItem: z.object({
        seconds: z.number().nullable(),
        tokensIn: z.number().nullable(),
        tokensOut: z.number().nullable(),
      }),
      chance: z.number().nullable(),
      scores: z.array(scoreSchema),
    }),
  ),
  /** Digests of what was read: the text, and tasks in order. */
  textDigest: digestSchema.nullable(),
  taskDigests: z.array(digestSchema),
  /** What each task and the text were asked and scored by. */
  questions: questionsSchema,
  /** Tasks of which answers were kept from an earlier asking, and scored again; left out = of none. */
  keptAnswers: z.array(z.string()).optional(),
  /** What was done since the row was measured because its questions had changed; left out = nothing. */
  again: z.object({ at: z.iso.datetime(), changes: z.array(changeSchema) }).optional(),
  /**
   * What could not be asked, and why; left out = nothing. Where a server could not be asked, a stand-in may
   * have been.
   */
  unanswered: z.array(z.object({ task: z.string().nullable(), reason: z.string() })).optional(),
  /**
   * Files with what was said to each item: one, or two where a stand-in was asked what a server could not be.
   * Left out = none was kept: there are no tasks.
   */
  answers: z.array(answersReferenceSchema).max(2).optional(),
  warnings: z.array(z.string()),
  seconds: z.number(),
  /** Taken from an earlier trial of the same file, asked the same. */
  reused: z.boolean(),
});
export type QualityRecord = z.infer<typeof qualityRecordSchema>;

export type QualityFacts = Pick<QualityRecord, 'textDigest' | 'taskDigests' | 'seconds'> & {
  readonly questions: readonly QuestionsOfTask[];
  /** Of the meters, while it lasted. */
  readonly window: Omit<AnswersWindow, 'sitting'>;
};

/** @returns an outcome as records keep it: every estimate, and of distributions the tail. */
export function qualityRecord(
  outcome: QualityOutcome,
  { window, questions, ...facts }: QualityFacts,
): QualityRecord {
  const { unanswered = [], answers } = outcome;
  return {
    text: outcome.text === null ? null : textRecord(outcome.text),
    tasks: outcome.tasks.map(taskRecord),
    ...(unanswered.length > 0 && { unanswered: [...unanswered] }),
    ...(answers !== undefined && { answers: [reference(answers, window)] }),
    warnings: [...outcome.warnings],
    reused: false,
    questions: [...questions],
    ...facts,
  };
}

const reference = ({ sitting, ...file }: AnswersFile, window: QualityFacts['window']): AnswersReference => {
  return { ...file, window: { sitting, ...window } };
};

/**
 * @param ofServer what a server was asked. @param ofSubstitute the rest, asked of the file that it served.
 * @param order names of the tasks.
 * @returns both as one.
 */
export function joinedQuality(
  ofServer: QualityRecord,
  ofSubstitute: QualityRecord,
  runner: string,
  order: readonly string[],
): QualityRecord {
  const asked = { through: 'stand-in' as const, runner };
  const neither = new Map((ofSubstitute.unanswered ?? []).map(({ task, reason }) => [task, reason]));
  const unanswered = (ofServer.unanswered ?? []).map(({ task, reason }) => {
    const too = neither.get(task);
    return { task, reason: too === undefined ? reason : `${reason}; nor could ${runner}: ${too}` };
  });
  const keptAnswers = [...(ofServer.keptAnswers ?? []), ...(ofSubstitute.keptAnswers ?? [])];
  const answers = [...(ofServer.answers ?? []), ...(ofSubstitute.answers ?? [])];
  const text = ofSubstitute.text === null ? ofServer.text : { ...ofSubstitute.text, asked };
  const tasks = [...ofServer.tasks, ...ofSubstitute.tasks.map((task) => ({ ...task, asked }))];
  return {
    ...ofServer,
    text,
    tasks: tasks.sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name)),
    ...(unanswered.length > 0 && { unanswered }),
    ...(answers.length > 0 && { answers }),
    ...(keptAnswers.length > 0 && { keptAnswers }),
    warnings: [...new Set([...ofServer.warnings, ...ofSubstitute.warnings])],
    seconds: ofServer.seconds + ofSubstitute.seconds,
    reused: ofServer.reused && ofSubstitute.reused,
  };
}

const plain = ({ value, standardError }: Estimate) => ({ value, standardError });

const byServer = (by: TextOutcome['by']) =>
  by === undefined ? {} : { asked: { through: 'server' as const, by } };

function textRecord({ tokens, windows, perplexity, divergence, by }: TextOutcome): QualityRecord['text'] {
  const facts = {
    ...byServer(by),
    tokens,
    windows,
    scored: perplexity.tokens,
    perplexity: plain(perplexity),
  };
  if (divergence === null) return { ...facts, againstBase: null };
  const { median, p90, p95, p99, p999, maximum } = divergence.kl.distribution;
  return {
    ...facts,
    againstBase: {
      perplexity: plain(divergence.base),
      perplexityRatio: plain(divergence.perplexityRatio),
      kl: { mean: plain(divergence.kl), median, p90, p95, p99, p999, maximum },
      sameTop: plain(divergence.sameTop),
      probabilityChangeRms: plain(divergence.probabilityChangeRms),
    },
  };
}

function taskRecord({
  name,
  task,
  way,
  items,
  chance,
  scores,
  by,
  perItem,
}: TaskOutcome): QualityRecord['tasks'][number] {
  return {
    name,
    ...(task !== undefined && way !== undefined && { task, way }),
    items,
    ...byServer(by),
    perItem: { ...perItem },
    chance,
    scores: scores.map((one) => ({
      name: one.name,
      ...(one.unscored !== undefined && { unscored: one.unscored }),
      score: plain(one.score),
      base: one.base === null ? null : plain(one.base),
      retentionPercent: one.retentionPercent === null ? null : plain(one.retentionPercent),
      groupings: one.score.groupings.map(({ by, groups, spread }) => ({
        by,
        groups: groups.map(({ group, items: count, retentionPercent, ...score }) => ({
          group,
          items: count,
          score: plain(score),
          retentionPercent: retentionPercent === null ? null : plain(retentionPercent),
        })),
        spread: spread === null ? null : { ...spread, range: plain(spread.range) },
      })),
    })),
  };
}
