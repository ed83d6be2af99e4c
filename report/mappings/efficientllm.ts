import type { Row } from '../rows.js';
import { type ExportMapping, fromMetric } from './mapping.js';

const parameters = ({ trial, experiment }: Row): number | null =>
  trial.given?.parameters ?? experiment.model.facts?.parameters ?? null;

/** The metrics of EfficientLLM (arXiv 2505.13840, section 3), by its formulas; docs/measuring.md says more. */
export const EFFICIENTLLM: ExportMapping = {
  tool: 'EfficientLLM',
  about:
    "By the paper's formulas and from what was measured; its tables do not all follow from them, so none of these are meant to match.",
  fields: [
    fromMetric(
      'AMU',
      'B',
      'Average memory utilization: here the mean memory in use, as the tables print it (in GB) and lower is better; the formula is a share of all memory.',
      'averageMemoryBytes',
    ),
    {
      name: 'AMU_ratio',
      unit: 'ratio',
      meaning: 'AMU as the formula has it, a share of all memory: of the node, for trials on CPUs.',
      of: memoryShare,
    },
    fromMetric(
      'PCU',
      'ratio',
      'Peak compute utilization: a mean, despite its name, of how busy the device was; no share of its peak arithmetic.',
      'averageUtilizationRatio',
    ),
    fromMetric(
      'AL',
      's',
      'Average latency of one repeat: prefill and decode, or a training step.',
      'averageLatencySeconds',
    ),
    fromMetric(
      'TT',
      'tokens/parameter/s',
      'Token throughput of training, over the parameters of the base.',
      'trainTokensPerSecond',
      (row) => {
        const count = parameters(row);
        return count === null || count === 0 ? null : 1 / count;
      },
    ),
    fromMetric(
      'ST',
      'samples/parameter/s',
      'Sample throughput of fine-tuning: windows of the text, over the parameters of the base.',
      'samplesPerParameterSecond',
    ),
    fromMetric(
      'IT',
      'tokens/s',
      'Inference throughput: generated tokens over the time of prefill and decode, not over parameters.',
      'outputTokensPerSecond',
    ),
    fromMetric(
      'AEC',
      'W',
      'Average energy consumption: a mean power in watts, despite its name; AEC_joules is the energy.',
      'averagePowerWatts',
    ),
    fromMetric('AEC_joules', 'J', 'Gross energy of one repeat; not a term of the paper.', 'energyJoules'),
    fromMetric(
      'MCR',
      'ratio',
      'Model compression rate: real bytes of the base over those that ran, times what is left of the performance; the paper counts 4 for every int4 model.',
      'modelCompressionRate',
    ),
  ],
};

function memoryShare(row: Row): ReturnType<(typeof EFFICIENTLLM)['fields'][number]['of']> {
  const entry = row.trial.measurements.averageMemoryBytes;
  if (entry?.value == null) return { value: null, reason: entry?.reason ?? 'not measured' };
  return row.trial.device.class.startsWith('cpu')
    ? { value: entry.mean / row.trial.node.memoryBytes }
    : { value: null, reason: 'records do not hold the memory of a GPU' };
}
