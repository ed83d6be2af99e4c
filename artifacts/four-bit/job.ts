import { leasedDevices } from '../../core/experiment/lease.js';
import { ON_CPU } from '../../engines/runners/observer.js';
import { type Job, type ProgressReport, progressOver } from '../../process/isolation/job.js';
import type { Learned } from '../../process/isolation/learned.js';
import type { WalkRequest } from '../pruning/walker.js';

export interface FourBitRequest extends WalkRequest {
  /** A word of the technique (core/techniques/four-bit/spec.ts). */
  readonly quantization: string;
}

/** Writes a copy of a model whose linear layers have four bits; calibrates it where GPTQ is asked for. */
export const QUANTIZE_FOUR_BIT: Job<FourBitRequest, Learned, ProgressReport> = {
  name: 'quantize-four-bit',
  what: 'the quantization',
  deviceOf: ({ place = ON_CPU }) => leasedDevices(place).join(','),
  async run(request, channel) {
    const { quantizeFile } = await import('./quantize.js');
    return await quantizeFile(request, progressOver(channel));
  },
};
