import { FailureError } from '../../core/errors.js';
import type { Lease } from '../../core/experiment/lease.js';
import type { DeviceProfile } from '../../core/experiment/node.js';
import { warn } from '../../core/result/warnings.js';
import { runnerNamed } from '../../core/runners/index.js';
import { workloadNamed } from '../../core/workloads/index.js';
import type { Launcher } from '../artifacts/build-file.js';
import { taskOf } from '../isolation/job.js';
import { PROFILE } from '../profile/job.js';
import type { PreparedModel } from './preparation.js';
import type { TrialNotes } from './record.js';
import type { Bench } from './start.js';

/**
 * Times the operators of the model once more, in a process of its own, where the sweep asks for it. The timed numbers stand
 * whatever happens here: what cannot be profiled leaves a reason.
 */
export async function profileTrial(
  { experiment }: Lease,
  bench: Bench,
  device: DeviceProfile,
  model: PreparedModel | null,
  notes: TrialNotes,
  launcher: Launcher,
): Promise<void> {
  if ((experiment.measure.profile ?? 'off') === 'off') return;
  const { runner, workload } = experiment;
  const missing = (reason: string) => {
    notes.absent = { ...notes.absent, profile: reason };
    notes.warnings.push(warn('profile-missing', `the operators were not timed: ${reason}`));
  };
  if (runnerNamed(runner.kind)?.profiled !== true || model === null) {
    missing(`the runner ${runner.kind} shows no operators`);
    return;
  }
  if (workloadNamed(workload.kind)?.needs !== 'generator') {
    missing(`the workload ${workload.kind} is not profiled`);
    return;
  }
  const ending = await launcher({
    task: taskOf(PROFILE, {
      model: {
        modelPath: model.artifact.path,
        adapters: model.adapters,
        options: runner.options,
        deviceClass: experiment.device,
        deviceId: device.id,
        cpus: device.cpus,
      },
      workload: workload.options,
    }),
    cpus: device.cpus,
    timeLimitSeconds: experiment.measure.trialTimeoutSeconds ?? bench.limits.trialTimeoutSeconds,
    memoryLimitBytes: bench.limits.memoryLimitBytes ?? bench.profile.memoryBytes,
  }).ended;
  if (ending.failure?.code === 'cancelled') throw new FailureError(ending.failure);
  if (ending.failure === null) notes.profile = ending.answer;
  else missing(ending.failure.message);
}
