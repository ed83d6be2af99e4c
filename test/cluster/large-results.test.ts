import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { loadAgentConfig } from '../../agent/config.js';
import { type RunningAgent, startAgent } from '../../agent/main.js';
import { Spool } from '../../agent/spool.js';
import { temporaryFolder } from '../support/bench.js';
import { ScriptedCoordinator } from '../support/scripted-coordinator.js';
import { aLease, aNode, aRecord } from '../support/wire-records.js';

/* A result that is too large is one failed trial: never the end of its agent, and never in the way of others. */

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
    timeout: 20_000,
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
