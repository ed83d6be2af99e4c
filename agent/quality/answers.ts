import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import { type Bodies, FolderBodies } from '../../artifacts/files/bodies.js';
import type { Launcher } from '../../artifacts/files/build-file.js';
import { readNote } from '../../artifacts/files/note.js';
import { FailureError } from '../../core/errors.js';
import type { QualityOutcome, TextRequest } from '../../core/quality/outcome.js';
import {
  type QualityFacts,
  type QualityRecord,
  qualityRecord,
  qualityRecordSchema,
} from '../../core/quality/record.js';
import { canonicalJson } from '../../core/sweep/identity.js';
import { writeWhole } from '../../formats/whole-file.js';
import type { Task } from '../../process/isolation/job.js';
import type { QualityReport } from './jobs.js';
import type { AnswersKept } from './kept.js';
import type { EvaluationSpec } from './policy.js';
import { identityOf } from './scorers.js';

export interface AnswerRequest {
  /** @param answers where the child keeps what was said to each item. */
  readonly task: (answers: AnswersKept) => Task<QualityOutcome, QualityReport>;
  /** The text that it asks about; null = none. */
  readonly text: TextRequest | null;
  readonly questions: EvaluationSpec;
  /** Everything the answers follow from beside the questions: digests of files, engine, options that change numbers. */
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
 * fast they come, and a sweep over threads or batch sizes would ask again and again. A child that was killed is followed by one that goes on
 * behind the last item that it answered.
 * @throws FailureError what the child died of, or why the questions do not fit the model.
 */
export async function answersOf(request: AnswerRequest, launcher: Launcher): Promise<QualityRecord> {
  const { path, answers } = await placesOf(request);
  const bodies = new FolderBodies(answers.folder);
  const known = await read(path);
  if (known !== null && (await hasItems(known, bodies))) return { ...known, reused: true };
  const began = performance.now();
  const { outcome, window } = await asked(request, answers, launcher);
  const { textDigest, taskDigests } = request.questions;
  const seconds = (performance.now() - began) / 1000;
  const record = qualityRecord(outcome, { textDigest, taskDigests: [...taskDigests], seconds, window });
  await mkdir(dirname(path), { recursive: true });
  await writeWhole(path, JSON.stringify(record));
  // Not before: an agent that is killed here finds all of them there.
  await rm(answers.journal, { force: true });
  const digest = record.answers?.[0]?.digest;
  if (digest !== undefined) await bodies.trim(MOST_BYTES, digest);
  return record;
}

/** @returns whether a child has begun to ask the same, and was killed before its end. */
export async function wasInterrupted(request: AnswerRequest): Promise<boolean> {
  return existsSync((await placesOf(request)).answers.journal);
}

/** @returns the file of what came of it, and where answers are kept until then. */
async function placesOf(request: AnswerRequest): Promise<{ path: string; answers: AnswersKept }> {
  const identity = await nameOf(request);
  const path = join(request.cacheFolder, 'quality', identity);
  const folder = join(request.cacheFolder, 'answers');
  return { path: `${path}.json`, answers: { journal: `${path}.jsonl`, identity, folder } };
}

/** Has a child ask, while the energy of it is read. @throws FailureError what the child died of. */
async function asked(
  { task, cpus, timeLimitSeconds, memoryLimitBytes, metered }: AnswerRequest,
  answers: AnswersKept,
  launcher: Launcher,
) {
  const endWindow = metered();
  try {
    const { ended } = launcher({ task: task(answers), cpus, timeLimitSeconds, memoryLimitBytes });
    const { failure, answer } = await ended;
    if (failure !== null) throw new FailureError(failure);
    return { outcome: answer, window: endWindow() };
  } finally {
    endWindow();
  }
}

/** @returns whether what was said to each item is still here, too; a release of before kept none. */
async function hasItems({ tasks, answers = [] }: QualityRecord, bodies: Bodies): Promise<boolean> {
  if (tasks.length > 0 && answers.length === 0) return false;
  const here = await Promise.all(answers.map(({ digest }) => bodies.has(digest)));
  return here.every((one) => one);
}

async function nameOf({ text, questions, identity, cacheFolder }: AnswerRequest): Promise<string> {
  const asked = {
    windows: text?.windows ?? null,
    precision: text?.basePrecision ?? null,
    text: questions.textDigest,
    tasks: questions.taskDigests,
    // Left out where there are none, so that answers of before are found.
    otherwise: questions.otherwise.length === 0 ? undefined : questions.otherwise,
    scorers: await identityOf(questions.scorers, cacheFolder),
  };
  return bytesToHex(sha256(utf8ToBytes(canonicalJson({ ...identity, ...asked })))).slice(0, 24);
}

/** A file that cannot be read counts as none: it is measured again and written anew. */
async function read(path: string): Promise<QualityRecord | null> {
  return await readNote(path, qualityRecordSchema);
}
