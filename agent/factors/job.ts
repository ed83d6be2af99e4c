import type { Job } from '../../process/isolation/job.js';
import type { FactorsJob, FactorsReport } from './measure.js';

/** Times single operators, for efficiency factors. */
export const FACTORS: Job<FactorsJob, string | null, FactorsReport> = {
  name: 'factors',
  what: 'the benches of operators',
  run: async (job, channel) =>
    (await import('./measure.js')).measureFactors(job, (report) => channel.send(report)),
};
