import { formatValue } from '../../core/metrics/format.js';
import type { ServingFit } from '../../core/roofline/fit/serving.js';
import type { TrainingFit } from '../../core/roofline/fit/training.js';
import { plainTable } from '../output/plain-table.js';

const lacks = (misses: readonly string[]) => (misses.length === 0 ? 'yes' : `no: ${misses.join(', ')}`);

/** One line a device: how many, what each holds, how long a user waits, and how far it is from its limits. */
export function servingTable(fits: readonly ServingFit[]): string {
  return plainTable(
    ['device', 'number', 'memory each', 'of', 'TTFT', 'TPOT', 'throughput', 'largest batch', 'fits'],
    fits.map((fit) => [
      fit.hardware,
      fit.devices,
      formatValue(fit.memoryBytes, 'B'),
      formatValue(fit.roomBytes, 'B'),
      formatValue(fit.firstTokenSeconds, 's'),
      formatValue(fit.tokenSeconds, 's'),
      formatValue(fit.tokensPerSecond, 'tokens/s'),
      fit.largestBatch === 0 ? null : fit.largestBatch,
      lacks(fit.misses),
    ]),
  );
}

/** One line a device: how many, and what each of them holds by kind. */
export function trainingTable(fits: readonly TrainingFit[]): string {
  return plainTable(
    [
      'device',
      'number',
      'weights',
      'gradients',
      'optimizer',
      'activations',
      'memory each',
      'of',
      'step',
      'throughput',
      'fits',
    ],
    fits.map(({ memory, ...fit }) => [
      fit.hardware,
      fit.devices,
      formatValue(memory.weights, 'B'),
      formatValue(memory.gradients, 'B'),
      formatValue(memory.optimizer, 'B'),
      formatValue(memory.activations, 'B'),
      formatValue(memory.bytes, 'B'),
      formatValue(fit.roomBytes, 'B'),
      formatValue(fit.stepSeconds, 's'),
      formatValue(fit.tokensPerSecond, 'tokens/s'),
      lacks(fit.misses),
    ]),
  );
}
