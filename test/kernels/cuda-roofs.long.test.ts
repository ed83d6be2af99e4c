import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { probeRunner } from '../../agent/probe.js';
import { requireMeasurer } from '../../agent/roofs/index.js';
import type { TrialContext } from '../../agent/trial/context.js';
import { startTrial } from '../../agent/trial/start.js';
import type { Options } from '../../core/experiment/experiment.js';
import type { DeviceProfile } from '../../core/experiment/node.js';
import { roofsSchema } from '../../core/result/roofs.js';
import { recordRoofsOf } from '../../core/result/roofs-record.js';
import { kernelsLibrary } from '../../engines/native/kernel-library.js';
import { lease, trialContext } from '../support/bench.js';
import { buildEmulatedGpu, canEmulate, machineCode } from '../support/emulated-gpu.js';

const DEVICE: DeviceProfile = {
  id: 'GPU-emulated',
  classes: ['cuda', 'cuda:emulated'],
  name: 'emulated',
  memoryBytes: 2 ** 31,
  cpus: [],
};
const usable = canEmulate() && kernelsLibrary() !== null;

describe.skipIf(!usable)('roofs of an emulated GPU (need Linux, g++ and the native kernels)', () => {
  beforeAll(() => {
    const gpu = buildEmulatedGpu();
    Object.assign(process.env, gpu.environment, { CUDA_EMULATED_MEMORY: String(2 ** 22) });
    return () => {
      for (const name of [...Object.keys(gpu.environment), 'CUDA_EMULATED_MEMORY']) delete process.env[name];
      gpu.remove();
    };
  }, 120_000);

  test('are measured in a child, each looked at before it is timed', async () => {
    const steps: number[] = [];
    const roofs = await requireMeasurer(DEVICE).measure(DEVICE, {
      extent: 'quick',
      onProgress: (done, of) => steps.push(done / of),
    });
    roofsSchema.parse(roofs);
    expect(roofs.device).toEqual({ id: 'GPU-emulated', class: 'cuda:emulated', name: 'emulated' });
    expect(roofs.bandwidth.map(({ level, access }) => `${level} ${access}`)).toEqual(
      ['L2', 'memory'].flatMap((level) => ['read', 'write', 'copy', 'triad'].map((a) => `${level} ${a}`)),
    );
    expect(roofs.compute.map(({ arithmetic, unit }) => `${arithmetic} ${unit}`)).toEqual([
      ...['f64', 'f32', 'f16', 'bf16', 'int8'].map((a) => `${a} vector`),
      ...['tf32', 'f16', 'bf16', 'int8'].map((a) => `${a} matrix`),
    ]);
    expect(roofs.absent['fp8 matrix']).toContain('compute capability 8.9');
    expect(roofs.links.map(({ name }) => name)).toEqual(['pcie:host-to-device', 'pcie:device-to-host']);
    expect(roofs.launchSeconds?.samples).toHaveLength(200);
    expect(steps.at(-1)).toBe(1);
  }, 60_000);

  test('stand over ops of a sweep on that GPU, through the same door as on a CPU', {
    timeout: 120_000,
  }, async () => {
    const probe = await probeRunner('kernels');
    expect(probe).toMatchObject({ available: true, profile: { devices: ['cpu', 'cuda'] } });
    const roofs = recordRoofsOf(
      await requireMeasurer(DEVICE).measure(DEVICE, { extent: 'quick' }),
      'emulated',
    );
    const node = trialContext({ limits: { idleSeconds: 0 } });
    const here: TrialContext = {
      ...node,
      profile: { ...node.profile, devices: [...node.profile.devices, { ...DEVICE, cpus: [0] }] },
      roofs: {
        forDevice: (id) => (id === DEVICE.id ? roofs : null),
        absenceReason: () => 'a test measures none',
      },
    };
    const trial = async (options: Options) => {
      const asked = lease({
        device: 'cuda',
        runner: { kind: 'kernels', options: {} },
        workload: { kind: 'kernel', options },
      });
      return await startTrial({ ...asked, deviceId: DEVICE.id }, here).done;
    };
    const record = await trial({ op: 'gemm', elementType: 'f16', rows: 64, columns: 64, opBatch: 4 });
    expect(record.failure).toBeNull();
    // The last of the op on a GPU asks most of it.
    expect(record.kernel).toMatchObject({
      variant: 'cuda-tensor',
      threads: 1,
      check: { compared: 256, of: 256 },
    });
    expect(record.environment).toMatchObject({
      engineDevice: 'emulated on the CPU',
      cudaKernels: 'ridgepoint.ptx',
    });
    const [call] = record.roofline!.phases;
    expect(record.roofline).toMatchObject({
      ceilings: { origin: 'measured', id: 'emulated', name: 'emulated' },
    });
    const matrix = roofs.compute
      .filter(({ arithmetic }) => arithmetic === 'f16')
      .map((roof) => roof.flopsPerSecond);
    expect(call!.peak).toEqual({ arithmetic: 'f16', flopsPerSecond: Math.max(...matrix) });
    expect(call!.roofRatio).toBeCloseTo(call!.roofSeconds / call!.measuredSeconds, 12);
    expect(record.measurements.kernelRoofRatio?.value).toBeGreaterThan(0);

    const warm = await trial({ op: 'gemv', elementType: 'f16', rows: 64, columns: 64, cacheState: 'warm' });
    expect(warm.roofline!.phases[0]!.bandwidth.level).toBe('L2');
    const elsewhere = await trial({ op: 'gemv', variant: 'avx512', elementType: 'f32' });
    expect(elsewhere.failure).toMatchObject({
      code: 'impossible-combination',
      message: 'the variant avx512 of gemv does not run on cuda',
    });
    process.env.CUDA_EMULATED_MISSING = 'device';
    const [gone, without] = [await trial({ op: 'gemv' }), await probeRunner('kernels')];
    delete process.env.CUDA_EMULATED_MISSING;
    expect(gone.failure).toMatchObject({ code: 'device-missing' });
    expect(without).toMatchObject({ available: true, profile: { devices: ['cpu'] } });
  });

  test('have the products of warpgroups in the machine code for 9.0', async () => {
    const images = process.env.RIDGEPOINT_CUDA_IMAGES!;
    writeFileSync(join(images, 'ridgepoint-sm_90.cubin'), machineCode(90));
    process.env.CUDA_EMULATED_CAPABILITY = '90';
    const roofs = await requireMeasurer(DEVICE).measure(DEVICE, { extent: 'quick' });
    delete process.env.CUDA_EMULATED_CAPABILITY;
    const matrix = roofs.compute.filter(({ unit }) => unit === 'matrix');
    expect(matrix.map(({ arithmetic }) => arithmetic)).toEqual(['tf32', 'f16', 'bf16', 'int8', 'fp8']);
    expect(roofs.caveats.filter((caveat) => caveat.includes('true peaks'))).toEqual([]);
    rmSync(join(images, 'ridgepoint-sm_90.cubin'));
  }, 60_000);

  test('fail with the reason where there is no GPU', async () => {
    process.env.CUDA_EMULATED_MISSING = 'device';
    const measuring = requireMeasurer(DEVICE).measure(DEVICE, { extent: 'quick' });
    await expect(measuring).rejects.toMatchObject({ failure: { code: 'device-missing' } });
    await expect(measuring).rejects.toThrow(
      'CUDA unavailable: the NVIDIA driver is installed but sees no GPU',
    );
    delete process.env.CUDA_EMULATED_MISSING;
  });
});
