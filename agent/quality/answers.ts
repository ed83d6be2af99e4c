import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import type { Launcher } from '../../artifacts/files/build-file.js';
import { FailureError } from '../../core/errors.js';
import type { QualityOutcome, TextRequest } from '../../core/quality/outcome.js';
import { type QualityRecord, qualityRecord, qualityRecordSchema } from '../../core/quality/record.js';
import { canonicalJson } from '../../core/sweep/identity.js';
import type { Task } from '../../process/isolation/job.js';
import type { QualityReport } from './jobs.js';
import type { EvaluationSpec } from './policy.js';
import { identityOf } from './scorers.js';

export interface AnswerRequest {
  readonly task: Task<QualityOutcome, QualityReport>;
  /** The text that it asks about; null = none. */
  readonly text: TextRequest | null;
  readonly questions: EvaluationSpec;
  /** Everything the answers follow from beside the questions: digests of files, engine, options that change numbers. */
  readonly identity: Readonly<Record<string, unknown>>;
  readonly cacheFolder: string;
  readonly cpus: readonly number[];
  readonly timeLimitSeconds: number;
  readonly memoryLimitBytes: number | null;
}

/**
 * Has a child ask a model, unless the same was asked of the same file before: answers do not depend on how
 * fast they come, and a sweep over threads or batch sizes would ask again and again.
 * @throws FailureError what the child died of, or why the questions do not fit the model.
 */
export async function answersOf(request: AnswerRequest, launcher: Launcher): Promise<QualityRecord> {
  const folder = join(request.cacheFolder, 'quality');
  const path = join(folder, `${await nameOf(request)}.json`);
  const known = await read(path);
  if (known !== null) return { ...known, reused: true };
  const { task, cpus, timeLimitSeconds, memoryLimitBytes } = request;
  const began = performance.now();
  const ending = await launcher({
    task,
    cpus,
    timeLimitSeconds,
    memoryLimitBytes,
  }).ended;
  if (ending.failure !== null) throw new FailureError(ending.failure);
  const { textDigest, taskDigests } = request.questions;
  const seconds = (performance.now() - began) / 1000;
  const record = qualityRecord(ending.answer, { textDigest, taskDigests: [...taskDigests], seconds });
  await mkdir(folder, { recursive: true });
  const draft = `${path}.${process.pid}.draft`;
  await writeFile(draft, JSON.stringify(record));
  await rename(draft, path);
  return record;
}

async function nameOf({ text, questions, identity, cacheFolder }: AnswerRequest): Promise<string> {
  const asked = {
    windows: text?.windows ?? null,
    precision: text?.basePrecision ?? null,
    text: questions.textDigest,
    tasks: questions.taskDigests,
    scorers: await identityOf(questions.scorers, cacheFolder),
  };
  return bytesToHex(sha256(utf8ToBytes(canonicalJson({ ...identity, ...asked })))).slice(0, 24);
}

/** A file that cannot be read counts as none: it is measured again and written anew. */
async function read(path: string): Promise<QualityRecord | null> {
  try {
    return qualityRecordSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return null;
  }
}
