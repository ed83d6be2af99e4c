import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/** Tests are sorted by what the machine must have (CONTRIBUTING.md); each sort is a project: `vitest --project unit`. */
const project = (name: string, more: object = {}) => ({
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    pool: 'forks' as const,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Machines are slow now and then; what is waited for comes at once otherwise.
    expect: { poll: { timeout: 10_000 } },
    ...more,
  },
});

/** Where nothing is timed, files run on every processor. The others follow, with one processor left to what they start. */
const AT_ONCE = { maxWorkers: availableParallelism() };
const AFTER = { sequence: { groupOrder: 1 } };

export default defineConfig({
  test: {
    projects: [
      // They change nothing outside themselves, so files share a process and its modules: three times as fast.
      project('unit', { ...AT_ONCE, isolate: false }),
      project('rules', { ...AT_ONCE, include: ['test/*.test.ts'] }),
      project('drivers', AT_ONCE),
      project('helm', AT_ONCE),
      project('browser', AT_ONCE),
      project('kernels', { ...AT_ONCE, globalSetup: 'test/kernels/setup.ts' }),
      project('cluster', AFTER),
      project('models', AFTER),
      project('gpu', AFTER),
    ],
  },
});
