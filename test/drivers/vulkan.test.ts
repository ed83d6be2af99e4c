import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { probeNode } from '../../agent/probe.js';
import { startTrial } from '../../agent/trial/start.js';
import type { Experiment, Options } from '../../core/experiment/experiment.js';
import { runnerNamed } from '../../core/runners/index.js';
import { NO_ENGINES } from '../../engines/config.js';
import { load, modelPath, prompt, rootMeanSquare } from '../models/loading.js';
import { lease, trialContext } from '../support/bench.js';
import { ROOT } from '../support/ridge.js';
import { hasSoftwareVulkan, showSoftwareVulkan, softwareVulkan } from '../support/software-vulkan.js';

const NEEDS = '(needs scripts/install-software-vulkan.sh)';
const METERS = { energy: 'none', replayFile: null, procRoot: '/proc', sysRoot: '/sys' } as const;

/** The devices of this machine that are no CPUs, and what the runner drives. */
async function probed(softwareDevices: boolean) {
  const engines = { ...NO_ENGINES, softwareDevices };
  const asked = { nodeName: 'n', labels: {}, cpuGroups: [], meters: METERS, engines };
  const { profile } = await probeNode({ ...asked, gpus: [], runnerKinds: ['llama-cpp'] });
  return profile;
}

/** A few tokens: each takes the driver some milliseconds, on a busy machine many more. */
const FEW = { promptTokens: 4, generateTokens: 2, parallel: 1, contextDepth: 0 };

/** A trial of the shipped model on the software device. */
async function tried(options: Options, changes: Partial<Experiment> = {}, deviceIds = ['Vulkan0']) {
  const { devices, runners } = await probed(true);
  const context = trialContext({ limits: { idleSeconds: 0, trialTimeoutSeconds: 170 } });
  const node = { ...context, profile: { ...context.profile, devices, runners } };
  const runner = { kind: 'llama-cpp', options: runnerNamed('llama-cpp')!.options.parse(options) as Options };
  const point = lease({
    runner,
    device: 'vulkan:software',
    workload: { kind: 'latency', options: FEW },
    ...changes,
  });
  const [deviceId = '', ...otherDeviceIds] = deviceIds;
  return startTrial({ ...point, deviceId, otherDeviceIds }, node);
}

beforeEach(() => {
  if (hasSoftwareVulkan) showSoftwareVulkan();
});
afterEach(() => vi.unstubAllEnvs());

describe.skipIf(!hasSoftwareVulkan)(`a device that a driver computes on the CPU ${NEEDS}`, () => {
  test('counts where the configuration says so, under a class that no GPU has', async () => {
    const ofGpus = (profile: Awaited<ReturnType<typeof probed>>) =>
      profile.devices.filter(({ classes }) => classes.some((name) => name.startsWith('vulkan')));
    const software = {
      classes: ['vulkan:software'],
      name: expect.stringMatching(/^llvmpipe/),
      memoryBytes: expect.any(Number),
    };
    const allowed = await probed(true);
    expect(ofGpus(allowed)).toMatchObject([{ id: 'Vulkan0', ...software }]);
    expect(ofGpus(allowed)[0]!.memoryBytes).toBeGreaterThan(0);
    expect(allowed.runners).toMatchObject([{ devices: ['cpu', 'vulkan'] }]);
    expect(ofGpus(await probed(false))).toEqual([]);
    showSoftwareVulkan(2);
    expect(ofGpus(await probed(true)).map(({ id }) => id)).toEqual(['Vulkan0', 'Vulkan1']);
  });

  test('has a row with its name, and with reasons for what it has no source of', async () => {
    const record = await (await tried({ threads: 1 })).done;
    expect(record.failure).toBeNull();
    expect(record.device).toMatchObject({ id: 'Vulkan0', class: 'vulkan:software' });
    expect(record.environment.engineDevice).toMatch(/^llvmpipe/);
    expect(record.measurements.decodeTokensPerSecond).toMatchObject({ value: expect.any(Number) });
    for (const name of ['deviceMemoryPeakBytes', 'averagePowerWatts', 'decodeRoofRatio'])
      expect(record.measurements[name], name).toMatchObject({
        value: null,
        reason: expect.stringMatching(/\w/),
      });
    expect(record.measurements.peakResidentBytes).toMatchObject({ value: expect.any(Number) });
  });

  test('computes what a CPU does, with no, half or all layers offloaded, and split over two', async () => {
    const tokens = prompt(16, 7);
    const ways = [
      { devices: ['Vulkan0'], options: { gpuLayers: 0 } },
      { devices: ['Vulkan0'], options: { gpuLayers: 1 } },
      { devices: ['Vulkan0'], options: {} },
      { devices: ['Vulkan0', 'Vulkan1'], options: { gpus: 2 } },
    ];
    const asked = JSON.stringify({ modelPath: modelPath('tiny'), tokens: [...tokens], ways });
    const script = join(ROOT, 'test/fixtures/vulkan-logits.mjs');
    const env = { ...process.env, ...softwareVulkan(2) };
    const found = JSON.parse(execFileSync(process.execPath, [script, asked], { encoding: 'utf8', env }));
    const onCpu = await load('tiny', {}, { contextTokens: 64 });
    onCpu.prefill([tokens]);
    const expected = onCpu.logits(0);
    onCpu.close();
    // Products are summed in another order, some of them in 16 bits.
    for (const { logits } of found)
      expect(rootMeanSquare(Float32Array.from(logits), expected)).toBeLessThan(0.01);
    expect(found.at(-1).engineDevice).toMatch(/^llvmpipe.* \+ llvmpipe/);
    expect(found.at(-1).deviceShares).toBe('0.5/0.5');
  });
});
