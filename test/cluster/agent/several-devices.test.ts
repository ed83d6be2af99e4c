import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { enginePackageOf, fetchedFolder, findEngine, partFolder } from '../../../agent/native/packages.js';
import type { TrialContext } from '../../../agent/trial/context.js';
import { startTrial } from '../../../agent/trial/start.js';
import type { Options } from '../../../core/experiment/experiment.js';
import { isPresent, resultSchema } from '../../../core/result/result.js';
import type { RecordRoofs } from '../../../core/result/roofs-record.js';
import { runnerNamed } from '../../../core/runners/index.js';
import { recompute } from '../../../roofline/judge.js';
import { lease, temporaryFolder, trialContext } from '../../support/bench.js';
import { compileStub, hasGcc } from '../../support/c-stub.js';
import { buildNvmlStub, forgetStub, H100, openScripted } from '../../support/nvml-stub.js';
import { ROOFS } from '../../support/roofline.js';

/** The cache folder that the engine's parts are looked for in. */
const cacheBefore = process.env.XDG_CACHE_HOME;
afterEach(() => {
  forgetStub();
  if (cacheBefore === undefined) delete process.env.XDG_CACHE_HOME;
  else process.env.XDG_CACHE_HOME = cacheBefore;
});

/** Puts our backend where `ridge engines install cuda` puts the engine's. */
function installSimulatedGpus(): void {
  const { folder } = findEngine();
  const engine = ['libggml.v0.4.0.so', 'libggml-base.so'].map((name) => join(folder, name));
  const library = compileStub('ggml-gpus-stub', '-Wl,--no-as-needed', ...engine);
  process.env.XDG_CACHE_HOME = temporaryFolder();
  const place = join(fetchedFolder(enginePackageOf('cuda')), 'bins/linux-x64-cuda');
  mkdirSync(place, { recursive: true });
  copyFileSync(library, join(place, 'libggml-cuda.so'));
}

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
    roofs: { of: (id) => (id === 'GPU-aaaa' ? ROOFS : SLOWER), absent: () => '' },
  };
}

const there = process.platform === 'linux' && process.arch === 'x64' && partFolder('cuda') === null;

describe('a trial on two GPUs', () => {
  test.skipIf(!hasGcc || !there)(
    'has percent of the roofs of both, and their energy and memory together (needs gcc, and no CUDA backend in node_modules)',
    { timeout: 120_000 },
    async () => {
      installSimulatedGpus();
      const options = runnerNamed('llama-cpp')!.options.parse({ gpus: 2, threads: 1 }) as Options;
      const point = lease({
        model: { name: 'small', source: 'builtin:small', digest: null, facts: null },
        runner: { kind: 'llama-cpp', options },
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
      expect(measurements.averagePowerWatts).toMatchObject({ value: expect.closeTo(700, -1) });
      expect(measurements.deviceMemoryPeakBytes).toMatchObject({ value: 6 * 2 ** 30 });
    },
  );
});

describe('a trial over RPC servers', () => {
  const over = async (rpcServers: string, rpc: TrialContext['rpc']) => {
    const options = runnerNamed('llama-cpp')!.options.parse({ rpcServers, threads: 1 }) as Options;
    const node = { ...trialContext({ limits: { idleSeconds: 0 } }), rpc };
    return await startTrial(lease({ runner: { kind: 'llama-cpp', options } }), node).done;
  };

  test('fails in a sentence where the node names none, or has no library', { timeout: 60_000 }, async () => {
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
