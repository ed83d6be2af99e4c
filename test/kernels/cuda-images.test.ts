import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { canEmulate, kernelNames } from '../support/emulated-gpu.js';

const root = join(import.meta.dirname, '../..');
const folder = join(root, 'dist/kernels/cuda');
const nvcc = [process.env.RIDGEPOINT_NVCC, process.env.CUDACXX, 'nvcc'].find(
  (command) => command && spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0,
);

describe.skipIf(nvcc === undefined || !canEmulate())('the compiled CUDA kernels (need nvcc and g++)', () => {
  beforeAll(() => {
    // `npm test` has built them before; warnings are errors there.
    if (existsSync(folder)) return;
    const built = spawnSync(process.execPath, [join(root, 'scripts/build-cuda.mjs')], { encoding: 'utf8' });
    expect(built.stderr).toBe('');
    expect(built.status).toBe(0);
  }, 300_000);

  test('PTX that drivers since R470 take has every kernel that the emulation has', () => {
    const text = readFileSync(join(folder, 'ridgepoint.ptx'), 'utf8');
    expect(text).toMatch(/^\.version 7\.4$/m);
    expect(text).toMatch(/^\.target sm_80$/m);
    const entries = [...text.matchAll(/\.entry (\w+)\(/g)].map((match) => match[1]!);
    expect(entries.sort()).toEqual([...kernelNames()].sort());
  });

  test('machine code is there for each architecture', () => {
    const names = readdirSync(folder).filter((name) => name.endsWith('.cubin'));
    expect(names.sort()).toEqual(['80', '86', '89', '90'].map((a) => `ridgepoint-sm_${a}.cubin`));
    for (const name of names) {
      const bytes = readFileSync(join(folder, name));
      // 64-bit ELF of a CUDA machine, with the architecture in its flags.
      expect(bytes.toString('latin1', 0, 5)).toBe('\x7fELF\x02');
      expect(bytes.readUInt16LE(18)).toBe(190);
      const flags = bytes.readUInt32LE(48);
      const architecture = Number(/sm_(\d+)/.exec(name)?.[1]);
      expect([flags & 255, (flags >> 8) & 255]).toContain(architecture);
    }
  });
});
