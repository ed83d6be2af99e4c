import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { loadAgentConfig } from '../../agent/config.js';
import { startAgent, type TrialEvent } from '../../agent/main.js';
import { PowerConnection } from '../../agent/power/client.js';
import { startCoordinator } from '../../coordinator/main.js';
import type { ResultRecord } from '../../core/result/result.js';
import { readCpu } from '../../process/device/cpu.js';
import { connectControl } from '../../proto/client.js';
import { compileTo, hasGcc } from '../support/c-stub.js';
import { temporaryFolder } from '../support/folder.js';
import { clockFile, LONG, powerTree, SHORT } from '../support/power-tree.js';
import { RIDGE, ROOT } from '../support/ridge.js';

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

async function program(words: readonly string[], said: string, env: Record<string, string> = {}) {
  const child = spawn(process.execPath, words, {
    cwd: ROOT,
    env: { ...process.env, NO_COLOR: '1', ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  children.push(child);
  let stderr = '';
  await new Promise<void>((resolve, reject) => {
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
      if (stderr.includes(said)) resolve();
    });
    child.once('exit', () => reject(new Error(`it ended without saying ${said}:\n${stderr}`)));
  });
  return { child, stderr: () => stderr };
}

const helper = (
  folder: string,
  sysRoot: string,
  more: readonly string[] = [],
  env: Record<string, string> = {},
) => program([RIDGE, 'power-helper', '--folder', folder, '--sys-root', sysRoot, ...more], 'listens at', env);
const client = (folder: string, target: object, watts: number | null, hertz: number | null) =>
  program(
    ['test/fixtures/power-client.mjs', JSON.stringify([join(folder, 'socket'), target, watts, hertz])],
    'set [',
  );

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const gone = once(child, 'exit');
  child.kill(signal);
  await gone;
}

describe('whoever is killed, a machine is as it was found', () => {
  const cpus = { cpus: [0, 1] };
  const before = [205_000_000, 246_000_000, 1_000_000, 3_600_000];

  test('the agent, the helper, the helper by a polite signal', async () => {
    const tree = powerTree();
    const now = () => [LONG, SHORT, clockFile(0, 'min'), clockFile(0, 'max')].map(tree.read);
    const folder = join(temporaryFolder(), 'run');
    const first = await helper(folder, tree.root);

    const agent = await client(folder, cpus, 100, 2e9);
    expect(now()).toEqual([1e8, 1e8, 2e6, 2e6]);
    await end(agent.child, 'SIGKILL');
    await vi.waitFor(() => expect(now()).toEqual(before), { timeout: 60_000 });

    await client(folder, cpus, 90, null);
    await end(first.child, 'SIGKILL');
    expect(now()).toEqual([9e7, 9e7, ...before.slice(2)]);
    expect(existsSync(join(folder, 'found.json'))).toBe(true);
    const second = await helper(folder, tree.root);
    expect(now()).toEqual(before);
    expect(second.stderr()).toContain('put back rapl:0');
    expect(existsSync(join(folder, 'found.json'))).toBe(false);

    await client(folder, cpus, 80, 1e9);
    await end(second.child, 'SIGTERM');
    expect(second.child.exitCode).toBe(0);
    expect(now()).toEqual(before);
  }, 30_000);
});

describe.skipIf(!hasGcc)('GPUs, through a stub of NVML whose settings outlast a process (needs gcc)', () => {
  test('are capped and locked within their limits, and put back, also by the next helper', async () => {
    const folder = temporaryFolder();
    const gpus = join(folder, 'gpus');
    const state = () => new Int32Array(new Uint8Array(readFileSync(gpus)).buffer);
    writeFileSync(gpus, new Uint8Array(Int32Array.of(650_000, 0, 0, 700_000, 1200, 1980).buffer));
    compileTo(join(folder, 'libnvidia-ml.so.1'), 'nvml-settings-stub');
    const env = { LD_LIBRARY_PATH: folder, NVML_STUB_GPUS: gpus };
    const run = join(folder, 'run');
    const tree = powerTree();
    const first = await helper(run, tree.root, [], env);
    expect(first.stderr()).toContain('GPUs: GPU-aaaa, GPU-bbbb');

    const connection = await PowerConnection.open(join(run, 'socket'), 0);
    const gpu = { gpu: 'GPU-aaaa' };
    const { seen } = await connection.ask({ do: 'look', target: gpu });
    expect(seen).toEqual([
      { name: 'powerCapWatts', part: 'GPU-aaaa', least: 200, most: 650, cpus: [] },
      { name: 'lockedClockHertz', part: 'GPU-aaaa', least: 345e6, most: 1980e6, cpus: [] },
    ]);
    const set = (powerCapWatts: number | null, lockedClockHertz: number | null) =>
      connection.ask({ do: 'set', target: gpu, powerCapWatts, lockedClockHertz });
    await expect(set(700, null)).rejects.toThrow('can be 200 to 650, not 700');
    await expect(set(null, 2e9)).rejects.toThrow('can be 345000000 to 1980000000');
    expect((await set(300, 1.403e9)).applied).toEqual([
      { name: 'powerCapWatts', part: 'GPU-aaaa', found: 650, set: 300, readBack: 300 },
      { name: 'lockedClockHertz', part: 'GPU-aaaa', found: null, set: 1410e6, readBack: null },
    ]);
    expect([...state()]).toEqual([300_000, 1410, 1410, 700_000, 1200, 1980]);

    await end(first.child, 'SIGKILL');
    const denied = await helper(run, tree.root, [], { ...env, NVML_STUB_DENIED: '1' });
    expect(denied.stderr()).toContain('gpu-power:GPU-aaaa is not put back');
    expect(denied.stderr()).toContain('the driver wants root');
    await end(denied.child, 'SIGTERM');
    expect([...state()].slice(0, 3)).toEqual([300_000, 1410, 1410]);
    const second = await helper(run, tree.root, ['--resting-clocks', '1200-1980'], env);
    expect([...state()]).toEqual([650_000, 0, 0, 700_000, 1200, 1980]);

    // Those that are locked while nobody measures are locked again: NVML could not have told.
    await client(run, { gpu: 'GPU-bbbb' }, null, 1.5e9);
    expect([...state()].slice(3)).toEqual([700_000, 1500, 1500]);
    await end(second.child, 'SIGTERM');
    expect([...state()].slice(3)).toEqual([700_000, 1200, 1980]);
  }, 30_000);
});

describe('a sweep over power caps', () => {
  test('runs each point under its cap; what no node can be set to fails with the reason', async () => {
    const tree = powerTree(Math.max(...readCpu().allowed) + 1);
    const folder = join(temporaryFolder(), 'run');
    await helper(folder, tree.root);
    const coordinator = await startCoordinator({
      grpcAddress: '127.0.0.1:0',
      metricsAddress: null,
      log: { kind: 'memory' },
      fixedFleet: true,
      drainSeconds: 0,
      logLevel: 'silent',
    });
    const overrides = {
      nodeName: 'node1',
      coordinator: coordinator.grpcAddress,
      stateFolder: temporaryFolder(),
      cacheFolder: temporaryFolder(),
      runners: ['fake'],
      roofs: 'off',
      power: { socket: join(folder, 'socket') },
      logLevel: 'silent' as const,
    };
    const agent = await startAgent(loadAgentConfig({ env: {}, overrides }));
    const control = connectControl({ address: coordinator.grpcAddress, security: { kind: 'plaintext' } });
    const records: ResultRecord[] = [];
    const limits = new Map<string, Set<number>>();
    agent.onTrial((event: TrialEvent) => {
      if (event.event === 'ended') records.push(event.record);
      if (event.event === 'progress') {
        const { id } = event.lease.experiment;
        limits.set(id, (limits.get(id) ?? new Set()).add(tree.read(LONG) / 1e6));
      }
    });
    try {
      const { sweepId } = await control.submitSweep({
        document: `
apiVersion: ridgepoint.dev/v1
kind: Sweep
metadata: { name: caps }
spec:
  models: "builtin:tiny"
  runners: [{ kind: fake }]
  workloads: [{ kind: latency, promptTokens: 8, generateTokens: 4 }]
  measure: { starts: 1, maxRepeats: 2, meters: off }
  device: { powerCapWatts: [null, 150, 100, 300] }
  placement: { driftControl: false, retries: 0 }
`,
        modelsJson: '',
        submitter: 'me',
        retryFailed: false,
      });
      await vi.waitFor(() => expect(records).toHaveLength(3), { timeout: 60_000, interval: 50 });
      const byCap = new Map(
        records.map((record) => [record.experiment.settings?.powerCapWatts ?? null, record]),
      );
      expect(byCap.get(null)).not.toHaveProperty('settings');
      for (const cap of [150, 100]) {
        const record = byCap.get(cap)!;
        expect(record.settings).toEqual([
          expect.objectContaining({ set: cap, readBack: cap, atEnd: cap, restored: true }),
        ]);
        expect(limits.get(record.experimentId)).toEqual(new Set([cap]));
      }
      expect(limits.get(byCap.get(null)!.experimentId)).toEqual(new Set([205]));
      await vi.waitFor(async () => {
        const { sweeps } = await control.listSweeps({});
        const status = sweeps.find((sweep) => sweep.sweepId === sweepId);
        expect(JSON.stringify(status)).toContain('can be set to 21 to 205 W');
      });
      expect(tree.read(LONG)).toBe(205_000_000);
    } finally {
      control.close();
      await agent.stopNow();
      await coordinator.stop('the test is over');
    }
  }, 60_000);
});
