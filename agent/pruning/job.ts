import type { Learned } from '../artifacts/learned.js';
import { type Job, type ProgressReport, progressOver } from '../isolation/job.js';

export interface PruneRequest {
  readonly inputPath: string;
  readonly outputPath: string;
  /** A word of the technique (core/techniques/sparsity.ts). */
  readonly sparsity: string;
  /** The calibration text; null where none is needed. */
  readonly textPath: string | null;
  /** Statistics of the dense model that were collected before, where they are all that is needed. */
  readonly statisticsPath?: string;
  readonly threads: number;
}

/** Where all of it is computed, whatever device the lease is of; for the record. */
const WHERE = {
  computedOn: 'cpu',
  computedOnReason:
    'activations are summed in the memory that the CPU computes them in, and masks are chosen there: no GPU is used',
} as const;

/** Writes a copy of a model with weights pruned; calibrates it with the engine where the method needs that. */
export const PRUNE: Job<PruneRequest, Learned, ProgressReport> = {
  name: 'prune',
  what: 'the pruning',
  async load() {
    const [{ pruneFile }, { factsOf }] = await Promise.all([
      import('./prune.js'),
      import('../../core/techniques/pruning/summary.js'),
    ]);
    return async (request, channel) => {
      const { report, warnings } = await pruneFile(request, progressOver(channel));
      return { warnings, facts: { ...factsOf(report), ...WHERE }, report };
    };
  },
};
