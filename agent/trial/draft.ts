import { stepsTo } from '../../artifacts/conversions/step.js';
import { resolveModel } from '../../artifacts/files/resolve.js';
import { runnerNamed } from '../../core/runners/index.js';
import type { TrialRun } from './context.js';

/**
 * Finds a model that drafts, and makes of it what the runner opens; held until the trial has ended.
 * @throws FailureError as resolving a model throws.
 */
export async function draftFile(
  { lease, node, device, pins, child }: TrialRun,
  source: string,
): Promise<{ readonly path: string; readonly digest: string }> {
  const opening = { digest: null, uses: pins, launcher: child.launch, cpus: device.cpus };
  const runs = runnerNamed(lease.experiment.runner.kind)?.formats ?? [];
  const base = await resolveModel(source, node.models, { ...opening, runs });
  const steps = stepsTo(base, runs);
  const timeLimitSeconds = node.limits.trialTimeoutSeconds;
  const making = { base, steps, cpus: device.cpus, timeLimitSeconds };
  return await node.store.prepare(making, child.launch, pins);
}
