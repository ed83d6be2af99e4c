import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { type AgentConfig, loadAgentConfig } from '../../agent/config.js';
import { type RunningAgent, startAgent } from '../../agent/main.js';
import { descendantsOf } from '../../process/isolation/processes.js';
import { findStartTools } from '../../process/isolation/start-tools.js';
import { parseNodeProfile } from '../../proto/convert.js';
import { lease } from '../support/bench.js';
import { temporaryFolder } from '../support/folder.js';
import { startFakeAgent } from '../support/ridge.js';
import { ScriptedCoordinator } from '../support/scripted-coordinator.js';
import { TimedAgent } from '../support/timed-agents.js';
import { sampleRoofs } from '../unit/roofs/sample.js';

const coordinators: ScriptedCoordinator[] = [];
const agents: RunningAgent[] = [];

afterEach(async () => {
  await Promise.all(agents.splice(0).map((agent) => agent.stopNow()));
  await Promise.all(coordinators.splice(0).map((coordinator) => coordinator.crash()));
});

async function coordinator(): Promise<{ script: ScriptedCoordinator; address: string }> {
  const script = new ScriptedCoordinator();
  coordinators.push(script);
  return { script, address: await script.start() };
}

function config(address: string, stateFolder = temporaryFolder()): AgentConfig {
  return loadAgentConfig({
    env: {},
    overrides: {
      nodeName: 'node1',
      coordinator: address,
      stateFolder,
      cacheFolder: temporaryFolder(),
      runners: ['fake'],
      roofs: 'off',
      logLevel: 'silent',
    },
  });
}

async function agent(settings: AgentConfig): Promise<RunningAgent> {
  const running = await startAgent(settings);
  agents.push(running);
  return running;
}

const fake = (options: Record<string, string | number>) => ({ runner: { kind: 'fake', options } });
const spoolOf = (settings: AgentConfig) => join(settings.stateFolder, 'spool', 'node1');
const waiting = { timeout: 60_000, interval: 20 };

/**
 * Waits for the records of trials that run one after another, for each as long as for one: together they take
 * as many times that.
 */
async function recorded(script: ScriptedCoordinator, count: number): Promise<void> {
  for (let n = 1; n <= count; n++)
    await expect.poll(() => script.records.length, waiting).toBeGreaterThanOrEqual(n);
}

describe('an agent', () => {
  test('introduces itself, runs what it is leased and is free for more', async () => {
    const { script, address } = await coordinator();
    script.leases.push(
      lease(fake({}), 'a'),
      lease(fake({ fakeFailure: 'abort' }), 'b'),
      lease(fake({}), 'c'),
    );
    const settings = config(address);
    const running = await agent(settings);
    expect(running.profile.runners.map(({ kind }) => kind)).toEqual(['fake']);
    await recorded(script, 3);
    expect(script.records.map((record) => [record.trialId, record.status])).toEqual([
      ['a', 'complete'],
      ['b', 'failed'],
      ['c', 'complete'],
    ]);
    await expect.poll(() => readdirSync(spoolOf(settings)), waiting).toEqual([]);
    expect(script.of('progress').length).toBeGreaterThan(0);
  });

  test('reports and asks for more in one message', async () => {
    const { script, address } = await coordinator();
    script.leases.push(lease(fake({}), 'a'), lease(fake({}), 'b'));
    await agent(config(address));
    await recorded(script, 2);
    const together = script.together.map((messages) => messages.map(({ $case }) => $case));
    expect(together.filter((cases) => cases.includes('result'))).toEqual([
      ['result', 'leaseRequest'],
      ['result', 'leaseRequest'],
    ]);
  });

  test('that holds asks for nothing, and tells its profile anew in another conversation when it has changed', async () => {
    const { script, address } = await coordinator();
    const timed = await TimedAgent.start('node1', address, 1);
    onTestFinished(() => timed.stop());
    const { session } = timed;
    await expect.poll(() => script.of('leaseRequest').length, waiting).toBe(1);
    void session.hold('measuring');
    await expect.poll(() => script.of('heartbeat').at(-1)?.state, waiting).toBe('measuring');
    session.goOn(false);
    await expect.poll(() => script.of('leaseRequest').length, waiting).toBe(2);
    void session.hold('looking');
    session.goOn(true);
    await expect.poll(() => script.of('leaseRequest').length, waiting).toBe(3);
    const [first, second] = script.hellos;
    expect(script.hellos).toHaveLength(2);
    expect(second).toMatchObject({ instance: first?.instance, stream: 2 });
  });

  test('that is to end when all is done works off what there is, and leaves by itself', async () => {
    const { script, address } = await coordinator();
    script.leases.push(lease(fake({}), 'a'), lease(fake({}), 'b'));
    const running = await agent({ ...config(address), untilDone: true });
    await running.done;
    expect(script.records.map(({ trialId }) => trialId)).toEqual(['a', 'b']);
    expect(script.of('leaving')).toEqual([{ returnedTrialIds: [], reason: 'everything is done' }]);
  });

  test('that has nothing to do for as long as it may leaves, though no coordinator answers', async () => {
    const { address } = await coordinator();
    await coordinators.pop()?.crash();
    const running = await agent({ ...config(address), mostIdleSeconds: 0.1 });
    await running.done;
  });

  test('whose processes somebody ends while it leaves gives the trial back, which has not failed', async () => {
    const { script, address } = await coordinator();
    script.leases.push(lease(fake({ fakeDecodeTokensPerSecond: 1 }), 'a'));
    const running = await agent(config(address));
    await expect.poll(() => script.of('progress').length, waiting).toBeGreaterThan(0);
    const left = running.drain('the allocation ends');
    for (const pid of descendantsOf(process.pid)) process.kill(pid, 'SIGTERM');
    await left;
    expect(script.records).toEqual([]);
    expect(script.of('leaving')).toMatchObject([{ returnedTrialIds: ['a'] }]);
  });

  test('finds a coordinator that has moved, where it is told to look', async () => {
    const [old, next] = [await coordinator(), await coordinator()];
    let { address } = old;
    const endpoint = () => ({ address, security: { kind: 'plaintext' as const } });
    await agent({ ...config(address), endpoint });
    await expect.poll(() => old.script.hellos.length, waiting).toBe(1);
    address = next.address;
    await old.script.crash();
    await expect.poll(() => next.script.hellos.length, waiting).toBe(1);
  });

  test('holds a result until it is acknowledged, over a restart of the agent too', async () => {
    const { script, address } = await coordinator();
    script.acknowledges = false;
    script.leases.push(lease(fake({}), 'a'));
    const settings = config(address);
    const first = await agent(settings);
    await expect.poll(() => script.records.length, waiting).toBe(1);
    expect(readdirSync(spoolOf(settings))).toEqual(['a.json']);
    // A file that was half written once must not stand in the way.
    writeFileSync(join(spoolOf(settings), 'broken.json'), '{"schema":');
    await script.crash();
    await first.stopNow();

    script.acknowledges = true;
    await script.start(address);
    await agent(settings);
    await expect.poll(() => script.records.length, waiting).toBe(2);
    expect(script.records[1]).toEqual(script.records[0]);
    await expect.poll(() => readdirSync(spoolOf(settings)), waiting).toEqual(['broken.json.unreadable']);
    expect(script.hellos[1]?.instance).not.toBe(script.hellos[0]?.instance);
  });

  test('goes on with its trial while the coordinator is away, and reports when it is back', async () => {
    const { script, address } = await coordinator();
    script.leases.push(lease(fake({ fakeDecodeTokensPerSecond: 10 }), 'slow'));
    await agent(config(address));
    await expect.poll(() => script.of('progress').length, waiting).toBeGreaterThan(0);
    await script.crash();
    await script.start(address);
    await expect.poll(() => script.hellos.length, waiting).toBe(2);
    expect(script.hellos[1]).toMatchObject({
      runningTrialIds: ['slow'],
      instance: script.hellos[0]?.instance,
    });
    await expect.poll(() => script.records.map(({ status }) => status), waiting).toEqual(['complete']);
    expect(script.of('heartbeat').some(({ trialIds }) => trialIds.includes('slow'))).toBe(true);
  });

  test('says which roofs it has, and every record carries them', async () => {
    const { script, address } = await coordinator();
    script.leases.push(lease(fake({}), 'a'));
    const file = join(temporaryFolder(), 'roofs.json');
    writeFileSync(file, JSON.stringify(sampleRoofs()));
    await agent({ ...config(address), roofs: file });
    await expect.poll(() => script.records.length, waiting).toBe(1);
    const { roofs, absent } = script.records[0]!;
    expect(roofs?.bandwidth).toHaveLength(6);
    expect(absent.roofs).toBeUndefined();
    const profile = parseNodeProfile(script.hellos[0]!.nodeProfileJson);
    expect(profile.roofs?.cpu0).toEqual({ id: roofs?.id, measuredAt: roofs?.measuredAt, caveats: 0 });
  });

  test('asks for no work while its roofs are measured, and stops that when it is stopped', async () => {
    const { script, address } = await coordinator();
    script.leases.push(lease(fake({}), 'a'));
    const settings = { ...config(address), roofs: 'auto' };
    const running = await agent(settings);
    await running.stop();
    expect(script.hellos).toEqual([]);
    // They would be there if it had gone on to the end.
    expect(existsSync(settings.roofsFolder)).toBe(false);
  });

  test('stops a trial that is not wanted any more', async () => {
    const { script, address } = await coordinator();
    script.leases.push(lease(fake({ fakeDecodeTokensPerSecond: 20 }), 'a'));
    await agent(config(address));
    await expect.poll(() => script.of('progress').length, waiting).toBeGreaterThan(0);
    await script.say({ $case: 'stopTrial', value: { trialId: 'a', reason: 'the sweep was cancelled' } });
    await expect.poll(() => script.records[0]?.failure?.code, waiting).toBe('cancelled');
  });

  test('drains: finishes what runs, takes nothing new, says goodbye', async () => {
    const { script, address } = await coordinator();
    script.leases.push(lease(fake({ fakeDecodeTokensPerSecond: 20 }), 'a'), lease(fake({}), 'b'));
    const running = await agent(config(address));
    await expect.poll(() => script.of('progress').length, waiting).toBeGreaterThan(0);
    await script.say({ $case: 'drain', value: { reason: 'maintenance' } });
    await running.done;
    expect(script.records.map(({ trialId }) => trialId)).toEqual(['a']);
    expect(script.leases.map(({ trialId }) => trialId)).toEqual(['b']);
    expect(script.of('leaving')).toEqual([{ returnedTrialIds: [], reason: 'maintenance' }]);
  });

  test('gives back what it did not finish when it is stopped at once', async () => {
    const { script, address } = await coordinator();
    script.leases.push(lease(fake({ fakeFailure: 'hang' }), 'a'));
    const running = await agent(config(address));
    await expect.poll(() => script.of('heartbeat').at(-1)?.trialIds, waiting).toEqual(['a']);
    await running.stopNow();
    expect(script.of('leaving')).toMatchObject([{ returnedTrialIds: ['a'] }]);
    expect(script.records).toEqual([]);
  });

  const setpriv = findStartTools().setpriv !== null;
  test.skipIf(!setpriv)('that is killed leaves no orphan, even one that hangs (needs setpriv)', async () => {
    const { script, address } = await coordinator();
    script.leases.push(lease(fake({ fakeFailure: 'hang' }), 'a'));
    const { process: child, ended } = startFakeAgent(address, temporaryFolder());
    await expect.poll(() => script.of('heartbeat').at(-1)?.trialIds, waiting).toEqual(['a']);
    await expect.poll(() => workersOf(child.pid!).length, waiting).toBe(1);
    const [worker] = workersOf(child.pid!);
    child.kill('SIGKILL');
    await ended;
    await expect.poll(() => existsSync(`/proc/${worker}/exe`), waiting).toBe(false);
  });

  test('shows itself to Prometheus, and is ready only while a coordinator answers', async () => {
    const { script, address } = await coordinator();
    const running = await agent({ ...config(address), exporter: { host: '127.0.0.1', port: 0 } });
    const get = (path: string) => fetch(`${running.exporterUrl}${path}`);
    await expect.poll(async () => (await get('/readyz')).status, waiting).toBe(200);
    expect((await get('/healthz')).status).toBe(200);
    const text = await (await get('/metrics')).text();
    expect(text).toMatch(/^ridgepoint_agent_connected\{node="node1"\} 1$/m);
    expect(text).toMatch(/^ridgepoint_agent_spooled_results\{node="node1"\} 0$/m);
    expect(text).toMatch(/^ridgepoint_node_info\{node="node1",/m);
    await script.crash();
    await expect.poll(async () => (await get('/readyz')).status, waiting).toBe(503);
  });
});

function workersOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
        const ppid = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
        return ppid === parent && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('worker.js');
      } catch {
        return false;
      }
    });
}
