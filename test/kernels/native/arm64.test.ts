import { execFileSync, spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { COMPILER, canEmulateArm64, EMULATOR, SYSROOT } from '../../support/arm64.js';
import { temporaryFolder } from '../../support/folder.js';

const root = join(import.meta.dirname, '../../..');

test.skipIf(!canEmulateArm64)(
  `every product of the roofs is right on an emulated processor of arm64 (needs cmake, ${COMPILER} and ${EMULATOR}; the long run has every op on three)`,
  { timeout: 300_000 },
  () => {
    const build = [join(root, 'scripts/build-kernels.mjs'), 'linux-arm64-measuring'];
    const library = execFileSync(process.execPath, build, { encoding: 'utf8' }).trim().split('\n').at(-1)!;
    const program = join(temporaryFolder(), 'check');
    const at = dirname(library);
    const words = [
      '-DROOFS_ALONE',
      '-I',
      join(root, 'kernels'),
      join(import.meta.dirname, 'arm64.cpp'),
      '-o',
      program,
    ];
    execFileSync(COMPILER, ['-std=c++17', ...words, '-L', at, '-lridgepoint-measuring', `-Wl,-rpath,${at}`]);
    const { status, stdout } = spawnSync(EMULATOR, ['-L', SYSROOT, '-cpu', 'max', program], {
      encoding: 'utf8',
      input: '',
    });
    expect(stdout).toMatch(/^peaks: [1-9]\d* right, 0 wrong\n$/);
    expect(status).toBe(0);
  },
);
