import { beforeAll, describe, expect, test } from 'vitest';
import { OPS } from '../../core/kernels/gen/ops.js';
import { kernelsLibrary } from '../../engines/native/kernel-library.js';
import { type NativeOps, openOps } from '../../engines/native/ops.js';
import { CUDA_SHAPES } from '../support/cuda-shapes.js';
import { buildEmulatedGpu, canEmulate } from '../support/emulated-gpu.js';

const usable = canEmulate() && kernelsLibrary() !== null;
const cases = OPS.flatMap((op) =>
  op.variants
    .filter((variant) => variant.platform === 'cuda')
    .flatMap((variant) => variant.types.map((type) => [op.name, variant.name, type] as const)),
);

describe.skipIf(!usable)('CUDA kernels on an emulated GPU (need Linux, g++ and the native kernels)', () => {
  let ops: NativeOps;
  beforeAll(async () => {
    const gpu = buildEmulatedGpu();
    // Node writes process.env through to C's environment.
    Object.assign(process.env, gpu.environment);
    ops = await openOps(kernelsLibrary()!);
    return () => {
      for (const name of Object.keys(gpu.environment)) delete process.env[name];
      gpu.remove();
    };
  }, 120_000);

  test.each(cases)('%s, %s, in %s', (op, variant, type) => {
    const shapes = CUDA_SHAPES[op];
    expect(shapes, `shapes for ${op}`).toBeDefined();
    for (const [seed, shape] of shapes!.entries()) {
      const verdict = ops.check({ op, variant, type, shape, threads: 1, seed });
      expect({ shape, ...verdict }).toMatchObject({ shape, ok: true, fault: null, compared: verdict.of });
    }
  });

  test('are timed by the device after they were checked', () => {
    const request = {
      op: 'gemv',
      variant: 'cuda',
      type: 'f16',
      shape: [64, 512],
      threads: 1,
      seed: 3,
    } as const;
    const cold = ops.prepare(request, 'cold');
    // The emulated GPU has a cache of 64 KiB, and inputs go through four of them.
    expect(cold.sets).toBe(4);
    expect(cold.check.ok).toBe(true);
    const times = cold.measure(3);
    expect(times).toHaveLength(3);
    expect(times.every((ns) => ns > 0)).toBe(true);
    cold.close();
  });
});
