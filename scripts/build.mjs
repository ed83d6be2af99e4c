#!/usr/bin/env node
// Builds dist/: TypeScript by tsc, the report page and the drawing of charts by vite, native code where there is a compiler, and the data files
// that the code reads.
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, cpSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const run = (bin, args) =>
  execFileSync(process.execPath, [join(root, 'node_modules', bin), ...args], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });

run('typescript/bin/tsc', ['-p', '.']);
for (const dashboard of ['web', 'roofline']) {
  run('vite/bin/vite.js', [
    'build',
    '--config',
    `dashboards/${dashboard}/vite.config.ts`,
    '--logLevel',
    'warn',
  ]);
}
// Without native code all goes on but what needs it, so it is said.
const kernels = spawnSync(process.execPath, [join(root, 'scripts/build-kernels.mjs')], {
  cwd: root,
  stdio: ['ignore', 'ignore', 2],
});
if (kernels.status !== 0)
  console.error('build: without native kernels, which pruning, calibration and roofs need');
// Without nvcc it says so and goes on: CUDA kernels are compiled where they can be, and releases carry them.
const cuda = spawnSync(process.execPath, [join(root, 'scripts/build-cuda.mjs')], {
  cwd: root,
  stdio: ['ignore', 'ignore', 2],
});
if (cuda.status === 1) console.error('build: without CUDA kernels, which did not compile');
// Reflection serves the .proto files themselves.
cpSync(join(root, 'proto/ridgepoint'), join(root, 'dist/proto/ridgepoint'), { recursive: true });
chmodSync(join(root, 'dist/cli/main.js'), 0o755);
