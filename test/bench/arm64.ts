// The native library on arm64, without one: built with a cross compiler as `node scripts/pack.mjs --cross` packs it, and every op and every product of
// the roofs of it checked on emulated processors. It needs aarch64-linux-gnu-g++, cmake and qemu-aarch64 (Debian: g++-aarch64-linux-gnu, cmake,
// qemu-user). Right or wrong is all it says: what an emulator takes says nothing about a processor.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OPS } from '../../core/kernels/gen/ops.js';
import { type OpFacts, shapeOf } from '../../core/kernels/op.js';

/** Where Debian has the C library of arm64. */
const SYSROOT = '/usr/aarch64-linux-gnu';
const COMPILER = 'aarch64-linux-gnu-g++';
/** The plainest, one with dot products, and one with everything. */
const PROCESSORS = ['cortex-a53', 'neoverse-n1', 'max'];
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

const run = (command: string, args: readonly string[], input = '') => {
  const { status, stdout, error } = spawnSync(command, args, {
    encoding: 'utf8',
    input,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  if (error !== undefined) throw error;
  return { status, stdout };
};
const must = (command: string, args: readonly string[]) => {
  if (run(command, args).status !== 0) throw new Error(`${command} ${args.join(' ')} failed`);
};

function checks(op: OpFacts): string[] {
  return op.variants
    .filter(({ platform }) => platform === 'any' || platform === 'arm64')
    .flatMap(({ name, types }) =>
      types.flatMap((type) =>
        SHAPES.map((shape, i) =>
          [op.name, name, type, 1 + (i % 3), i + 1, ...shapeOf(op, { ...SMALL, ...shape })].join(' '),
        ),
      ),
    );
}

const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-arm64-'));
try {
  const kernels = join(import.meta.dirname, '../../kernels');
  must(process.execPath, [join(kernels, '../scripts/build-kernels.mjs'), 'linux-arm64']);
  const built = join(kernels, '../dist/kernels-linux-arm64');
  const program = join(folder, 'check');
  const library = ['-L', built, '-lridgepoint-kernels', `-Wl,-rpath,${built}`];
  const source = join(import.meta.dirname, 'arm64.cpp');
  must(COMPILER, ['-std=c++17', '-I', kernels, source, '-o', program, ...library]);
  const lines = OPS.flatMap(checks).join('\n');
  for (const processor of PROCESSORS) {
    const { status, stdout } = run('qemu-aarch64', ['-L', SYSROOT, '-cpu', processor, program], lines);
    process.stdout.write(`${processor}: ${stdout}`);
    if (status !== 0) process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
