import type { RESULT_LABELS } from '../../core/metrics/exported.js';
import type { ResultRecord } from '../../core/result.js';
import { labelText } from './label.js';

/** @returns the labels of every series of a result. */
export function resultLabels(record: ResultRecord): Record<(typeof RESULT_LABELS)[number], string> {
  const { experiment } = record;
  return {
    experiment: record.experimentId,
    sweep: record.sweep.name,
    model: experiment.model.name,
    quantization: labelText(experiment.technique.quantization),
    runner: experiment.runner.kind,
    device: record.device.id,
    node: record.node.name,
  };
}
