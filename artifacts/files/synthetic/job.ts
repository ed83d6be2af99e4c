import type { SyntheticModel } from '../../../core/models/synthetic.js';
import type { Job } from '../../../process/isolation/job.js';
import type { Learned } from '../../../process/isolation/learned.js';

export interface SynthesizeRequest {
  readonly model: SyntheticModel;
  readonly outputPath: string;
}

/** Writes a model of random weights: no native code, but minutes of work for a large one. */
export const SYNTHESIZE: Job<SynthesizeRequest, Learned> = {
  name: 'synthesize',
  what: 'the writing of the synthetic model',
  async run({ model, outputPath }) {
    const { writeSynthetic } = await import('./model.js');
    await writeSynthetic(outputPath, model);
    return { warnings: [], facts: {} };
  },
};
