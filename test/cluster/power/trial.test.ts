import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { type RunningHelper, startHelper } from '../../../agent/power/server.js';
import { findSettable } from '../../../agent/power/settable.js';
import { startTrial } from '../../../agent/trial/start.js';
import type { Experiment } from '../../../core/experiment/experiment.js';
import type { DeviceProfile } from '../../../core/experiment/node.js';
import { resultSchema } from '../../../core/result/result.js';
import { readCpu } from '../../../process/device/cpu.js';
import { lease, trialContext } from '../../support/bench.js';
import { LONG, powerTree, SHORT } from '../../support/power-tree.js';

const running: RunningHelper[] = [];
afterEach(() => {
  for (const helper of running.splice(0)) helper.stop();
});

async function helperOf(root: string): Promise<RunningHelper> {
  const helper = await startHelper({
    folder: mkdtempSync(join(tmpdir(), 'ridgepoint-power-')),
    groupId: null,
    machine: { sysRoot: root, nvml: { found: false, reason: 'no NVIDIA driver' }, restingClocks: null },
    log: () => {},
  });
  running.push(helper);
  return helper;
}

/** Every CPU of this machine lies on package 0. */
const wholeTree = () => powerTree(Math.max(...readCpu().allowed) + 1);
const capped: Partial<Experiment> = { settings: { powerCapWatts: 100, lockedClockHertz: null } };

async function run(socket: string | null, meanwhile = () => {}, changes = capped) {
  const on = { ...trialContext(), powerSocket: socket };
  const record = await startTrial(lease(changes), on, meanwhile).done;
  return resultSchema.parse(JSON.parse(JSON.stringify(record)));
}
const codes = (record: { warnings: readonly { code: string }[] }) => record.warnings.map(({ code }) => code);

describe('a trial whose sweep sets a power cap', () => {
  test('runs under it, says what was set and read back, and leaves the machine as it was', async () => {
    const tree = wholeTree();
    const during: number[] = [];
    const { socketPath } = await helperOf(tree.root);
    const record = await run(socketPath, () => during.push(tree.read(LONG)));
    expect(record.status).toBe('complete');
    expect(new Set(during)).toEqual(new Set([100_000_000]));
    expect(record.settings).toEqual([
      {
        name: 'powerCapWatts',
        part: 'package-0',
        found: 205,
        set: 100,
        readBack: 100,
        atEnd: 100,
        restored: true,
      },
    ]);
    expect(record.experiment.settings).toEqual(capped.settings);
    expect(codes(record)).not.toContain('setting-not-held');
    expect([tree.read(LONG), tree.read(SHORT)]).toEqual([205_000_000, 246_000_000]);
  });

  test('is invalid when somebody else changed the limit meanwhile, and the limit goes back to what was found', async () => {
    const tree = wholeTree();
    const { socketPath } = await helperOf(tree.root);
    const record = await run(socketPath, () => tree.write(LONG, 150_000_000));
    expect(record.valid).toBe(false);
    expect(record.warnings).toContainEqual(
      expect.objectContaining({
        code: 'setting-not-held',
        message: 'powerCapWatts of package-0 was 100 at the start of the trial and 150 at its end',
      }),
    );
    expect(tree.read(LONG)).toBe(205_000_000);
  });

  test('is invalid when the helper went away meanwhile', async () => {
    const tree = wholeTree();
    const helper = await helperOf(tree.root);
    const record = await run(helper.socketPath, () => helper.stop());
    expect(record.valid).toBe(false);
    expect(record.warnings.find(({ code }) => code === 'setting-not-held')?.message).toContain('went away');
    expect(tree.read(LONG)).toBe(205_000_000);
  });

  test('that fails leaves the machine as it was', async () => {
    const tree = wholeTree();
    const { socketPath } = await helperOf(tree.root);
    const crash = { ...capped, runner: { kind: 'fake', options: { fakeFailure: 'crash' } } };
    const record = await run(socketPath, undefined, crash);
    expect(record.failure?.code).toBe('crashed');
    expect(record.settings).toEqual([expect.objectContaining({ set: 100, restored: true })]);
    expect(tree.read(LONG)).toBe(205_000_000);
  });

  test('fails with the reason where it cannot be set, and nothing runs', async () => {
    expect((await run(null)).failure).toMatchObject({
      code: 'setting-failed',
      message: 'nothing can be set on cpu0: the node has no power helper',
    });
    const tree = wholeTree();
    tree.write(LONG, 60_000_000);
    const { failure, phases } = await run((await helperOf(tree.root)).socketPath);
    expect(failure).toMatchObject({
      code: 'setting-failed',
      message: expect.stringContaining('can be 6 to 60'),
    });
    expect(phases).toEqual([]);
  });

  test('that asks for nothing never dials the helper', async () => {
    const record = await run('/nowhere/socket', undefined, {});
    expect(record.status).toBe('complete');
    expect(record).not.toHaveProperty('settings');
  });
});

describe('what a node says can be set', () => {
  const device = (id: string, cpus: number[], classes = ['cpu']): DeviceProfile => ({
    id,
    cpus,
    classes,
    name: id,
    memoryBytes: 1,
  });
  const of = async (devices: DeviceProfile[]) =>
    findSettable((await helperOf(powerTree().root)).socketPath, devices, 0);

  test('is a range of each device', async () => {
    const gpu = device('GPU-aaaa', [0, 1], ['cuda', 'cuda:h100']);
    expect(await of([device('cpu0', [0, 1, 2, 3]), gpu, device('metal0', [0], ['metal'])])).toEqual({
      cpu0: { powerCapWatts: { least: 21, most: 205 }, lockedClockHertz: { least: 8e8, most: 3.6e9 } },
      'GPU-aaaa': { powerCapWatts: 'no NVIDIA driver', lockedClockHertz: 'no NVIDIA driver' },
      metal0: {
        powerCapWatts: 'the power helper sets CPUs and whole NVIDIA GPUs',
        lockedClockHertz: 'the power helper sets CPUs and whole NVIDIA GPUs',
      },
    });
  });

  test('leaves out what would change the trials of another device', async () => {
    const { cpu0, cpu1 } = await of([device('cpu0', [0]), device('cpu1', [1, 2, 3])]);
    expect(cpu0).toEqual({
      powerCapWatts: 'it would also set package-0 for cpu1, which shares them',
      lockedClockHertz: { least: 8e8, most: 3.6e9 },
    });
    expect(cpu1?.powerCapWatts).toBe('it would also set package-0, package-1 for cpu0, which shares them');
    const apart = await of([device('cpu0', [0, 1]), device('cpu1', [2, 3])]);
    expect(apart.cpu1?.powerCapWatts).toEqual({ least: 21, most: 205 });
  });

  test('without a helper is its reason', async () => {
    const found = await findSettable('/nowhere/socket', [device('cpu0', [0])], 0);
    expect(found.cpu0?.powerCapWatts).toContain('no power helper answers at /nowhere/socket');
  });
});
