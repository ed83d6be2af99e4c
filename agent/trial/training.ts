import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Experiment } from '../../core/experiment/experiment.js';
import { plainRunnerOf } from '../../core/runners/index.js';
import type { TrainingRecord } from '../../core/training/record.js';
import { workloadNamed } from '../../core/workloads/index.js';
import { digestOf } from '../artifacts/digest.js';
import type { Pins } from '../artifacts/pins.js';
import { locateText } from '../artifacts/text.js';
import type { KeptResult, TrainingFiles, WorkloadOutcome } from '../workloads/workload.js';
import type { PreparedModel } from './preparation.js';
import type { AskedModel } from './quality.js';
import type { Bench } from './start.js';

/**
 * @param uses holds what is made, until the caller releases it.
 * @returns null for workloads that do not train.
 * @throws FailureError `source-not-allowed`, `model-missing` for the text.
 */
export async function trainingFiles(
  { id, workload, quality }: Experiment,
  bench: Bench,
  uses: Pins,
): Promise<TrainingFiles | null> {
  if (workloadNamed(workload.kind)?.needs !== 'trainer') return null;
  const textPath = locateText(String(workload.options.text ?? ''), bench.models);
  const folder = join(bench.models.cacheFolder, 'artifacts');
  await mkdir(folder, { recursive: true });
  const keepPath = join(folder, `trained-${id}.gguf`);
  await uses.hold(keepPath);
  return { textPath, keepPath, runnable: quality !== null };
}

/**
 * The model to ask after a training: what was made of the base, or the base with the new adapter beside it. A runner
 * that trains does not speak, so another does.
 */
export function trainedModel(
  { runner }: Experiment,
  model: PreparedModel,
  kept: KeptResult,
  digest: string,
): AskedModel {
  const { artifact, base } = model;
  const said = { base, digest: `${artifact.digest}+${digest}`, runnerKind: plainRunnerOf(runner.kind) };
  if (kept.modelPath !== null) return { ...said, path: kept.modelPath, adapters: [] };
  const adapter = { source: 'the trained adapter', path: kept.path, digest, bytes: kept.bytes, scale: 1 };
  return { ...said, path: artifact.path, adapters: [adapter] };
}

/** The merged model of an adapter is only there to be asked. */
export async function dropMerged({ kind, modelPath }: KeptResult): Promise<void> {
  if (kind === 'adapter' && modelPath !== null) await rm(modelPath, { force: true });
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
