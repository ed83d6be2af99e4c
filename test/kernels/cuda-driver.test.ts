import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import type { CudaState } from '../../engines/native/cuda.js';
import { kernelsLibrary } from '../../engines/native/kernel-library.js';
import type { OpVerdict } from '../../engines/native/ops.js';
import {
  buildEmulatedGpu,
  canEmulate,
  type EmulatedGpu,
  imageOf,
  machineCode,
} from '../support/emulated-gpu.js';
import { ridge } from '../support/ridge.js';

const run = promisify(execFile);
const fixtures = join(import.meta.dirname, '../fixtures');

let gpu: EmulatedGpu;

interface Answer {
  readonly state: CudaState;
  readonly op: OpVerdict & { readonly problem?: string };
}

/** One process, as the driver is opened once in each. */
async function meet(environment: Readonly<Record<string, string>>): Promise<Answer> {
  const env = { ...process.env, ...gpu.environment, ...environment };
  const { stdout } = await run(process.execPath, [join(fixtures, 'cuda-child.mjs'), kernelsLibrary()!], {
    env,
  });
  return JSON.parse(stdout) as Answer;
}

/** A folder of images of its own. */
function images(name: string, files: Readonly<Record<string, string | Buffer>>): Record<string, string> {
  const folder = join(gpu.folder, name);
  mkdirSync(folder);
  for (const [file, content] of Object.entries(files)) writeFileSync(join(folder, file), content);
  return { RIDGEPOINT_CUDA_IMAGES: folder };
}

const usable = canEmulate() && kernelsLibrary() !== null;

describe.skipIf(!usable)('the CUDA driver, emulated (needs Linux, g++ and the native kernels)', () => {
  beforeAll(() => {
    // One op; the long run has all.
    gpu = buildEmulatedGpu('matvec.cu');
    return () => gpu.remove();
  }, 120_000);

  test('a device, and an op on it that was checked', async () => {
    const { state, op } = await meet({});
    expect(state).toMatchObject({
      absent: null,
      images: ['ridgepoint.ptx'],
      device: { name: 'emulated on the CPU', capability: 8, driver: 12.4, image: 'ridgepoint.ptx' },
    });
    expect(op).toMatchObject({ ok: true, compared: 64, of: 64, fault: null });
  });

  test.each<[string, Record<string, string>]>([
    [
      'no NVIDIA driver: /nowhere/libcuda.so.1 was not found',
      { RIDGEPOINT_CUDA_DRIVER: '/nowhere/libcuda.so.1' },
    ],
    ['libm.so.6 is too old a driver: it has no cuInit', { RIDGEPOINT_CUDA_DRIVER: 'libm.so.6' }],
    ['the NVIDIA driver is installed but sees no GPU', { CUDA_EMULATED_MISSING: 'device' }],
    ['are of different releases; restart the machine', { CUDA_EMULATED_MISSING: 'driver' }],
    ['does not start: CUDA error 999', { CUDA_EMULATED_FAIL: 'cuInit:999' }],
    ['compute capability 7.5, and the kernels need 8.0 or more', { CUDA_EMULATED_CAPABILITY: '75' }],
    [
      'the CUDA kernels are not in /nowhere; `node scripts/build-cuda.mjs`',
      { RIDGEPOINT_CUDA_IMAGES: '/nowhere' },
    ],
    [
      'cuDevicePrimaryCtxRetain on emulated on the CPU: CUDA_ERROR_OUT_OF_MEMORY',
      { CUDA_EMULATED_FAIL: 'cuDevicePrimaryCtxRetain:2' },
    ],
    [
      'CUDA_ERROR_UNSUPPORTED_PTX_VERSION (Unsupported .version 7.4), so the driver, which is for CUDA 12.4, is too old',
      { CUDA_EMULATED_PTX: '70' },
    ],
  ])('there is none: %s', async (sentence, environment) => {
    const { state, op } = await meet(environment);
    expect(state.device).toBeNull();
    expect(state.absent).toMatch(/^CUDA unavailable: /);
    expect(state.absent).toContain(sentence);
    expect(op.problem).toBe(state.absent);
  });

  test('machine code of the generation goes before PTX, and PTX stands in for code that does not load', async () => {
    const ptx = imageOf(gpu.kernels);
    const code = { 'ridgepoint-sm_80.cubin': machineCode(80), 'ridgepoint-sm_86.cubin': machineCode(86) };
    const all = images('all', { ...code, 'ridgepoint-sm_90.cubin': machineCode(90), 'ridgepoint.ptx': ptx });
    expect((await meet({ ...all, CUDA_EMULATED_CAPABILITY: '86' })).state.device?.image).toBe(
      'ridgepoint-sm_86.cubin',
    );
    // The stand-in wants the very architecture; a driver takes 8.6 on 8.9, too.
    expect((await meet({ ...all, CUDA_EMULATED_CAPABILITY: '89' })).state.device?.image).toBe(
      'ridgepoint.ptx',
    );
    expect((await meet({ ...all, CUDA_EMULATED_CAPABILITY: '120' })).state.device?.image).toBe(
      'ridgepoint.ptx',
    );
    const broken = images('broken', {
      'ridgepoint-sm_80.cubin': Buffer.from('not an image'),
      'ridgepoint.ptx': ptx,
    });
    expect((await meet(broken)).op.ok).toBe(true);
    const nothing = images('nothing', {
      'ridgepoint-sm_80.cubin': machineCode(86),
      'ridgepoint.ptx': 'not an image',
    });
    const { state } = await meet(nothing);
    expect(state.absent).toContain(
      'ridgepoint-sm_80.cubin: CUDA_ERROR_NO_BINARY_FOR_GPU; ridgepoint.ptx: CUDA_ERROR_INVALID_IMAGE',
    );
  });

  test.each<[string, Record<string, string>]>([
    ['the GPU has no memory for', { CUDA_EMULATED_MEMORY: '2000' }],
    ['starting matvec_f16: CUDA_ERROR_LAUNCH_FAILED', { CUDA_EMULATED_FAIL: 'cuLaunchKernel:719' }],
    ['after matvec_f16: CUDA_ERROR_ILLEGAL_ADDRESS', { CUDA_EMULATED_FAIL: 'cuCtxSynchronize:700' }],
    ['a copy to the GPU: CUDA_ERROR_INVALID_VALUE', { CUDA_EMULATED_FAIL: 'cuMemcpyHtoD_v2:1' }],
  ])('an op that fails says where: %s', async (sentence, environment) => {
    expect((await meet(environment)).op.problem).toContain(sentence);
  });

  test('images of another release are found out before anything runs', async () => {
    const older = images('older', { 'ridgepoint.ptx': imageOf(['spin']) });
    expect((await meet(older)).op.problem).toBe(
      'the kernel matvec_f16 in ridgepoint.ptx: CUDA_ERROR_NOT_FOUND',
    );
  });
});

describe.skipIf(!canEmulate())('the emulation of a GPU (needs Linux and g++)', () => {
  test('finds errors that a GPU would not report', () => {
    const program = join(fixtures, `cuda-errors-${process.pid}`);
    const block = join(import.meta.dirname, '../../kernels/cuda/emulated/block.cpp');
    const flags = ['-std=c++17', '-O1', '-Wno-unknown-pragmas', '-o', program];
    execFileSync('g++', [...flags, block, '-x', 'c++', join(fixtures, 'cuda-errors.cu')]);
    try {
      expect(execFileSync(program, { encoding: 'utf8' }).trim().split('\n')).toEqual([
        'no_barrier: not a number',
        'half_a_warp: block (0, 0, 0): threads wait for others that never come',
        'different_barriers: block (0, 0, 0): threads wait for others that never come',
        'no_wait: not a number',
        'right: right',
        'null: block (0, 0, 0): an address outside of its buffer',
      ]);
    } finally {
      rmSync(program);
    }
  });
});

describe.skipIf(kernelsLibrary() === null)('ridge kernels --device cuda (needs the native kernels)', () => {
  test('says why nothing runs, and does not succeed, where there is no GPU', async () => {
    const env = { RIDGEPOINT_CUDA_DRIVER: '/nowhere/libcuda.so.1' };
    const { code, stderr } = await ridge(['kernels', 'check', 'gemm', '--device', 'cuda'], { env });
    expect(stderr).toContain(
      'this machine runs none of the cuda variants: CUDA unavailable: no NVIDIA driver',
    );
    expect(code).toBe(1);
  });
});
