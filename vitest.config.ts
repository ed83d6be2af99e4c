import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { LONG } from './test/support/cases.js';

/** Children that tests start are built code, which `test/support/built.ts` brings up to date. */
const STARTS_CHILDREN = {
  globalSetup: 'test/support/built.ts',
  alias: [
    {
      find: /^.*\/own-program\.js$/,
      replacement: join(import.meta.dirname, 'test/support/built-program.ts'),
    },
    {
      find: './sweep-reader.js',
      replacement: join(import.meta.dirname, 'test/support/shared-sweep-reader.ts'),
    },
  ],
};

/** What the long run alone has. */
const SOMETIMES = LONG ? [] : ['**/*.long.test.ts'];

/**
 * They load another build of an engine than everybody else's, of which a process has one, mock what loads it,
 * or (`onnx-making`) run graphs through onnxruntime-node itself, which leaves AMX tiles laid out in a way
 * that llama.cpp does not expect (engines/native/tiles.ts).
 */
const APART = ['native', 'profiled', 'calibration-split', 'calibration-devices', 'onnx-making'].map(
  (name) => `test/models/${name}.test.ts`,
);

/**
 * Tests are sorted by what the machine must have (CONTRIBUTING.md); each sort is a project:
 * `vitest --project unit`.
 */
const project = (name: string, more: object = {}) => ({
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    exclude: SOMETIMES,
    pool: 'forks' as const,
    // Limits end what hangs. A machine that is slow now and then is no fault of a test; what is waited for
    // comes at once otherwise.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 30_000 } },
    ...more,
  },
});

export default defineConfig({
  test: {
    // One more than there are processors, for those that start processes wait for them. Nothing is timed but
    // what has a project to itself.
    maxWorkers: availableParallelism() + 1,
    projects: [
      // They change nothing outside themselves, so files share a process and its modules: three times as
      // fast.
      project('unit', { isolate: false, setupFiles: 'test/unit/setup.ts' }),
      project('rules', { include: ['test/*.test.ts'] }),
      project('drivers', STARTS_CHILDREN),
      // What a values file renders is shared by all that read it.
      project('helm', { isolate: false }),
      project('browser', STARTS_CHILDREN),
      project('kernels', {
        ...STARTS_CHILDREN,
        globalSetup: ['test/support/built.ts', 'test/kernels/setup.ts'],
      }),
      project('cluster', { ...STARTS_CHILDREN, isolate: false }),
      // An engine is loaded once for all files of a process.
      project('models', { ...STARTS_CHILDREN, isolate: false, exclude: [...SOMETIMES, ...APART] }),
      project('models-apart', { ...STARTS_CHILDREN, include: APART }),
      project('gpu', STARTS_CHILDREN),
      // They count seconds or the memory of their process: behind all others, one file at a time, each in a
      // process of its own, and again where the machine stood still meanwhile.
      project('timed', {
        ...STARTS_CHILDREN,
        isolate: true,
        maxWorkers: 1,
        retry: 2,
        sequence: { groupOrder: 1 },
      }),
    ],
  },
});
