import { type Job, type ProgressReport, progressOver } from '../../process/isolation/job.js';
import type { CudaRoofsJob, TakenCudaRoofs } from './cuda-take.js';
import type { RoofsJob, TakenRoofs } from './take.js';

/** Measures the ceilings of CPUs. */
export const ROOFS: Job<RoofsJob, TakenRoofs, ProgressReport> = {
  name: 'roofs',
  what: 'the measurement of roofs',
  run: async (job, channel) => (await import('./take.js')).takeRoofs(job, progressOver(channel)),
};

export interface CudaRoofsRequest {
  readonly deviceId: string;
  readonly job: CudaRoofsJob;
}

/** Measures the ceilings of one GPU. */
export const CUDA_ROOFS: Job<CudaRoofsRequest, TakenCudaRoofs, ProgressReport> = {
  name: 'cuda-roofs',
  what: 'the measurement of a GPU’s roofs',
  run: async ({ job }, channel) => (await import('./cuda-take.js')).takeCudaRoofs(job, progressOver(channel)),
  deviceOf: ({ deviceId }) => deviceId,
};
