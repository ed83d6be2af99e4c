import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { takeCudaRoofs } from '../../agent/roofs/cuda-take.js';
import { OPS } from '../../core/kernels/gen/ops.js';
import type { CudaState } from '../../engines/native/cuda.js';
import { kernelsLibrary } from '../../engines/native/kernel-library.js';
import { type NativeOps, openOps } from '../../engines/native/ops.js';
import { CUDA_SHAPES } from '../support/cuda-shapes.js';

/** In a child: what looks for a GPU is native code. */
function state(): CudaState | null {
  const library = kernelsLibrary();
  if (library === null) return null;
  const child = join(import.meta.dirname, '../fixtures/cuda-child.mjs');
  const { status, stdout } = spawnSync(process.execPath, [child, library], { encoding: 'utf8' });
  return status === 0 ? (JSON.parse(stdout) as { state: CudaState }).state : null;
}

const device = state()?.device ?? null;
const withCuda = OPS.filter((op) => op.variants.some((variant) => variant.platform === 'cuda'));

describe.skipIf(device === null)(
  'CUDA kernels (need an NVIDIA GPU, its driver and the compiled kernels)',
  () => {
    let ops: NativeOps;
    beforeAll(async () => {
      ops = await openOps(kernelsLibrary()!);
    });

    test.each(withCuda.map(({ name }) => name))('%s agrees with its reference', (name) => {
      const { variants } = withCuda.find((op) => op.name === name)!;
      for (const variant of variants.filter((one) => one.platform === 'cuda')) {
        for (const type of variant.types) {
          for (const [seed, shape] of CUDA_SHAPES[name]!.entries()) {
            const request = { op: name, variant: variant.name, type, shape, threads: 2, seed };
            const verdict = ops.check(request);
            expect({ request, ...verdict }).toMatchObject({ request, ok: true, fault: null });
          }
        }
      }
    });

    test('roofs are in the order that caches, memory and links have', async () => {
      const { bandwidth, links, compute } = await takeCudaRoofs({ repeats: 5 }, () => {});
      const best = (level: string) =>
        Math.max(...bandwidth.filter((roof) => roof.level === level).flatMap(({ samples }) => samples));
      expect(best('L2')).toBeGreaterThan(best('memory'));
      expect(best('memory')).toBeGreaterThan(Math.max(...links.flatMap(({ samples }) => samples)));
      const peak = (unit: string) =>
        Math.max(
          ...compute
            .filter((roof) => roof.unit === unit && roof.arithmetic === 'f16')
            .flatMap((r) => r.samples),
        );
      expect(peak('matrix')).toBeGreaterThan(peak('vector'));
    });
  },
);
