import type { FactorSamples } from '../../roofline/factors/sample.js';
import { type Job, type ProgressReport, progressOver } from '../isolation/job.js';
import type { FactorsJob } from './measure.js';

/** Times single operators, for efficiency factors. */
export const FACTORS: Job<FactorsJob, FactorSamples, ProgressReport> = {
  name: 'factors',
  what: 'the benches of operators',
  async load() {
    const { measureFactors } = await import('./measure.js');
    return (job, channel) => measureFactors(job, progressOver(channel));
  },
};
