import { runnerNamed } from '../runners/index.js';
import type { TrainedResult } from '../runners/trainer.js';
import { workloadNamed } from '../workloads/index.js';
import type { WorkloadContext, WorkloadOutcome } from '../workloads/workload.js';
import { type Line, monotonicSeconds } from './line.js';
import type { TrialOrder } from './messages.js';

/** Runs one trial in this process: load, then whatever the workload asks; phases leave as they end. */
export async function runTrial(order: TrialOrder, line: Line): Promise<WorkloadOutcome> {
  const runner = await runnerNamed(order.runner.kind);
  const workload = workloadNamed(order.workload.kind);
  const demands = workload.demands(order.workload.options);

  const loadStart = monotonicSeconds();
  const model = await runner.load({
    modelPath: order.modelPath,
    adapters: order.adapters ?? [],
    options: order.runner.options,
    deviceClass: order.deviceClass,
    deviceId: order.deviceId,
    cpus: order.cpus,
    ...demands,
  });
  const loadEnd = monotonicSeconds();
  line.send({
    type: 'phase',
    phase: { name: 'load', repeat: null, startSeconds: loadStart, endSeconds: loadEnd, tokens: 0 },
  });
  line.send({ type: 'loaded', facts: model.facts });
  for (const text of model.warnings ?? []) line.send({ type: 'engine-warning', text });

  try {
    return await workload.run(model, order.workload.options, {
      measure: order.measure,
      minPhaseSeconds: order.minPhaseSeconds,
      now: monotonicSeconds,
      stamp(name, repeat, startSeconds, endSeconds, tokens, times) {
        const phase = { name, repeat, startSeconds, endSeconds, tokens };
        line.send({ type: 'phase', phase: times === undefined ? phase : { ...phase, times } });
      },
      async breathe() {
        await line.rest();
        return line.stopReason() !== null;
      },
      ...trainingContext(order, line),
    });
  } finally {
    model.close();
  }
}

/** What only workloads that train are given. */
function trainingContext(
  { training, modelPath }: TrialOrder,
  line: Line,
): Pick<WorkloadContext, 'textPath' | 'told' | 'keep'> {
  if (training == null) return {};
  const { textPath, keepPath, runnable } = training;
  return {
    textPath,
    told: (progress) => line.send({ type: 'training', progress }),
    ...(keepPath !== null &&
      modelPath !== null && {
        keep: async (result: TrainedResult) => {
          const { saveTrained } = await import('../artifacts/trained.js');
          return await saveTrained(keepPath, result, modelPath, runnable);
        },
      }),
  };
}
