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
  async load() {
    const { writeSynthetic } = await import('./model.js');
    return async ({ model, outputPath }) => {
      await writeSynthetic(outputPath, model);
      return { warnings: [], facts: {} };
    };
  },
};
