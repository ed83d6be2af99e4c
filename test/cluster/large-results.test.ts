import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { loadAgentConfig } from '../../agent/config.js';
import { type RunningAgent, startAgent } from '../../agent/main.js';
import { Spool } from '../../agent/spool.js';
import { control, enter, start } from '../support/coordinator.js';
import { temporaryFolder } from '../support/folder.js';
import { ScriptedCoordinator } from '../support/scripted-coordinator.js';
import { fakeSweep, submission } from '../support/sweeps.js';
import { aLease, aNode, aRecord } from '../support/wire-records.js';

/*
 * A result that is too large is one failed trial: never the end of its agent, and never in the way of others.
 */

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** An agent whose spool holds five results, the third of them of more than a megabyte. */
async function agentWithSpool(
  script: ScriptedCoordinator,
): Promise<{ running: RunningAgent; spooled: string }> {
  const address = await script.start();
  closers.push(() => script.crash());
  const stateFolder = temporaryFolder();
  const spooled = join(stateFolder, 'spool', 'node1');
  const spool = await Spool.open(spooled, () => undefined);
  for (const id of ['a', 'b', 'c', 'd', 'e']) {
    const record = aRecord(aLease(id), aNode('node1'));
    await spool.put(id === 'c' ? { ...record, tokenSeconds: [Array(200_000).fill(0.0123)] } : record);
  }
  const config = loadAgentConfig({
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
  const running = await startAgent(config);
  closers.push(() => running.stopNow());
  return { running, spooled };
}

async function allArrive(script: ScriptedCoordinator, spooled: string, reason: RegExp): Promise<void> {
  await vi.waitFor(() => expect(readdirSync(spooled).filter((name) => name.endsWith('.json'))).toEqual([]), {
    timeout: 180_000,
    interval: 20,
  });
  const newest = new Map(script.records.map((record) => [record.trialId, record]));
  expect([...newest.keys()].sort()).toEqual(['a', 'b', 'c', 'd', 'e']);
  for (const id of ['a', 'b', 'd', 'e']) expect(newest.get(id)?.status).toBe('complete');
  expect(newest.get('c')).toMatchObject({
    status: 'failed',
    failure: { code: 'too-large', message: expect.stringMatching(reason) },
    tokenSeconds: [],
  });
  const aside = join(spooled, 'c.json.refused');
  expect(JSON.parse(readFileSync(aside, 'utf8')).tokenSeconds[0]).toHaveLength(200_000);
  expect(readFileSync(`${aside}.reason`, 'utf8')).toMatch(reason);
  expect(existsSync(join(spooled, 'a.json.refused'))).toBe(false);
}

test('a result above what the coordinator takes is reported as failed, kept on disk, and the others arrive', async () => {
  const script = new ScriptedCoordinator();
  script.maxResultBytes = 500_000;
  const { spooled } = await agentWithSpool(script);
  await allArrive(script, spooled, /takes results of up to 0\.477 MiB/);
  expect(script.hellos).toHaveLength(1);
});

test('a coordinator that breaks off at a large message does so once: the largest result is suspected, and the others arrive', async () => {
  const script = new ScriptedCoordinator();
  script.breaksAbove = 500_000;
  const { spooled } = await agentWithSpool(script);
  await allArrive(script, spooled, /no message of that size: .*larger than max/);
  expect(script.hellos).toHaveLength(2);
});

test('raw samples of a large result lie in the store of bodies; readers get the result as it was reported, also after a restart', async () => {
  const folder = temporaryFolder();
  const config = {
    log: { kind: 'sqlite' as const, path: join(folder, 'log.sqlite') },
    bodies: { kind: 'folder' as const, path: join(folder, 'bodies') },
  };
  const first = await start(config);
  await control(first.grpcAddress).submitSweep(submission(fakeSweep(1)));
  const { agent } = await enter(first.grpcAddress);
  const steps = Array.from({ length: 40_000 }, (_, index) => 0.01 + index / 1_000_003);
  const record = { ...aRecord(await agent.lease(), agent.profile), tokenSeconds: [steps] };
  expect(await agent.answerTo(record)).toBeNull();
  agent.vanish();
  await first.stop('the test goes on');
  expect(statSync(join(folder, 'log.sqlite')).size).toBeLessThan(200_000);
  const again = await start(config);
  const request = { sweepId: record.sweep.id, follow: false, allTrials: true };
  const found: string[] = [];
  for await (const { recordJson } of control(again.grpcAddress).streamResults(request))
    found.push(recordJson);
  expect(found.map((json) => JSON.parse(json))).toEqual([record]);
});
