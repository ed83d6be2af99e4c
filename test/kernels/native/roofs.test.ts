import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { beforeAll, describe, expect, inject, test } from 'vitest';
import { buildOfRoofs } from '../../../agent/roofs/environment.js';
import { takeRoofs } from '../../../agent/roofs/take.js';
import { kernelsLibrary, openKernelLibrary } from '../../../engines/native/kernel-library.js';
import { openRoofsKernels, type RoofsKernels } from '../../../engines/native/roofs.js';
import { readAffinity } from '../../../process/device/affinity.js';

const build = inject('kernels');
const usable = readAffinity('self') ?? [0];
const SHORT = 1e-4;

describe.skipIf(!build.tools)('native roofs (needs cmake and a C++ compiler)', () => {
  let kernels: RoofsKernels;
  beforeAll(async () => {
    expect(build.failure).toBeNull();
    kernels = await openRoofsKernels(kernelsLibrary()!);
  });
  const failureOf = (work: () => unknown) => {
    try {
      work();
    } catch (error) {
      return (error as { failure: { code: string; message: string } }).failure;
    }
    return null;
  };

  test('roofs hold where the library of what measures is replaced by the whole one: both say the same code', () => {
    const script = join(import.meta.dirname, '../../../scripts/build-kernels.mjs');
    const words = [script, 'measuring'];
    const stdio = ['ignore', 'pipe', 'ignore'] as const;
    const alone = execFileSync(process.execPath, words, { encoding: 'utf8', stdio: [...stdio] }).trim();
    expect(buildOfRoofs(alone)).toMatch(/^[0-9a-f]{16}$/);
    expect(buildOfRoofs(alone)).toBe(buildOfRoofs(kernelsLibrary()));
  });

  test('what is found in the file is what the library says', async () => {
    const { functions } = await openKernelLibrary(kernelsLibrary()!, 'roofs');
    expect(functions.ridge_roofs_build()).toBe(`ridgepoint-roofs:${buildOfRoofs(kernelsLibrary())}`);
  });

  test('every level moves the same bytes: reads see what was written, at any number of threads', () => {
    for (const cpus of [usable.slice(0, 1), usable.slice(0, 2)]) {
      const bench = kernels.open(cpus, 1 << 20);
      const sums = new Map<string, bigint>();
      for (const level of kernels.levels.names) {
        kernels.levels.limit(level);
        for (const streaming of [false, true]) {
          const bytes = 3 * 64 * 512;
          for (const access of ['write', 'copy', 'triad'] as const) {
            const { rates } = bench.bandwidth({ access, streaming, bytes }, SHORT, 2);
            expect(rates).toHaveLength(2);
            for (const rate of rates) expect(rate, `${level} ${access}`).toBeGreaterThan(1e6);
          }
          // The first array now holds what triad wrote: 1 + 3 · 1, as often as there are words.
          const { checksum } = bench.bandwidth(
            { access: 'read', streaming: false, bytes: 64 * 512 + 512 },
            SHORT,
            1,
          );
          sums.set(`${level} ${streaming}`, checksum);
        }
      }
      expect(new Set(sums.values()).size).toBe(1);
      bench.close();
    }
  });

  test('every level computes the products of the arithmetics that it has, and they come out right', () => {
    const bench = kernels.open(usable.slice(0, 1), 4096);
    const best = new Map<string, number[]>();
    const features = kernels.levels.features;
    for (const level of kernels.levels.names) {
      kernels.levels.limit(level);
      for (const unit of ['vector', 'matrix'] as const) {
        for (const arithmetic of ['f64', 'f32', 'bf16', 'f16', 'int8'] as const) {
          // A product that is wrong is thrown, not timed.
          const found = bench.compute(arithmetic, unit, SHORT, 3);
          if (found === null) continue;
          const { rates, instructions } = found;
          expect(kernels.choices(arithmetic, unit, features), `${level} ${unit} ${arithmetic}`).toContain(
            instructions,
          );
          for (const rate of rates) expect(rate, `${level} ${unit} ${arithmetic}`).toBeGreaterThan(1e6);
          const key = `${arithmetic} ${unit}`;
          best.set(key, [...(best.get(key) ?? []), Math.max(...rates)]);
        }
      }
    }
    expect(best.get('f32 matrix')).toHaveLength(kernels.levels.names.length);
    expect(best.get('tf32 vector')).toBeUndefined();
    bench.close();
  });

  test('a launch takes time, and more of it than none', () => {
    const bench = kernels.open(usable.slice(0, 2), 4096);
    const seconds = Array.from(bench.launch(100, 3));
    expect(Math.min(...seconds)).toBeGreaterThan(0);
    // The machine may stand still in any of them, but not in all.
    expect(Math.min(...seconds)).toBeLessThan(1);
    bench.close();
  });

  test('only the accesses that were asked for are taken, and all peaks', async () => {
    const [cpu = 0] = usable;
    const job = {
      threads: [{ cpus: [cpu], bytes: { L1: 16 << 10, memory: 1 << 22 } }],
      accesses: ['read' as const],
      repeats: 2,
      leastRounds: 1,
      mostRounds: 1,
      secondsForRounds: 1,
    };
    const { roofs } = await takeRoofs(job, () => undefined);
    const bandwidth = roofs.flatMap((roof) =>
      roof.kind === 'bandwidth' ? [`${roof.level} ${roof.access}`] : [],
    );
    expect(bandwidth).toEqual(['L1 read', 'memory read']);
    expect(roofs.some((roof) => roof.kind === 'compute' && roof.arithmetic === 'f32')).toBe(true);
  });

  test('CPUs that are not there, named twice or none at all are refused in a sentence', () => {
    const stranger = Math.max(...usable) + 1000;
    expect(failureOf(() => kernels.open([usable[0]!, stranger], 4096))).toMatchObject({
      code: 'device-missing',
      message: expect.stringContaining(`CPUs ${usable[0]},${stranger} cannot be measured`),
    });
    expect(failureOf(() => kernels.open([usable[0]!, usable[0]!], 4096))?.code).toBe('device-missing');
    expect(failureOf(() => kernels.open([-1], 4096))?.code).toBe('device-missing');
    expect(failureOf(() => kernels.open([], 4096))?.message).toContain('(none)');
    expect(failureOf(() => kernels.open(usable.slice(0, 1), 2 ** 60))?.code).toBe('out-of-memory');
    const bench = kernels.open(usable.slice(0, 1), 4096);
    const far = { access: 'read', streaming: false, bytes: 2 ** 30 } as const;
    expect(failureOf(() => bench.bandwidth(far, SHORT, 1))?.message).toMatch(/outside of what was asked for/);
    bench.close();
  });
});
