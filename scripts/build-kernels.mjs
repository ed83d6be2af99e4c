#!/usr/bin/env node
// Builds kernels/ into dist/kernels/ with CMake, where CMake and a C++ compiler are present. Without them models run
// and are measured, their steps driven from JavaScript; pruning, calibration and roofs say what is missing. Prints the library's path last. Exit code 0 built, 1 failed, 4 no tools.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const folder = join(root, 'dist/kernels');
const name = { darwin: 'libridgepoint-kernels.dylib', win32: 'ridgepoint-kernels.dll' };
const file = name[process.platform] ?? 'libridgepoint-kernels.so';
const library = join(folder, file);

const found = (command) => spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0;
const compilers = [process.env.CXX, 'c++', 'g++', 'clang++'].filter((command) => command);
if (!found('cmake') || !compilers.some(found)) {
  console.error('kernels: not built, CMake and a C++17 compiler are needed (apt-get install cmake g++)');
  process.exit(4);
}
/** CMake is no guard against itself: one build of a folder at a time. A lock whose process is gone is taken over. */
function lock() {
  const path = `${folder}.lock`;
  mkdirSync(dirname(path), { recursive: true });
  for (;;) {
    try {
      writeFileSync(path, String(process.pid), { flag: 'wx' });
      process.on('exit', () => rmSync(path, { force: true }));
      return;
    } catch {
      if (!isAlive(path)) rmSync(path, { force: true });
      else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
    }
  }
}

function isAlive(path) {
  try {
    process.kill(Number(readFileSync(path, 'utf8')) || 2 ** 30, 0);
    return true;
  } catch (error) {
    // Ours to signal or not, a process that exists is alive.
    return error.code === 'EPERM';
  }
}
lock();

const cmake = (...args) => spawnSync('cmake', args, { cwd: root, stdio: ['ignore', 2, 2] }).status === 0;
const configure = () => {
  mkdirSync(folder, { recursive: true });
  return cmake('-S', join(root, 'kernels'), '-B', folder);
};
if (!configure()) {
  // CMake refuses a folder that was configured elsewhere, as after the checkout was moved or copied.
  rmSync(folder, { recursive: true, force: true });
  if (!configure()) process.exit(1);
}
if (!cmake('--build', folder, '--config', 'Release', '--parallel', String(availableParallelism())))
  process.exit(1);
if (!existsSync(library)) {
  console.error(`kernels: CMake ended well but ${library} is not there`);
  process.exit(1);
}
console.log(library);
