import { locateText } from '../../artifacts/files/text.js';
import { readOptions } from '../../core/experiment/options.js';
import { generationOptions } from '../../core/work/generation.js';
import { workloadNamed } from '../../core/workloads/index.js';
import type { GenerationFiles } from '../workloads/workload.js';
import type { TrialRun } from './context.js';
import { draftFile } from './draft.js';

/**
 * Finds what a workload continues, and what drafts for it; the notes have the draft's digest.
 * @returns null for workloads that continue no text.
 * @throws FailureError `source-not-allowed`, `model-missing`, and as resolving a model throws.
 */
export async function generationFiles(trial: TrialRun): Promise<GenerationFiles | null> {
  const { lease, node, notes } = trial;
  const { kind, options } = lease.experiment.workload;
  if (workloadNamed(kind)?.needs !== 'greedy-generator') return null;
  const { promptText, draftModel } = readOptions(generationOptions, options);
  const textPath = locateText(promptText, node.models);
  if (draftModel === null) return { textPath, draftPath: null };
  const { path, digest } = await draftFile(trial, draftModel);
  notes.environment.draftDigest = digest;
  return { textPath, draftPath: path };
}
