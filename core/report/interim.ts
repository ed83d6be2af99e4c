import type { ResultRecord } from '../result.js';
import type { AxisValue, Experiment } from '../sweep/experiment.js';
import type { Objective } from '../sweep/spec.js';

export function axisValues(experiment: Experiment): Record<string, AxisValue> {
  return {
    model: experiment.model.name,
    ...experiment.technique,
    runner: experiment.runner.kind,
    ...experiment.runner.options,
    workload: experiment.workload.kind,
    ...experiment.workload.options,
    device: experiment.device,
    ...(experiment.node !== null && { node: experiment.node }),
  };
}

export function bestTrial(trials: readonly ResultRecord[]): ResultRecord {
  const complete = trials.filter((t) => t.status === 'complete');
  return complete.find((t) => t.valid) ?? complete[0] ?? trials.at(-1)!;
}

export function paretoFront(records: readonly ResultRecord[], objectives: readonly Objective[]): number[] {
  const sign = (o: Objective) => (o.better === 'max' ? -1 : 1);
  const points = records.map((r) =>
    objectives.map((o) => {
      const v = r.measurements[o.metric]?.value;
      return v === null || v === undefined ? Number.NaN : sign(o) * v;
    }),
  );
  return points.flatMap((p, i) =>
    p.length > 0 &&
    p.every((v) => !Number.isNaN(v)) &&
    !points.some((q) => q.every((v, k) => v <= p[k]!) && q.some((v, k) => v < p[k]!))
      ? [i]
      : [],
  );
}
