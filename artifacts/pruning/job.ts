import { leasedDevices } from '../../core/experiment/lease.js';
import { ON_CPU } from '../../engines/runners/observer.js';
import { type Job, type ProgressReport, progressOver } from '../../process/isolation/job.js';
import type { Learned } from '../../process/isolation/learned.js';
import type { WalkRequest } from './walker.js';

export interface PruneRequest extends WalkRequest {
  /** A word of the technique (core/techniques/sparsity.ts). */
  readonly sparsity: string;
}

/**
 * Writes a copy of a model with weights pruned; calibrates it with the engine where the method needs that.
 */
export const PRUNE: Job<PruneRequest, Learned, ProgressReport> = {
  name: 'prune',
  what: 'the pruning',
  deviceOf: ({ place = ON_CPU }) => leasedDevices(place).join(','),
  async run(request, channel) {
    const [{ pruneFile }, { factsOf }] = await Promise.all([
      import('./prune.js'),
      import('../../core/techniques/pruning/summary.js'),
    ]);
    const { report, warnings, computed } = await pruneFile(request, progressOver(channel));
    return { warnings, facts: { ...factsOf(report), ...computed }, report };
  },
};
