#!/usr/bin/env node
// Builds kernels/ with CMake, where CMake and a C++ compiler are present:
// `node scripts/build-kernels.mjs [WORD]`, without a word or with one of these: nothing all of them for this
// machine, in dist/kernels/ measuring of these, what measuring models takes: roofs, the loop of steps, the
// profiler. What is built later is built of the same objects linux-arm64 all of them by Debian's cross
// compiler (g++-aarch64-linux-gnu), in dist/kernels-linux-arm64/ linux-arm64-measuring of those, what
// measuring models takes broken-ops ops that are wrong on purpose, for a test of what finds them Without them
// models run and are measured, their steps driven from JavaScript; pruning, calibration and roofs say what is
// missing. Prints the library's path last. Exit code 0 built, 1 failed, 2 no such word, 4 no tools.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const HERE = {
  folder: 'dist/kernels',
  target: 'ridgepoint-kernels',
  system: process.platform,
  flags: [],
  compilers: [process.env.CXX, 'c++', 'g++', 'clang++'].filter(Boolean),
  packages: 'cmake g++',
};
const CROSS = 'aarch64-linux-gnu-g++';
const ARM64 = {
  ...HERE,
  folder: 'dist/kernels-linux-arm64',
  system: 'linux',
  flags: ['-DCMAKE_SYSTEM_NAME=Linux', '-DCMAKE_SYSTEM_PROCESSOR=aarch64', `-DCMAKE_CXX_COMPILER=${CROSS}`],
  compilers: [CROSS],
  packages: 'cmake g++-aarch64-linux-gnu',
};
const BUILDS = {
  all: HERE,
  measuring: { ...HERE, target: 'ridgepoint-measuring' },
  'broken-ops': { ...HERE, target: 'ridgepoint-broken-ops' },
  'linux-arm64': ARM64,
  'linux-arm64-measuring': { ...ARM64, target: 'ridgepoint-measuring' },
};
const [word = 'all'] = process.argv.slice(2);
const build = BUILDS[word];
if (build === undefined) {
  console.error(`There is no build "${word}" of the kernels; there are ${Object.keys(BUILDS).join(', ')}.`);
  process.exit(2);
}
const folder = join(root, build.folder);
const file = { darwin: `lib${build.target}.dylib`, win32: `${build.target}.dll` };
const library = join(folder, file[build.system] ?? `lib${build.target}.so`);

const found = (command) => spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0;
if (!found('cmake') || !build.compilers.some(found)) {
  console.error(
    `kernels: not built, CMake and a C++17 compiler are needed (apt-get install ${build.packages})`,
  );
  process.exit(4);
}
/**
 * CMake is no guard against itself: one build of a folder at a time. A lock whose process is gone is taken
 * over.
 */
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

// Make takes three seconds to find that there is nothing to do, Ninja none. A folder that was configured
// keeps what it was configured for.
const generator = build.system !== 'win32' && found('ninja') ? { CMAKE_GENERATOR: 'Ninja' } : {};
const env = { ...generator, ...process.env };
const cmake = (...args) => spawnSync('cmake', args, { cwd: root, env, stdio: ['ignore', 2, 2] }).status === 0;
const configure = () => {
  mkdirSync(folder, { recursive: true });
  return cmake('-S', join(root, 'kernels'), '-B', folder, ...build.flags);
};
if (!configure()) {
  // CMake refuses a folder that was configured elsewhere, as after the checkout was moved or copied.
  rmSync(folder, { recursive: true, force: true });
  if (!configure()) process.exit(1);
}
const jobs = String(availableParallelism());
if (!cmake('--build', folder, '--config', 'Release', '--target', build.target, '--parallel', jobs))
  process.exit(1);
if (!existsSync(library)) {
  console.error(`kernels: CMake ended well but ${library} is not there`);
  process.exit(1);
}
console.log(library);
