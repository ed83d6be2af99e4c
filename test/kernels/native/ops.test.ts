import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, inject, test } from 'vitest';
import { OPS } from '../../../core/kernels/gen/ops.js';
import { shapeOf } from '../../../core/kernels/op.js';
import { kernelsLibrary } from '../../../engines/native/kernel-library.js';
import { type NativeOps, type OpRequest, openOps } from '../../../engines/native/ops.js';
import { temporaryFolder } from '../../support/folder.js';

/** The others have a file of their own: attention-ops.test.ts. */
const MATRIX_OPS = OPS.filter(({ family }) => family.endsWith('-matrix'));
const kernels = inject('kernels');
const root = join(import.meta.dirname, '../../..');

let opened: NativeOps | null = null;
const library = async (): Promise<NativeOps> => {
  opened ??= await openOps(kernelsLibrary()!);
  return opened;
};

describe.skipIf(!kernels.tools)('the ops (needs cmake and a C++ compiler)', () => {
  test('the table that is checked in is what this library describes', () => {
    const folder = temporaryFolder();
    const script = join(root, 'scripts/write-ops-table.ts');
    execFileSync(process.execPath, ['--import', 'tsx', script, folder], { cwd: root, stdio: 'ignore' });
    const checkedIn = readFileSync(join(root, 'core/kernels/gen/ops.ts'), 'utf8');
    expect(readFileSync(join(folder, 'ops.ts'), 'utf8')).toBe(checkedIn);
  }, 600_000);

  test('variants of other processors are described, and say why they are absent', async () => {
    const { variants } = (await library()).describe().find(({ name }) => name === 'gemv')!;
    const other = process.arch === 'arm64' ? 'x64' : 'arm64';
    const foreign = variants.filter(({ platform }) => platform === other);
    expect(foreign.length).toBeGreaterThan(1);
    for (const { absent } of foreign) expect(absent).toMatch(/^it is for (arm64|x86-64) processors$/);
  });

  // Odd shapes, one that fills its tiles, and all shares of zeros: none left and none gone among them.
  const shapes = [
    { rows: 1, columns: 1, batch: 1 },
    { rows: 37, columns: 68, batch: 3 },
    { rows: 100, columns: 1000, batch: 7 },
    { rows: 33, columns: 259, batch: 31 },
  ];
  const shares = [0, 50, 83, 100];

  test.each(MATRIX_OPS.map(({ name }) => name))(
    '%s is right in every variant, type and shape',
    async (name) => {
      const ops = await library();
      const op = ops.describe().find((listed) => listed.name === name)!;
      let checks = 0;
      for (const variant of op.variants.filter(({ absent }) => absent === null)) {
        for (const type of variant.types) {
          for (const [i, sizes] of shapes.entries()) {
            const columns = name === 'sparse-2of4' ? Math.ceil(sizes.columns / 4) * 4 : sizes.columns;
            const shape = shapeOf(op, { ...sizes, columns, sparsity: shares[(i + checks) % 4]! });
            const request = {
              op: name,
              variant: variant.name,
              type,
              shape,
              threads: 1 + (i % 3),
              seed: checks++,
            };
            expect([request, ops.check(request)]).toMatchObject([request, { ok: true, fault: null }]);
          }
        }
      }
      expect(checks).toBeGreaterThan(0);
    },
  );

  /**
   * Few rows and vectors go through other loops than many, so every number of vectors up to their width and
   * behind it.
   */
  test.each(MATRIX_OPS.filter(({ name }) => name !== 'gemv').map(({ name }) => name))(
    '%s is right for every number of vectors where registers are narrow',
    async (name) => {
      const ops = await library();
      const op = ops.describe().find((listed) => listed.name === name)!;
      const narrow = op.variants.filter(
        ({ name: variant, absent }) =>
          absent === null && ['avx2', 'avxvnni', 'neon', 'dotprod'].includes(variant),
      );
      for (const { name: variant, types } of narrow)
        for (const type of types)
          for (let batch = 1; batch <= 17; batch++) {
            const shape = shapeOf(op, { rows: 15 + batch, columns: 260, batch, sparsity: 10 * (batch % 10) });
            const request = { op: name, variant, type, shape, threads: 1, seed: batch };
            expect([request, ops.check(request)]).toMatchObject([request, { ok: true, fault: null }]);
          }
    },
  );

  test('what is timed was checked, and every repeat is kept', async () => {
    const ops = await library();
    const request = {
      op: 'gemv',
      variant: 'scalar',
      type: 'f32',
      shape: [64, 128],
      threads: 2,
      seed: 1,
    } as const;
    const cold = ops.prepare(request, 'cold');
    expect(cold.check).toMatchObject({ ok: true, compared: 64, of: 64 });
    expect(cold).toMatchObject({
      flops: 2 * 64 * 128,
      bytes: 4 * (64 * 128 + 64 + 128),
      facts: { bitsPerWeight: 32 },
    });
    expect(cold.sets).toBeGreaterThan(100);
    const times = cold.measure(7);
    expect(times).toHaveLength(7);
    expect(times.every((ns) => ns > 0 && ns < 1e9)).toBe(true);
    cold.close();
    expect(() => cold.measure(1)).toThrow('closed');
    const warm = ops.prepare(request, 'warm');
    expect(warm.sets).toBe(1);
    warm.close();
  });

  test.each<[string, Partial<OpRequest>]>([
    ['there is no op gemw', { op: 'gemw' }],
    ['the op gemv has no variant avx1024', { variant: 'avx1024' }],
    ['a shape of gemv has 2 numbers, and 1 were given', { shape: [5] }],
    ['rows is -4, and it goes from 1 to 1048576', { shape: [-4, 64] }],
    ['columns is 65537, and it goes from 1 to 65536', { shape: [4, 65_537] }],
    ['the variant avx512 of gemv has no type int8', { variant: 'avx512', type: 'int8' }],
    [
      'columns has to be a multiple of 4, for two of every four neighbours are kept',
      { op: 'sparse-2of4', shape: [4, 66, 1] },
    ],
    ['sparsity is 101, and it goes from 0 to 100', { op: 'sparse-csr', shape: [4, 66, 1, 101] }],
  ])('says that %s', async (sentence, change) => {
    const request: OpRequest = {
      op: 'gemv',
      variant: 'scalar',
      type: 'f32',
      shape: [4, 64],
      threads: 1,
      seed: 1,
    };
    const ops = await library();
    expect(() => ops.check({ ...request, ...change })).toThrow(sentence);
  });
});
