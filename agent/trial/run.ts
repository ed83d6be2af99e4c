import type { Channel } from '../isolation/channel.js';
import { monotonicSeconds } from '../isolation/clock.js';
import { runnerNamed } from '../runners/index.js';
import type { TrainedResult } from '../runners/trainer.js';
import { workloadNamed } from '../workloads/index.js';
import type { WorkloadContext, WorkloadOutcome } from '../workloads/workload.js';
import type { TrialReport, TrialRequest } from './job.js';

/** Runs one trial in this process: load, then whatever the workload asks; phases leave as they end. */
export async function runTrial(
  request: TrialRequest,
  channel: Channel<TrialReport>,
): Promise<WorkloadOutcome> {
  const runner = await runnerNamed(request.runner.kind);
  const workload = workloadNamed(request.workload.kind);
  const demands = workload.demands(request.workload.options);

  const loadStart = monotonicSeconds();
  const model = await runner.load({
    modelPath: request.modelPath,
    adapters: request.adapters ?? [],
    options: request.runner.options,
    deviceClass: request.deviceClass,
    deviceId: request.deviceId,
    cpus: request.cpus,
    ...demands,
  });
  const loadEnd = monotonicSeconds();
  channel.send({
    type: 'phase',
    phase: { name: 'load', repeat: null, startSeconds: loadStart, endSeconds: loadEnd, tokens: 0 },
  });
  channel.send({ type: 'loaded', facts: model.facts });
  for (const text of model.warnings ?? []) channel.send({ type: 'engine-warning', text });

  try {
    return await workload.run(model, request.workload.options, {
      measure: request.measure,
      minPhaseSeconds: request.minPhaseSeconds,
      now: monotonicSeconds,
      stamp(name, repeat, startSeconds, endSeconds, tokens, times) {
        const phase = { name, repeat, startSeconds, endSeconds, tokens };
        channel.send({ type: 'phase', phase: times === undefined ? phase : { ...phase, times } });
      },
      async breathe() {
        await channel.rest();
        return channel.stopReason() !== null;
      },
      ...trainingContext(request, channel),
    });
  } finally {
    model.close();
  }
}

/** What only workloads that train are given. */
function trainingContext(
  { training, modelPath }: TrialRequest,
  channel: Channel<TrialReport>,
): Pick<WorkloadContext, 'textPath' | 'told' | 'keep'> {
  if (training == null) return {};
  const { textPath, keepPath, runnable } = training;
  return {
    textPath,
    told: (progress) => channel.send({ type: 'training', progress }),
    ...(keepPath !== null &&
      modelPath !== null && {
        keep: async (result: TrainedResult) => {
          const { saveTrained } = await import('../artifacts/trained.js');
          return await saveTrained(keepPath, result, modelPath, runnable);
        },
      }),
  };
}
