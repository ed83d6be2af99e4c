import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Experiment } from '../core/sweep/experiment.js';
import type { TrainingRecord } from '../core/training/record.js';
import { digestOf } from './artifacts/digest.js';
import { locateText } from './artifacts/text.js';
import type { Bench } from './experiment.js';
import type { KeptResult, WorkloadOutcome } from './workloads/workload.js';

/** What a workload that trains needs of the node, and where it leaves what it made. */
export interface TrainingFiles {
  readonly textPath: string;
  readonly keepPath: string;
}

/**
 * @returns null for workloads that do not train.
 * @throws FailureError `source-not-allowed`, `model-missing` for the text.
 */
export async function trainingFiles(
  { id, workload }: Experiment,
  bench: Bench,
): Promise<TrainingFiles | null> {
  if (workload.kind !== 'finetune') return null;
  const textPath = locateText(String(workload.options.text ?? ''), bench.models);
  const folder = join(bench.models.cacheFolder, 'artifacts');
  await mkdir(folder, { recursive: true });
  return { textPath, keepPath: join(folder, `trained-${id}.gguf`) };
}

/** @returns what goes into the record of what a workload trained and kept, under the digest of its file. */
export async function trainingRecord(
  { training, kept }: WorkloadOutcome,
  bench: Bench,
): Promise<TrainingRecord | null> {
  if (training === undefined) return null;
  if (kept === undefined) return { ...training, made: null };
  const { kind, bytes, parameters } = kept;
  const digest = await digestOf(kept.path, bench.models.cacheFolder);
  await leaveNote(kept, digest, training.method);
  return { ...training, made: { kind, digest, bytes, parameters } };
}

/** So that people and eviction know what the file is. */
async function leaveNote({ path, bytes }: KeptResult, digest: string, method: string): Promise<void> {
  const recipe = `finetune(${method})`;
  await writeFile(
    `${path}.json`,
    JSON.stringify({ digest, bytes, recipe, base: '', warnings: [], steps: [] }),
  );
}
