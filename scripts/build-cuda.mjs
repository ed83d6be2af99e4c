#!/usr/bin/env node
// Compiles kernels/cuda into dist/kernels/cuda, where nvcc is found: RIDGEPOINT_NVCC, CUDACXX or the path.
// One file of machine code for each architecture, and PTX that a driver compiles for all others. Prints the
// folder last. Exit code 0 built, 1 failed, 4 no nvcc: then all but CUDA works.
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const folder = join(root, 'dist/kernels/cuda');
const source = join(root, 'kernels/cuda/ridgepoint.cu');
// A100, the Ampere and Ada cards, H100 with the products of warpgroups that `a` alone brings. Newer cards
// take the PTX.
const ARCHITECTURES = ['80', '86', '89', '90a'];
// nvcc writes the version of its own toolkit, and older drivers refuse that. What the kernels use is in 7.4,
// which drivers since R470 (CUDA 11.4) take; ptxas checks the text under that version.
const PTX_VERSION = '7.4';

const nvcc = [process.env.RIDGEPOINT_NVCC, process.env.CUDACXX, 'nvcc']
  .filter(Boolean)
  .find((command) => spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0);
if (nvcc === undefined) {
  console.error('cuda: skipped, nvcc was not found (RIDGEPOINT_NVCC, CUDACXX, the path); all but CUDA works');
  process.exit(4);
}

const FLAGS = ['-std=c++17', '-O3', '--Werror', 'all-warnings'];
// What the compiler says is shown when it fails; when it does not, there is advice on future cards at most.
const compile = (...args) =>
  new Promise((resolve) => {
    const child = spawn(nvcc, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (text) => {
        said += text;
      });
    }
    child.once('error', () => resolve(false));
    child.once('close', (code) => {
      if (code !== 0) process.stderr.write(said);
      resolve(code === 0);
    });
  });

async function makePtx() {
  const ptx = join(folder, 'ridgepoint.ptx');
  if (!(await compile(...FLAGS, '-ptx', '-arch=compute_80', '-o', ptx, source))) return false;
  const text = readFileSync(ptx, 'utf8');
  // Which bytes of a load are used is a hint that 8.3 brought.
  const plain = text.replace(/^\s*\.pragma "used_bytes_mask.*\n/gm, '');
  writeFileSync(ptx, plain.replace(/^\.version .*$/m, `.version ${PTX_VERSION}`));
  const checked = join(folder, 'checked');
  const ok = await compile('-cubin', '-arch=sm_80', '-o', checked, ptx);
  rmSync(checked, { force: true });
  return ok;
}

const makeCode = (architecture) => () => {
  // The loader takes a file by the device's compute capability.
  const output = join(folder, `ridgepoint-sm_${Number.parseInt(architecture, 10)}.cubin`);
  return compile(
    ...FLAGS,
    '-DRIDGE_MACHINE_CODE',
    '-cubin',
    `-arch=sm_${architecture}`,
    '-o',
    output,
    source,
  );
};

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const tasks = [makePtx, ...ARCHITECTURES.map(makeCode)];
let failed = false;
const worker = async () => {
  for (let task = tasks.shift(); task !== undefined; task = tasks.shift()) failed = !(await task()) || failed;
};
await Promise.all(Array.from({ length: availableParallelism() }, worker));
if (failed) {
  // Half a set would be taken for a whole one.
  rmSync(folder, { recursive: true, force: true });
  process.exit(1);
}
console.log(folder);
