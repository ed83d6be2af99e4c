import { failed } from '../../core/errors.js';
import type { ChannelStatistics } from '../../core/techniques/pruning/statistics.js';
import type { Collector } from '../../engines/native/collector.js';

/** Closes a sequence. @throws FailureError `run-failed` for what the collector could not take. */
export function endSequence(collector: Collector): Float32Array {
  try {
    return collector.endSequence();
  } catch (error) {
    const message = `activations could not be collected: ${(error as Error).message}`;
    throw failed('run-failed', message, null, { cause: error });
  }
}

/**
 * The statistics of one layer, which are finite; of no tokens for an expert that none reached.
 * @throws FailureError `model-unsupported` when the graph has no such matrix product, or when activations are
 *   not finite.
 */
export function checkedStatistics(name: string, statistics: ChannelStatistics | null): ChannelStatistics {
  if (statistics === null) {
    const hint = 'Leave it out (exclude).';
    throw failed('model-unsupported', `${name}: the engine multiplies nothing with these weights`, hint);
  }
  const { squaresPerSequence, sumPerSequence, variance } = statistics;
  for (const channels of [squaresPerSequence, sumPerSequence, variance]) {
    const bad = channels.findIndex((value) => !Number.isFinite(value));
    if (bad < 0) continue;
    const hint =
      'Check the model file; a model whose activations overflow f16 needs its bf16 or f32 weights.';
    throw failed('model-unsupported', `${name}: the activations of channel ${bad} are not finite`, hint);
  }
  return statistics;
}
