import type { Generator } from '../opened.js';
import type { GeneratorRequest, Runner, RunnerProbe } from '../runner.js';
import { openElsewhere } from './elsewhere.js';
import { failToLoad } from './failures.js';
import { FakeModel } from './model.js';
import { fakeOptions } from './options.js';

/**
 * A runner without a model: it takes as long as it is told. It ships with the product, so that a whole
 * cluster runs on a laptop and every way to fail can be tried; its results carry `fake-runner`.
 */
export const fakeRunner = {
  kind: 'fake',

  async probe(): Promise<RunnerProbe> {
    return {
      available: true,
      profile: { kind: 'fake', release: 'fake 1', devices: ['cpu', 'cuda', 'vulkan', 'metal'], variants: [] },
      notes: [],
    };
  },

  opens: {
    async generator(request: GeneratorRequest): Promise<Generator> {
      const options = fakeOptions(request.options);
      if (options.fakeFailure === 'load') failToLoad();
      return options.fakeProcess === 'own'
        ? new FakeModel(options, request)
        : await openElsewhere(options, request);
    },
  },
} satisfies Runner;
