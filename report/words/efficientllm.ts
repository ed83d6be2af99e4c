import type { Row } from '../rows.js';
import { asMetric, type Vocabulary } from './word.js';

const parameters = ({ trial, experiment }: Row): number | null =>
  trial.given?.parameters ?? experiment.model.facts?.parameters ?? null;

/** The metrics of EfficientLLM (arXiv 2505.13840, section 3), by its formulas; docs/measuring.md says more. */
export const EFFICIENTLLM: Vocabulary = {
  tool: 'EfficientLLM',
  about:
    "By the paper's formulas and from what was measured; its tables do not all follow from them, so none of these are meant to match.",
  words: [
    asMetric(
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
    asMetric(
      'PCU',
      'ratio',
      'Peak compute utilization: a mean, despite its name, of how busy the device was; no share of its peak arithmetic.',
      'averageUtilizationRatio',
    ),
    asMetric(
      'AL',
      's',
      'Average latency of one repeat: prefill and decode, or a training step.',
      'averageLatencySeconds',
    ),
    asMetric(
      'TT',
      'tokens/parameter/s',
      'Token throughput of training, over the parameters of the base.',
      'trainTokensPerSecond',
      (row) => {
        const count = parameters(row);
        return count === null || count === 0 ? null : 1 / count;
      },
    ),
    asMetric(
      'ST',
      'samples/parameter/s',
      'Sample throughput of fine-tuning: windows of the text, over the parameters of the base.',
      'samplesPerParameterSecond',
    ),
    asMetric(
      'IT',
      'tokens/s',
      'Inference throughput: generated tokens over the time of prefill and decode, not over parameters.',
      'outputTokensPerSecond',
    ),
    asMetric(
      'AEC',
      'W',
      'Average energy consumption: a mean power in watts, despite its name; AEC_joules is the energy.',
      'averagePowerWatts',
    ),
    asMetric('AEC_joules', 'J', 'Gross energy of one repeat; no word of the paper.', 'energyJoules'),
    asMetric(
      'MCR',
      'ratio',
      'Model compression rate: real bytes of the base over those that ran, times what is left of the performance; the paper counts 4 for every int4 model.',
      'modelCompressionRate',
    ),
  ],
};

function memoryShare(row: Row): ReturnType<(typeof EFFICIENTLLM)['words'][number]['of']> {
  const entry = row.trial.measurements.averageMemoryBytes;
  if (entry?.value == null) return { value: null, reason: entry?.reason ?? 'not measured' };
  return row.trial.device.class.startsWith('cpu')
    ? { value: entry.mean / row.trial.node.memoryBytes }
    : { value: null, reason: 'records do not hold the memory of a GPU' };
}
