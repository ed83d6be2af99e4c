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

export default defineConfig({
  test: {
    projects: [
      // They change nothing outside themselves, so files share a process and its modules: three times as fast.
      project('unit', { isolate: false }),
      project('rules', { include: ['test/*.test.ts'] }),
      project('drivers'),
      project('kernels', { globalSetup: 'test/kernels/setup.ts' }),
      project('cluster'),
      project('models'),
      project('browser'),
      project('helm'),
      project('gpu'),
    ],
  },
});
