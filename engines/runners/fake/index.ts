import { fake } from '../../../core/runners/fake.js';
import { defineRunner } from '../runner.js';
import { openElsewhere } from './elsewhere.js';
import { failToLoad } from './failures.js';
import { FakeModel } from './model.js';

/**
 * A runner without a model: it takes as long as it is told. It ships with the product, so that a whole
 * cluster runs on a laptop and every way to fail can be tried; its results carry `fake-runner`.
 */
export const fakeRunner = defineRunner<typeof fake>(
  fake,
  async () => ({
    available: true,
    profile: { kind: 'fake', release: 'fake 1', devices: ['cpu', 'cuda', 'vulkan', 'metal'], variants: [] },
    notes: [],
  }),
  {
    async generator({ options, ...demands }) {
      if (options.fakeFailure === 'load') failToLoad();
      return options.fakeProcess === 'own'
        ? new FakeModel(options, demands)
        : await openElsewhere(options, demands);
    },
  },
);
