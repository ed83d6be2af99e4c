import { leasedDevices } from '../../core/experiment/lease.js';
import { MORE_TOKENS, unreachedExperts } from '../../core/techniques/expert-tokens.js';
import { ON_CPU } from '../../engines/runners/observer.js';
import { type Job, type ProgressReport, progressOver } from '../../process/isolation/job.js';
import type { Learned } from '../../process/isolation/learned.js';
import type { CalibrationJob } from './collect.js';

export interface CalibrateRequest {
  readonly job: CalibrationJob;
  readonly outputPath: string;
}

/** Collects statistics of activations: the engine again, looked into. */
export const CALIBRATE: Job<CalibrateRequest, Learned, ProgressReport> = {
  name: 'calibrate',
  what: 'the calibration',
  deviceOf: ({ job: { place = ON_CPU } }) => leasedDevices(place).join(','),
  async run({ job, outputPath }, channel) {
    const { collectStatistics } = await import('./collect.js');
    const { unseen, experts, ...facts } = await collectStatistics(job, outputPath, progressOver(channel));
    const unreached = unreachedExperts(experts);
    const warnings = [
      ...unseen.map((name) => `the engine multiplies nothing with ${name}: no statistics of it`),
      ...(unreached === null ? [] : [`${unreached}; ${MORE_TOKENS}`]),
    ];
    return { warnings, facts: { ...facts } };
  },
};
