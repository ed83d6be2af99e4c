#!/usr/bin/env node
// Builds dist/, or a part of it: `node scripts/build.mjs [code|kernels|measuring]`.
//
// - code: TypeScript by tsc, the programs again by esbuild, the report page and the drawing of charts by
//   vite, and the data files that the code reads
// - kernels: native code, where there is a compiler
// - measuring: of that, what measuring models takes; all of it follows when somebody asks, of the same
//   objects
//
// Exit code: 0 built; 1 failed; 2 no such part; 4 for kernels or measuring alone that were not built. All
// together goes on without them. Nothing is checked here: types are by `npm run lint`.
import { execFile, spawnSync } from 'node:child_process';
import { chmodSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const [part = 'all'] = process.argv.slice(2);
if (!['all', 'code', 'kernels', 'measuring'].includes(part)) {
  console.error(
    `There is no part "${part}" of the build; there are code, kernels and measuring, and all without an argument.`,
  );
  process.exit(2);
}

async function run(bin, args) {
  const node = promisify(execFile)(process.execPath, [join(root, 'node_modules', bin), ...args], {
    cwd: root,
  });
  node.child.stdout.pipe(process.stderr);
  node.child.stderr.pipe(process.stderr);
  await node;
}

/**
 * What is started as a process or a thread: the command, and all that `ownProgram` names. A program loads
 * hundreds of modules, and a sweep starts several for each trial: of a few files each, `ridge run` takes a
 * fifth less CPU. Modules stay beside them as files of their own, for benches and tests.
 */
const PROGRAMS = [
  'cli/main',
  'agent/worker',
  'coordinator/sweep-thread',
  'engines/native/diagnose-child',
  'engines/native/onnxruntime/probe-child',
  'engines/runners/fake/engine',
  'engines/servers/warden',
  'load/simulator/main',
];

async function bundlePrograms() {
  // Here, for the kernels are built while packages are still being installed.
  const { build } = await import('esbuild');
  rmSync(join(root, 'dist/shared'), { recursive: true, force: true });
  await build({
    absWorkingDir: root,
    entryPoints: PROGRAMS.map((name) => `${name}.ts`),
    outbase: '.',
    outdir: 'dist',
    chunkNames: 'shared/[name]-[hash]',
    bundle: true,
    splitting: true,
    packages: 'external',
    format: 'esm',
    platform: 'node',
    target: 'node20',
    sourcemap: true,
    sourcesContent: false,
    logLevel: 'warning',
  });
}

async function buildCode() {
  const tsc = run('typescript/bin/tsc', ['-p', '.', '--noCheck', '--declaration', 'false']);
  const pages = ['web', 'roofline'].map((dashboard) =>
    run('vite/bin/vite.js', [
      'build',
      '--config',
      `dashboards/${dashboard}/vite.config.ts`,
      '--logLevel',
      'warn',
    ]),
  );
  const failed = (await Promise.allSettled([tsc, ...pages])).some(({ status }) => status === 'rejected');
  if (failed) process.exit(1);
  await bundlePrograms();
  chmodSync(join(root, 'dist/cli/main.js'), 0o755);
}

/**
 * Without native code all goes on but what needs it, so it is said.
 * @returns whether the library was built.
 */
function buildKernels(which) {
  const script = (...words) =>
    spawnSync(process.execPath, [join(root, 'scripts', words[0]), ...words.slice(1)], {
      cwd: root,
      stdio: ['ignore', 'ignore', 2],
    }).status;
  const built = script('build-kernels.mjs', which) === 0;
  if (!built) console.error('build: without native kernels, which pruning, calibration and roofs need');
  if (which === 'measuring') return built;
  // Without nvcc it says so and goes on: CUDA kernels are compiled where they can be, and releases carry
  // them.
  if (script('build-cuda.mjs') === 1) console.error('build: without CUDA kernels, which did not compile');
  return built;
}

if (part === 'all' || part === 'code') await buildCode();
if (part !== 'code' && !buildKernels(part === 'measuring' ? 'measuring' : 'all') && part !== 'all')
  process.exit(4);
