import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import { z } from 'zod';
import { type Bodies, FolderBodies } from '../../artifacts/files/bodies.js';
import type { Launcher } from '../../artifacts/files/build-file.js';
import { readNote } from '../../artifacts/files/note.js';
import { FailureError, toFailure } from '../../core/errors.js';
import type { QualityOutcome, TextRequest } from '../../core/quality/outcome.js';
import type { QuestionsOfTask } from '../../core/quality/questions.js';
import {
  type QualityFacts,
  type QualityRecord,
  qualityRecord,
  qualityRecordSchema,
} from '../../core/quality/record.js';
import { canonicalJson } from '../../core/sweep/identity.js';
import { writeWhole } from '../../formats/whole-file.js';
import type { Task } from '../../process/isolation/job.js';
import type { AnswersKept } from './asking/kept.js';
import type { QualityReport } from './jobs.js';
import type { EvaluationSpec } from './policy.js';

export interface AnswerRequest {
  /**
   * @param answers where the child keeps what was said to each item.
   * @param text that it asks about; null = none.
   */
  readonly task: (answers: AnswersKept, text: TextRequest | null) => Task<QualityOutcome, QualityReport>;
  readonly questions: EvaluationSpec;
  /**
   * Everything the answers follow from beside the questions: digests of files, engine, options that change
   * numbers.
   */
  readonly identity: Readonly<Record<string, unknown>>;
  readonly cacheFolder: string;
  readonly cpus: readonly number[];
  readonly timeLimitSeconds: number;
  readonly memoryLimitBytes: number | null;
  /** Begins to read the energy of what is asked. @returns what ends it, and tells. */
  readonly metered: () => () => QualityFacts['window'];
}

/** Answers of a node in its cache: 100 million items or so. The longest unused go. */
const MOST_BYTES = 64 * 2 ** 30;

/**
 * Has a child ask a model, unless the same was asked of the same file before: answers do not depend on how
 * fast they come, and a sweep over threads or batch sizes would ask again and again. A task whose scoring
 * alone has changed is scored again from the answers that are kept. A child that was killed is followed by
 * one that continues behind the last item that it answered.
 * @throws FailureError what the child died of, or why the questions do not fit the model.
 */
export async function answersOf(request: AnswerRequest, launcher: Launcher): Promise<QualityRecord> {
  const { path, answers } = placesOf(request);
  const bodies = new FolderBodies(answers.folder);
  const finished = await readNote(path, qualityRecordSchema);
  if (finished !== null && (await hasItems(finished, bodies))) return { ...finished, reused: true };
  const began = performance.now();
  const known = await knownAnswers(request, bodies);
  const nothing: KnownAnswers = { text: null, tasks: {} };
  const { outcome, window, from } = await askUnknown(known, request, answers, launcher).catch((error) => {
    // A body that is damaged is worth as much as none.
    if (toFailure(error).code !== 'digest-mismatch' || Object.keys(known.tasks).length === 0) throw error;
    return askUnknown(nothing, request, answers, launcher);
  });
  const { textDigest, taskDigests, questions } = request.questions;
  const seconds = (performance.now() - began) / 1000;
  const facts = { textDigest, taskDigests: [...taskDigests], questions, seconds, window };
  const made = qualityRecord(outcome, facts);
  const keptAnswers = Object.keys(from.tasks);
  const record: QualityRecord = {
    ...made,
    ...(from.text !== null && { text: from.text }),
    ...(keptAnswers.length > 0 && { keptAnswers }),
  };
  await mkdir(dirname(path), { recursive: true });
  await writeWhole(path, JSON.stringify(record));
  await keepAnswers(request, record);
  // Not before: an agent that is killed here finds all of them there.
  await rm(answers.journal, { force: true });
  const digest = record.answers?.[0]?.digest;
  if (digest !== undefined) await bodies.trim(MOST_BYTES, digest);
  return record;
}

/** @returns whether a child has begun to ask the same, and was killed before its end. */
export function wasInterrupted(request: AnswerRequest): boolean {
  return existsSync(placesOf(request).answers.journal);
}

/** @returns the file of what came of it, and where answers are kept until then. */
function placesOf({ questions, identity, cacheFolder }: AnswerRequest): {
  path: string;
  answers: AnswersKept;
} {
  const name = nameOf({ ...identity, questions: questions.questions });
  const path = join(cacheFolder, 'quality', name);
  const folder = join(cacheFolder, 'answers');
  return { path: `${path}.json`, answers: { journal: `${path}.jsonl`, identity: name, folder } };
}

/**
 * What is kept of one task, or of the text, by its model and its asking; the scoring may have been another.
 */
const knownSchema = qualityRecordSchema.pick({ text: true }).extend({
  /** A body with all answers to the task. */
  answers: z.string().nullable(),
});

interface KnownAnswers {
  readonly text: QualityRecord['text'];
  /** By task, the body with its answers. */
  readonly tasks: NonNullable<AnswersKept['known']>;
}

/** @returns the file that says where the answers are that a task was given, or what a text came to. */
function knownPath({ identity, cacheFolder }: AnswerRequest, { asking }: QuestionsOfTask): string {
  return join(cacheFolder, 'quality', 'asked', `${nameOf({ ...identity, asking })}.json`);
}

async function knownAnswers(request: AnswerRequest, bodies: Bodies): Promise<KnownAnswers> {
  const tasks: Record<string, string> = {};
  let text: QualityRecord['text'] = null;
  for (const one of request.questions.questions) {
    const known = await readNote(knownPath(request, one), knownSchema);
    if (known === null) continue;
    if (one.task === null) text = known.text;
    else if (known.answers !== null && (await bodies.has(known.answers))) tasks[one.task] = known.answers;
  }
  return { text, tasks };
}

/** Writes down where answers are, for whoever asks the same and scores it otherwise. */
async function keepAnswers(request: AnswerRequest, record: QualityRecord): Promise<void> {
  const digest = record.answers?.[0]?.digest ?? null;
  const answered = new Set(record.tasks.map(({ name }) => name));
  for (const one of request.questions.questions) {
    const { task } = one;
    if (task === null ? record.text === null : !answered.has(task)) continue;
    const path = knownPath(request, one);
    await mkdir(dirname(path), { recursive: true });
    const known = task === null ? { text: record.text, answers: null } : { text: null, answers: digest };
    await writeWhole(path, JSON.stringify(known));
  }
}

/**
 * Has a child ask what is not known, while the energy of it is read.
 * @throws FailureError what the child died of.
 */
async function askUnknown(
  from: KnownAnswers,
  { task, questions, cpus, timeLimitSeconds, memoryLimitBytes, metered }: AnswerRequest,
  answers: AnswersKept,
  launcher: Launcher,
) {
  const text = from.text === null ? questions.request.text : null;
  const endWindow = metered();
  try {
    const asked = task({ ...answers, known: from.tasks }, text);
    const { ended } = launcher({ task: asked, cpus, timeLimitSeconds, memoryLimitBytes });
    const { failure, answer } = await ended;
    if (failure !== null) throw new FailureError(failure);
    return { outcome: answer, window: endWindow(), from };
  } finally {
    endWindow();
  }
}

/** @returns whether what was said to each item is still here, too. */
async function hasItems({ answers = [] }: QualityRecord, bodies: Bodies): Promise<boolean> {
  const here = await Promise.all(answers.map(({ digest }) => bodies.has(digest)));
  return here.every((one) => one);
}

/** @returns a name for what answers follow from. */
function nameOf(follows: Readonly<Record<string, unknown>>): string {
  return bytesToHex(sha256(utf8ToBytes(canonicalJson(follows)))).slice(0, 24);
}
