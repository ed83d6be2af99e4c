import { FailureError } from '../../core/errors.js';
import { warn } from '../../core/result/warnings.js';
import { runnerOffers } from '../../core/runners/index.js';
import { workloadNamed } from '../../core/workloads/index.js';
import { costlyPhases } from '../../judgement/profile-cost.js';
import { taskOf } from '../../process/isolation/job.js';
import { PROFILE } from '../profile/job.js';
import { childLimits, placeOf, type TrialRun } from './context.js';
import type { PreparedModel } from './preparation.js';

/**
 * Times the operators of the model, in another process, if the sweep asks for it. The measured numbers stand
 * whatever happens here. Where profiling fails, the reason is noted.
 */
export async function profileTrial(trial: TrialRun, model: PreparedModel | null): Promise<void> {
  const { lease, device, notes, child } = trial;
  const { experiment } = lease;
  if (experiment.measure.profile === 'off' || lease.purpose === 'probe') return;
  const { runner, workload } = experiment;
  const missing = (reason: string) => {
    notes.absent = { ...notes.absent, profile: reason };
    notes.warnings.push(warn('profile-missing', `the operators were not timed: ${reason}`));
  };
  if (!runnerOffers(runner.kind, 'profiled-generator') || model === null)
    return missing(`the runner ${runner.kind} shows no operators`);
  if (workloadNamed(workload.kind)?.needs !== 'generator')
    return missing(`the workload ${workload.kind} is not profiled`);
  const { artifact, adapters } = model;
  const opened = { modelPath: artifact.path, adapters, options: runner.options, ...placeOf(trial) };
  const ending = await child.launch({
    task: taskOf(PROFILE, { runnerKind: runner.kind, model: opened, workload: workload.options }),
    cpus: device.cpus,
    ...childLimits(trial),
  }).ended;
  if (ending.failure?.code === 'cancelled') throw new FailureError(ending.failure);
  if (ending.failure !== null) return missing(ending.failure.message);
  notes.profile = ending.answer;
  notes.warnings.push(...costlyPhases(ending.answer).map((sentence) => warn('profile-costly', sentence)));
}
