import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import type { Lease } from '../../core/experiment/lease.js';
import { connectControl } from '../../proto/client.js';
import { FakeAgent } from '../support/fake-agent.js';
import { sharedFolder } from '../support/folder.js';
import { fakeSweep, submission } from '../support/sweeps.js';

const folder = sharedFolder();
const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

async function startProcess(
  log: string,
  address?: string,
): Promise<{ child: ChildProcess; address: string }> {
  const script = join(import.meta.dirname, '../fixtures/coordinator-process.mjs');
  const words = [script, log, ...(address === undefined ? [] : [address])];
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const [line] = (await once(child.stdout!, 'data')) as [Buffer];
  return { child, address: line.toString().trim() };
}

test('kill -9 of the coordinator while trials run: acknowledged results stay, running trials are taken up', async () => {
  const log = join(folder, 'log.sqlite');
  const first = await startProcess(log);
  const control = connectControl({ address: first.address, security: { kind: 'plaintext' } });
  const document = fakeSweep(12);
  const { sweepId } = await control.submitSweep(submission(document));

  const watched = (async () => {
    for await (const { status } of control.watchSweep({ sweepId }))
      if (status?.complete === 12) return status;
    return null;
  })();

  const { agent } = await FakeAgent.join(first.address);
  const acknowledged: string[] = [];
  for (let count = 0; count < 5; count += 1) {
    acknowledged.push((await agent.report(await agent.lease())).trialId);
  }
  const running: Lease = await agent.lease();
  first.child.kill('SIGKILL');
  await once(first.child, 'exit');
  await expect(agent.hear('lease')).rejects.toThrow();
  agent.vanish();

  // The same address: the client finds it again by itself.
  await startProcess(log, first.address);
  // Connections of one process to one address wait together after a failure.
  const back = await vi.waitFor(() => FakeAgent.join(first.address, { running: [running.trialId] }), 10_000);
  expect(back.welcome.unknownTrialIds).toEqual([]);
  await back.agent.report(running);
  const rest = await back.agent.work();
  expect(rest).toHaveLength(6);
  // Who watched waited for it, too.
  expect(await watched).toMatchObject({ complete: 12 });
  const trials: string[] = [];
  for await (const { recordJson } of control.streamResults({ sweepId, follow: false, allTrials: true })) {
    trials.push((JSON.parse(recordJson) as { trialId: string }).trialId);
  }
  const expected = [...acknowledged, running.trialId, ...rest.map((lease) => lease.trialId)];
  expect(trials.sort()).toEqual(expected.sort());
  expect(new Set(trials).size).toBe(12);
  back.agent.vanish();
  control.close();
});
