import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { locateText } from '../../artifacts/files/text.js';
import type { Experiment } from '../../core/experiment/experiment.js';
import { plainRunnerOf } from '../../core/runners/index.js';
import { isExamples } from '../../core/training/example.js';
import { workloadNamed } from '../../core/workloads/index.js';
import { digestOf } from '../../process/digest.js';
import { readExamples } from '../workloads/examples.js';
import type { KeptResult, TrainingFiles, WorkloadOutcome } from '../workloads/workload.js';
import type { TrialRun } from './context.js';
import type { PreparedModel } from './preparation.js';
import type { AskedModel } from './quality.js';

/** What was trained, under the digest of its file. */
interface TrainedFile extends KeptResult {
  readonly digest: string;
}

/**
 * Holds the place of what will be made.
 * @returns null for workloads that do not train.
 * @throws FailureError `source-not-allowed`, `model-missing` for the text.
 */
export async function trainingFiles({ lease, node, pins }: TrialRun): Promise<TrainingFiles | null> {
  const { id, workload, quality } = lease.experiment;
  if (workloadNamed(workload.kind)?.needs !== 'trainer') return null;
  const textPath = locateText(String(workload.options.text ?? ''), node.models);
  // Before anything is loaded.
  if (isExamples(textPath)) readExamples(textPath);
  const folder = join(node.models.cacheFolder, 'artifacts');
  await mkdir(folder, { recursive: true });
  const keepPath = join(folder, `trained-${id}.gguf`);
  await pins.hold(keepPath);
  return { textPath, keepPath, runnable: quality !== null };
}

/**
 * The model to ask after a training: what was made of the base, or the base with the new adapter beside it. A
 * runner that trains does not speak, so another does.
 */
export function trainedModel({ runner }: Experiment, model: PreparedModel, kept: TrainedFile): AskedModel {
  const { artifact, base } = model;
  const { digest } = kept;
  const said = { base, digest: `${artifact.digest}+${digest}`, runnerKind: plainRunnerOf(runner.kind) };
  if (kept.modelPath !== null) return { ...said, path: kept.modelPath, adapters: [] };
  const adapter = { source: 'the trained adapter', path: kept.path, digest, bytes: kept.bytes, scale: 1 };
  return { ...said, path: artifact.path, adapters: [adapter] };
}

/** The merged model of an adapter is only there to be asked. */
export async function dropMerged({ kind, modelPath }: KeptResult): Promise<void> {
  if (kind === 'adapter' && modelPath !== null) await rm(modelPath, { force: true });
}

/** Notes what a workload trained. @returns the file that it kept, or null. */
export async function noteTraining(
  { node, notes }: TrialRun,
  { findings }: WorkloadOutcome,
): Promise<TrainedFile | null> {
  if (findings?.of !== 'training') return null;
  const { record, kept } = findings;
  if (kept === null) {
    notes.training = { ...record, made: null };
    return null;
  }
  const { kind, bytes, parameters } = kept;
  const digest = await digestOf(kept.path, node.models.cacheFolder);
  await leaveNote(kept, digest, record.method);
  notes.training = { ...record, made: { kind, digest, bytes, parameters } };
  return { ...kept, digest };
}

/** So that people and eviction know what the file is. */
async function leaveNote({ path, bytes }: KeptResult, digest: string, method: string): Promise<void> {
  const note = { digest, bytes, recipe: `finetune(${method})`, base: '', warnings: [], steps: [] };
  await writeFile(`${path}.json`, JSON.stringify(note));
}
