import { type Job, type ProgressReport, progressOver } from '../../process/isolation/job.js';
import type { KernelsAnswer, KernelsJob } from './run.js';

/** Lists, checks or times ops of our own native library. */
export const KERNELS: Job<KernelsJob, KernelsAnswer, ProgressReport> = {
  name: 'kernels',
  what: 'the ops',
  run: async (job, channel) => (await import('./run.js')).runKernels(job, progressOver(channel)),
};
