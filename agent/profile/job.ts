import type { ProfileRecord } from '../../core/result/profile-record.js';
import { type Job, type ProgressReport, progressOver } from '../../process/isolation/job.js';
import type { ProfileJob } from './run.js';

/** Times the operators of a model, after it was timed as a whole. */
export const PROFILE: Job<ProfileJob, ProfileRecord, ProgressReport> = {
  name: 'profile',
  what: 'the timing of operators',
  run: async (job, channel) => (await import('./run.js')).profileModel(job, progressOver(channel)),
};
