import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { probeNode } from '../../agent/probe.js';
import { startTrial } from '../../agent/trial/start.js';
import type { Experiment, Options } from '../../core/experiment/experiment.js';
import { orElse } from '../../core/or-else.js';
import { runnerNamed } from '../../core/runners/index.js';
import { NO_ENGINES } from '../../engines/config.js';
import { descendantsOf } from '../../process/isolation/processes.js';
import { load, modelPath, prompt, rootMeanSquare } from '../models/loading.js';
import { lease, trialContext } from '../support/bench.js';
import { compileTo, hasGcc } from '../support/c-stub.js';
import { temporaryFolder } from '../support/folder.js';
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
async function tried(
  options: Options,
  changes: Partial<Experiment> = {},
  onProgress: Parameters<typeof startTrial>[2] = () => {},
) {
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
  return startTrial({ ...point, deviceId: 'Vulkan0' }, node, onProgress);
}

/** Whether a process has the driver loaded. */
const usesTheDriver = (pid: number) =>
  orElse(() => readFileSync(`/proc/${pid}/maps`, 'utf8').includes('libvulkan_lvp'), false);

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

describe.skipIf(!hasSoftwareVulkan || !hasGcc)(`when the device fails ${NEEDS}, and gcc`, () => {
  beforeEach(() => {
    const { LD_LIBRARY_PATH = '' } = softwareVulkan();
    const folder = temporaryFolder();
    compileTo(join(folder, 'libvulkan.so.1'), 'vulkan-failing-stub');
    vi.stubEnv('RIDGEPOINT_VULKAN_LOADER', join(LD_LIBRARY_PATH, 'libvulkan.so.1'));
    vi.stubEnv('LD_LIBRARY_PATH', `${folder}:${LD_LIBRARY_PATH}`);
  });

  test('a model that finds no memory there fails in one sentence', async () => {
    vi.stubEnv('RIDGEPOINT_VULKAN_BYTES', '100000');
    const { failure } = await (await tried({ threads: 1 })).done;
    expect(failure).toMatchObject({ code: 'does-not-fit', signal: null });
    expect(failure!.message).toMatch(/^llama\.cpp cannot load \S+, .*unable to allocate Vulkan0 buffer\.$/);
    expect(failure!.hint).toMatch(/device with more memory\.$/);
  });

  test('a device that is lost ends its trial with the driver’s words, and not the agent', async () => {
    vi.stubEnv('RIDGEPOINT_VULKAN_SUBMITS', '12');
    const { failure } = await (await tried({ threads: 1 })).done;
    expect(failure).toMatchObject({ code: 'crashed', signal: 'SIGABRT' });
    expect(failure!.message).toBe('the trial was killed by SIGABRT: vk::Queue::submit: ErrorDeviceLost');
    expect(descendantsOf(process.pid)).toEqual([]);
  });
});

test.skipIf(!hasSoftwareVulkan)(
  `a trial that is killed in the middle leaves no process, and the device takes the next ${NEEDS}`,
  async () => {
    const long = { kind: 'latency', options: { ...FEW, generateTokens: 100 } };
    const phases: string[] = [];
    const killed = await tried({ threads: 1 }, { workload: long }, ({ phase }) => phases.push(phase));
    await vi.waitUntil(() => phases.includes('decode'), { timeout: 120_000 });
    const computing = descendantsOf(process.pid).filter(usesTheDriver);
    expect(computing).toHaveLength(1);
    process.kill(computing[0]!, 'SIGKILL');
    expect((await killed.done).failure).toMatchObject({ signal: 'SIGKILL' });
    expect(descendantsOf(process.pid)).toEqual([]);
    expect((await (await tried({ threads: 1 })).done).failure).toBeNull();
  },
);
