import { defineConfig } from 'vitest/config';
import config from '../../vitest.config.js';

/** The unit tests alone, as `vitest.config.ts` describes them, without anything printed. */
const unit = config.test?.projects?.find(
  (project) => typeof project === 'object' && 'test' in project && project.test?.name === 'unit',
);
if (typeof unit !== 'object' || !('test' in unit)) throw new Error('vitest.config.ts has no project "unit".');

// Counting which test reaches which mutant makes code many times slower. What does not end, Stryker ends.
const NEVER = 24 * 3600 * 1000;

export default defineConfig({
  test: { ...unit.test, reporters: [{}], testTimeout: NEVER, hookTimeout: NEVER },
});
