import { z } from 'zod';
import { integerBetween, numberBetween } from '../bounds.js';
import { PLAIN, type RunnerKind } from './runner.js';

/** Ships with the product: whole clusters run on a laptop with it, through the same door as an engine. */
export const fake = {
  ...PLAIN,
  kind: 'fake',
  summary: 'no model and no engine: waits as long as the asked speeds say, or fails as asked',
  options: z.strictObject({
    fakePrefillTokensPerSecond: numberBetween(1, 1e9)
      .default(10_000)
      .describe('Speed it pretends to have on the prompt.'),
    fakeDecodeTokensPerSecond: numberBetween(1, 1e9)
      .default(1000)
      .describe('Speed it pretends to have on generated tokens, all sequences together.'),
    fakeJitter: numberBetween(0, 1).default(0.01).describe('Spread of its times, as a share of their mean.'),
    fakeStartSpread: numberBetween(0, 1)
      .default(0)
      .describe('Spread of its speed from start to start, as a share of it: each process draws its own.'),
    fakeFailure: z
      .enum(['none', 'crash', 'abort', 'hang', 'load', 'memory'])
      .default('none')
      .describe('How it fails: exits, aborts, hangs, cannot load, or runs out of memory.'),
    fakeModelBytes: integerBetween(0, 1e15)
      .default(1_000_000)
      .describe('Bytes the model it pretends to load has.'),
    fakeProcess: z
      .enum(['own', 'other'])
      .default('own')
      .describe(
        "Where it spends its time: in the trial's own process, or in another that it asks over HTTP, as an engine that is a server would be.",
      ),
  }),
  devices: ['cpu', 'cuda', 'vulkan', 'metal'],
  offers: ['generator'],
  formats: [],
  techniques: [],
  rules: [],
  alsoKnownAs: {
    prefillTokensPerSecond: 'fakePrefillTokensPerSecond',
    decodeTokensPerSecond: 'fakeDecodeTokensPerSecond',
    jitter: 'fakeJitter',
    startSpread: 'fakeStartSpread',
    failure: 'fakeFailure',
    modelBytes: 'fakeModelBytes',
    process: 'fakeProcess',
  },
  counting: {
    by: 'nothing',
    reason: 'the fake runner computes nothing, so there is no work to place under roofs',
  },
  madeUp: 'the fake runner takes the time it is told to take',
} satisfies RunnerKind;
