import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, inject, test } from 'vitest';
import { type CpuLevels, cpuLevels } from '../../../engines/native/cpu-levels.js';
import type { KernelFunctions } from '../../../engines/native/gen/kernels.js';
import { kernelsLibrary, openKernelLibrary } from '../../../engines/native/kernel-library.js';
import { openPruningKernels } from '../../../engines/native/kernels.js';
import { temporaryFolder } from '../../support/folder.js';
import { REFERENCE } from '../../support/pruning/engine.js';
import { addProducts } from '../../support/pruning/hessian.js';

const kernels = inject('kernels');
const x64Linux = process.platform === 'linux' && process.arch === 'x64';
const emulator =
  x64Linux && ['qemu-x86_64', 'g++'].every((tool) => spawnSync(tool, ['--version']).status === 0);
const objdump = x64Linux && spawnSync('objdump', ['--version']).status === 0;

/**
 * Prints each level, what its matrix product says: 0 when it came out right, and whether a sparse product of
 * it does.
 */
const EMULATED = `
#include "cpu/cpu.h"
#include "ops/ops.h"
#include "roofs/roofs.h"
#include <cstdio>
#include <cstring>
int main() {
  const int32_t cpus[] = {0};
  for (int32_t level = 0; level <= ridge_cpu_highest(); level++) {
    ridge_cpu_limit(level);
    int32_t problem = 0;
    void* bench = ridge_roofs_open(cpus, 1, 1 << 16, &problem);
    if (bench == nullptr) return 1;
    double rate = 0;
    const char* name = ridge_cpu_level_name(level);
    const int64_t shape[] = {37, 259, 5, 50};
    const bool right = std::strstr(ridge_ops_check("sparse-bitmap", name, "int8", shape, 4, 1, 1), "\\"ok\\":true") != nullptr;
    std::printf("%s %d %d\\n", name, ridge_roofs_matrix(bench, RIDGE_F32, 1e-4, 1, &rate), right);
    ridge_roofs_close(bench);
  }
}
`;

describe.skipIf(!kernels.tools)('levels of instructions (needs cmake and a C++ compiler)', () => {
  let levels: CpuLevels;
  let addNative: KernelFunctions['pruning']['ridge_add_products'];
  beforeAll(async () => {
    expect(kernels.failure).toBeNull();
    const opened = await openKernelLibrary(kernelsLibrary()!, 'pruning');
    levels = cpuLevels(opened, undefined);
    // What the collector sums Hessians with.
    addNative = opened.functions.ridge_add_products;
  });

  test('every level gives the same bits', async () => {
    const engine = await openPruningKernels(kernelsLibrary()!, 2);
    const [tokens, columns] = [37, 53];
    const inputs = Float32Array.from({ length: tokens * columns }, (_, i) => Math.fround(Math.sin(i * i)));
    const sums = new Float64Array(columns * columns);
    addProducts(sums, inputs, columns);
    const expected = REFERENCE.inverseFactor({ columns, values: sums }, 0.01);
    expect(levels.names[0]).toBe('scalar');
    for (const name of levels.names) {
      levels.limit(name);
      expect(levels.inUse()).toBe(name);
      const own = new Float64Array(columns * columns);
      expect(addNative(own, inputs, tokens, columns, 2)).toBe(0);
      expect(own, name).toEqual(sums);
      const factor = engine.inverseFactor({ columns, values: own }, 0.01);
      factor.values.forEach((value, i) => {
        expect(value, name).toBeCloseTo(expected.values[i]!, 10);
      });
    }
  });

  test.runIf(x64Linux)('the levels are those that the processor says it has', () => {
    const flags = execFileSync('grep', ['-m1', '^flags', '/proc/cpuinfo'], { encoding: 'utf8' }).split(/\s+/);
    expect(levels.names.includes('avx2')).toBe(flags.includes('avx2') && flags.includes('fma'));
    expect(levels.names.includes('avx512')).toBe(
      flags.includes('avx512bw') && flags.includes('avx512vl') && flags.includes('avx512dq'),
    );
    expect(levels.names.includes('avx512bf16')).toBe(flags.includes('avx512_bf16'));
  });

  test('RIDGEPOINT_CPU lowers the level, and a word that is none is refused with those there are', () => {
    const child = (level: string) => {
      const code = `import('koffi').then(({default: k}) => { const l = k.load(${JSON.stringify(kernelsLibrary())});
        console.log(l.func('int32_t ridge_cpu_level()')()); })`;
      const env = { ...process.env, RIDGEPOINT_CPU: level };
      return execFileSync(process.execPath, ['-e', code], { encoding: 'utf8', env }).trim();
    };
    expect(child('scalar')).toBe('0');
    expect(child(levels.names.at(-1)!)).toBe(String(levels.names.length - 1));
    expect(() => levels.limit('avx9')).toThrow(/no level avx9; this processor has scalar/);
  });

  test('a RIDGEPOINT_CPU that this processor does not have is refused in a sentence', async () => {
    process.env.RIDGEPOINT_CPU = 'avx9';
    try {
      await expect(openPruningKernels(kernelsLibrary()!, 1)).rejects.toThrow(
        /RIDGEPOINT_CPU=avx9 is no level of this processor; it has scalar/,
      );
    } finally {
      delete process.env.RIDGEPOINT_CPU;
    }
  });

  test.runIf(emulator)(
    'the library runs on processors without AVX, and without AVX-512 (needs qemu-x86_64 and g++)',
    () => {
      const folder = temporaryFolder();
      const library = kernelsLibrary()!;
      const source = join(folder, 'levels.cpp');
      writeFileSync(source, EMULATED);
      const program = join(folder, 'levels');
      const at = dirname(library);
      const names = ['-L', at, '-lridgepoint-kernels', `-Wl,-rpath,${at}`];
      execFileSync('g++', [
        '-std=c++17',
        '-I',
        join(import.meta.dirname, '../../../kernels'),
        source,
        '-o',
        program,
        ...names,
      ]);
      const on = (cpu: string) =>
        execFileSync('qemu-x86_64', ['-cpu', cpu, program], {
          encoding: 'utf8',
          stdio: ['ignore', 'pipe', 'ignore'],
        });
      expect(on('Nehalem')).toBe('scalar 0 1\n');
      expect(on('Haswell')).toBe('scalar 0 1\navx2 0 1\n');
    },
  );

  // Two functions of one name, compiled for different levels, are one after linking: it must be the lower
  // one.
  test.runIf(objdump && existsSync('/proc/cpuinfo'))(
    'no function that levels share needs more than the baseline (needs objdump)',
    () => {
      const options = { encoding: 'utf8', maxBuffer: 2 ** 28 } as const;
      const library = kernelsLibrary()!;
      const names = execFileSync('nm', ['-D', '--defined-only', library], options).split('\n');
      const shared = new Set(
        names.filter((line) => / [TWVu] /.test(line)).map((line) => line.split(' ')[2]!),
      );
      expect(shared.size).toBeGreaterThan(10);
      const code = execFileSync('objdump', ['-d', '--no-show-raw-insn', library], options);
      const wide: string[] = [];
      let wideInAll = 0;
      for (const block of code.split('\n\n')) {
        const name = /^[0-9a-f]+ <(.+)>:/.exec(block)?.[1];
        if (name === undefined || !/\tv[a-z]|%[yz]mm/.test(block)) continue;
        wideInAll++;
        if (shared.has(name)) wide.push(name);
      }
      expect(wide).toEqual([]);
      expect(wideInAll).toBeGreaterThan(0);
    },
  );
});
