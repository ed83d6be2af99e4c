import { execFile, execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { OPS } from '../../../core/kernels/gen/ops.js';
import { type OpFacts, shapeOf } from '../../../core/kernels/op.js';
import { COMPILER, canEmulateArm64, EMULATOR, SYSROOT } from '../../support/arm64.js';
import { sharedFolder } from '../../support/folder.js';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../../..');

const LEVELS = ['scalar', 'neon', 'dotprod', 'i8mm'];
/** The plainest, one with dot products, and one with everything: each with its level. */
const PROCESSORS = [
  ['cortex-a53', 'neon'],
  ['neoverse-n1', 'dotprod'],
  ['max', 'i8mm'],
] as const;

/** Nothing round in them, and one that fills tiles; numbers that an op does not have are left out. */
const SHAPES: readonly Readonly<Record<string, number>>[] = [
  { rows: 1, columns: 4, batch: 1, sparsity: 0 },
  { rows: 37, columns: 260, batch: 3, sparsity: 50 },
  { rows: 33, columns: 68, batch: 17, sparsity: 83 },
  { rows: 64, columns: 128, batch: 4, sparsity: 100 },
];
/** Shapes of models would take an emulator minutes. */
const SMALL: Readonly<Record<string, number>> = {
  heads: 6,
  kvHeads: 2,
  keyLength: 39,
  valueLength: 21,
  headLength: 19,
  latentLength: 37,
  ropeLength: 10,
  context: 133,
  depth: 11,
  tokens: 35,
  compressBlock: 16,
  compressStride: 8,
  selectBlock: 16,
  selectCount: 5,
  window: 50,
  length: 70,
  inputs: 53,
  outputs: 45,
  hidden: 53,
};

/** @returns for each check of an op its line for arm64.cpp, and the level that it needs. */
const checks = (op: OpFacts) =>
  op.variants
    .filter(({ platform }) => platform === 'any' || platform === 'arm64')
    .flatMap(({ name, types, level }) =>
      types.flatMap((type) =>
        SHAPES.map((shape, i) => ({
          line: [op.name, name, type, 1 + (i % 3), i + 1, ...shapeOf(op, { ...SMALL, ...shape })].join(' '),
          level,
        })),
      ),
    );

const folder = sharedFolder();

describe.skipIf(!canEmulateArm64)(`the kernels for arm64 (need cmake, ${COMPILER} and ${EMULATOR})`, () => {
  const kernels = join(folder, 'package');
  const program = join(folder, 'check');

  beforeAll(() => {
    const pack = [join(root, 'scripts/pack.mjs'), '--cross', '--to', folder];
    const archives = execFileSync(process.execPath, pack, { cwd: root, encoding: 'utf8' }).trim().split('\n');
    const archive = archives.find((path) => path.includes('kernels-linux-arm64'));
    expect(archives, 'an archive of them').toContain(archive);
    execFileSync('tar', ['-xzf', archive!, '-C', folder]);
    const source = join(import.meta.dirname, 'arm64.cpp');
    const library = ['-L', kernels, '-lridgepoint-kernels', `-Wl,-rpath,${kernels}`];
    execFileSync(COMPILER, ['-std=c++17', '-I', join(root, 'kernels'), source, '-o', program, ...library]);
  }, 600_000);

  test('are a package that npm installs on such machines alone', () => {
    const manifest = JSON.parse(readFileSync(join(kernels, 'package.json'), 'utf8'));
    expect(manifest).toMatchObject({
      name: '@ridgepoint/kernels-linux-arm64',
      os: ['linux'],
      cpu: ['arm64'],
    });
  });

  // Right or wrong is all that an emulator says: what it takes says nothing about a processor.
  test.concurrent.each(PROCESSORS)(
    'are right on an emulated %s: every op, and every product of the roofs',
    async (processor, level) => {
      const all = OPS.flatMap(checks);
      const absent = all.filter((check) => LEVELS.indexOf(check.level) > LEVELS.indexOf(level)).length;
      const emulated = run(EMULATOR, ['-L', SYSROOT, '-cpu', processor, program]);
      emulated.child.stdin!.end(all.map(({ line }) => line).join('\n'));
      const { stdout, code = 0 } = await emulated.catch((error) => error);
      const ops = `${level}: ${all.length - absent} right, 0 wrong, ${absent} need another processor`;
      expect(stdout).toMatch(new RegExp(`^${ops}\npeaks: [1-9]\\d* right, 0 wrong\n$`));
      expect(code).toBe(0);
    },
    300_000,
  );
});
