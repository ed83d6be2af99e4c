import type { ConversionName } from '../../core/models/conversions.js';
import { type Job, type ProgressReport, progressOver } from '../../process/isolation/job.js';
import type { Learned } from '../../process/isolation/learned.js';
import type { ConversionRequest } from './converter.js';

export interface ConversionTask extends ConversionRequest {
  readonly conversion: ConversionName;
}

/** Writes a model in another format; progress is of tensors. */
export const CONVERT: Job<ConversionTask, Learned, ProgressReport> = {
  name: 'convert',
  what: 'the conversion',
  async run({ conversion, ...request }, channel) {
    const { CONVERTERS } = await import('./index.js');
    const { convert } = await CONVERTERS[conversion].load();
    return await convert(request, progressOver(channel));
  },
};
