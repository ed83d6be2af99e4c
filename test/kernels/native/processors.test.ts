import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, inject, test } from 'vitest';
import { kernelsLibrary } from '../../../engines/native/kernel-library.js';
import { openRoofsKernels, type RoofsKernels } from '../../../engines/native/roofs.js';
import { PROCESSORS } from './processors.js';

const build = inject('kernels');

describe.skipIf(!build.tools)('kernels of roofs by processor (needs cmake and a C++ compiler)', () => {
  let kernels: RoofsKernels;
  beforeAll(async () => {
    expect(build.failure).toBeNull();
    kernels = await openRoofsKernels(kernelsLibrary()!);
  });

  test.each(PROCESSORS)('$name', ({ features, architecture, level, peaks }) => {
    for (const [arithmetic, figures] of Object.entries(peaks) as [keyof typeof peaks, typeof peaks.f32][]) {
      const own = (unit: 'vector' | 'matrix') =>
        kernels.choices(arithmetic, unit, features).filter((name) => name !== 'baseline');
      const [matrix, vector] = [own('matrix'), own('vector')];
      // All that it can run, by one unit or the other, in the order of what they do in a cycle.
      const names = [...matrix, ...vector.filter((name) => !matrix.includes(name))];
      expect(names, arithmetic).toEqual(Object.keys(figures));
      const known = Object.values(figures).flatMap((figure) => figure ?? []);
      expect(
        known.toSorted((a, b) => b - a),
        arithmetic,
      ).toEqual(known);
    }
    if (architecture === process.arch) expect(kernels.levels.levelOf(features)).toBe(level);
    // Every processor computes in f32, whatever it has.
    expect(kernels.choices('f32', 'matrix', features).at(-1)).toBe('baseline');
  });

  test('VNNI without Ice Lake’s bundle puts the roof of int8 above that of f32', () => {
    const { peaks, features } = PROCESSORS.find(({ name }) => name === 'Cascade Lake')!;
    const [by] = kernels.choices('int8', 'matrix', features);
    const [wide] = kernels.choices('f32', 'matrix', features);
    expect(peaks.int8[by!]! / peaks.f32[wide!]!).toBe(4);
  });

  test.runIf(process.platform === 'linux')('what this processor has is what its system says', () => {
    const info = readFileSync('/proc/cpuinfo', 'utf8');
    const told = new Set(/^(?:flags|Features)\s*:\s*(.+)$/m.exec(info)?.[1]?.split(/\s+/));
    const ours = kernels.levels.features.split(' ');
    expect(ours.length).toBeGreaterThan(1);
    for (const word of ours) expect(told, word).toContain(word);
    // And nothing of what the table knows is missing; tiles are given to processes that ask, where the system
    // lets them.
    const known = new Set(
      PROCESSORS.filter(({ architecture }) => architecture === 'x64').flatMap(({ features }) =>
        features.split(' '),
      ),
    );
    const unused = /^(sse4|adx|rdseed|avx_vnni_int8|avx_ne_convert|amx)/;
    if (process.arch === 'x64')
      expect(
        [...told].filter((word) => known.has(word) && !unused.test(word) && !ours.includes(word)),
      ).toEqual([]);
  });
});
