import { afterEach, describe, expect, test } from 'vitest';
import type { TrialContext } from '../../../agent/trial/context.js';
import { startTrial } from '../../../agent/trial/start.js';
import { recompute } from '../../../batching/judge.js';
import type { Options } from '../../../core/experiment/experiment.js';
import { isPresent, resultSchema } from '../../../core/result/result.js';
import type { RecordRoofs } from '../../../core/result/roofs-record.js';
import { runnerNamed } from '../../../core/runners/index.js';
import { UNCHANGED } from '../../../core/techniques/index.js';
import { NO_ENGINES, type NodeEngines } from '../../../engines/config.js';
import { kernelsLibrary } from '../../../engines/native/kernel-library.js';
import { lease, QUICK, trialContext } from '../../support/bench.js';
import { buildNvmlStub, forgetStub, H100, openScripted } from '../../support/nvml-stub.js';
import { ROOFS } from '../../support/roofline.js';
import { canSimulateGpus, installSimulatedGpus } from '../../support/simulated-gpus.js';

afterEach(forgetStub);

/** Half of every ceiling of the other one. */
const SLOWER: RecordRoofs = {
  ...ROOFS,
  id: 'fedcba9876543210',
  bandwidth: ROOFS.bandwidth.map((one) => ({ ...one, bytesPerSecond: one.bytesPerSecond / 2 })),
  compute: ROOFS.compute.map((one) => ({ ...one, flopsPerSecond: one.flopsPerSecond / 2 })),
};

async function nodeOfTwo(): Promise<TrialContext> {
  const context = trialContext({ limits: { idleSeconds: 0 } });
  const [cpu] = context.profile.devices;
  const gpu = (id: string) => ({ ...cpu!, id, name: `simulated ${id}`, classes: ['cuda', 'cuda:h100'] });
  const nvml = await openScripted(buildNvmlStub(), {
    0: { ...H100, uuid: 'GPU-aaaa' },
    1: { ...H100, uuid: 'GPU-bbbb' },
  });
  return {
    ...context,
    nvml: { nvml },
    profile: { ...context.profile, devices: [gpu('GPU-aaaa'), gpu('GPU-bbbb')] },
    roofs: { forDevice: (id) => (id === 'GPU-aaaa' ? ROOFS : SLOWER), absenceReason: () => '' },
  };
}

describe('a trial on two GPUs', () => {
  test.skipIf(!canSimulateGpus)(
    'has percent of the roofs of both, and their energy and memory together (needs gcc, and no CUDA backend in node_modules)',
    { timeout: 120_000 },
    async () => {
      installSimulatedGpus();
      const options = runnerNamed('llama-cpp')!.options.parse({ gpus: 2, threads: 1 }) as Options;
      const point = lease({
        model: { name: 'small', source: 'builtin:small', digest: null, facts: null },
        runner: { kind: 'llama-cpp', options },
        measure: { ...QUICK, energyWindows: 1 },
        device: 'cuda:h100',
      });
      const node = await nodeOfTwo();
      const held = { ...point, deviceId: 'GPU-aaaa', otherDeviceIds: ['GPU-bbbb'] };
      const record = await startTrial(held, node).done;
      expect(record.failure).toBeNull();
      const kept = resultSchema.parse(JSON.parse(JSON.stringify(record)));
      expect(recompute(kept)).toEqual(kept);

      const { environment, given, roofline, measurements } = kept;
      // 60 and 20 GiB are free: of 8 layers and the output, those before 3/4 of all are on the first.
      expect(environment).toMatchObject({
        engineDevice: 'Simulated GPU 0 + Simulated GPU 1',
        deviceShares: '0.75/0.25',
      });
      // llama.cpp says that micro-batches overlap, for it asks that of no CPU, which these are.
      expect(given!.roofline!.stages).toEqual({ layers: [7, 1], overlaps: true });
      expect(roofline!.stages).toEqual([
        { ceilings: { origin: 'measured', id: ROOFS.id, name: 'simulated GPU-aaaa' }, layers: 7 },
        { ceilings: { origin: 'measured', id: SLOWER.id, name: 'simulated GPU-bbbb' }, layers: 1 },
      ]);
      for (const name of ['prefillRoofRatio', 'decodeRoofRatio'])
        expect(isPresent(measurements[name]) && measurements[name].value).toBeGreaterThan(0);
      // Each draws 350 W and has 3 GiB in use.
      expect(measurements.averagePowerWatts).toMatchObject({ value: expect.closeTo(700, -2) });
      expect(measurements.deviceMemoryPeakBytes).toMatchObject({ value: 6 * 2 ** 30 });
    },
  );

  test.skipIf(!canSimulateGpus || kernelsLibrary() === null)(
    'is calibrated on both, or on the CPU with the reason (needs gcc, the native kernels, and no CUDA backend in node_modules)',
    { timeout: 120_000 },
    async () => {
      installSimulatedGpus();
      const options = runnerNamed('llama-cpp')!.options.parse({ gpus: 2, threads: 1 }) as Options;
      const calibratedOn = async (drives: readonly string[]) => {
        // Whose energy is nobody's concern here, and takes time.
        const node = { ...(await nodeOfTwo()), nvml: { reason: 'not asked' } };
        const runners = node.profile.runners.map((runner) => ({ ...runner, devices: drives }));
        const sparsity = 'wanda:50%?order=dense&outputError=false&sequences=2&tokens=64';
        const point = lease({
          technique: { ...UNCHANGED, sparsity },
          runner: { kind: 'llama-cpp', options },
          device: 'cuda:h100',
        });
        const held = { ...point, deviceId: 'GPU-aaaa', otherDeviceIds: ['GPU-bbbb'] };
        const record = await startTrial(held, { ...node, profile: { ...node.profile, runners } }).done;
        expect(record.failure).toBeNull();
        const { computedOn, computedOnReason } = record.artifact!.steps[0]!.facts;
        return [computedOn, computedOnReason];
      };
      const both = 'Simulated GPU 0 + Simulated GPU 1';
      expect(await calibratedOn(['cpu', 'cuda'])).toEqual([both, undefined]);
      expect(await calibratedOn(['cpu'])).toEqual(['cpu', 'the node’s llama-cpp does not drive cuda']);
    },
  );
});

describe('a trial over RPC servers', () => {
  const over = async (rpcServers: string, rpc: NodeEngines['rpc']) => {
    const options = runnerNamed('llama-cpp')!.options.parse({ rpcServers, threads: 1 }) as Options;
    const node = { ...trialContext({ limits: { idleSeconds: 0 } }), engines: { ...NO_ENGINES, rpc } };
    return await startTrial(lease({ runner: { kind: 'llama-cpp', options } }), node).done;
  };

  test('fails in a sentence where the node names none, or has no library', async () => {
    const unnamed = await over('desk', { servers: {} });
    expect(unnamed.failure).toMatchObject({
      code: 'device-missing',
      message: 'the node’s configuration names no RPC server desk',
    });
    const without = await over('desk', { library: '/no/such.so', servers: { desk: '127.0.0.1:1' } });
    expect(without.failure).toMatchObject({
      code: 'engine-missing',
      message: 'there is no file /no/such.so',
    });
    expect(without.absent.energy).toBe(
      'a part of the model was on RPC servers (desk), whose energy this node does not measure',
    );
  });
});
