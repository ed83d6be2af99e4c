import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { control, enter, start } from '../support/coordinator.js';
import { fakeSweep, submission } from '../support/sweeps.js';
import { aNode } from '../support/wire-records.js';

test('heartbeats hold a lease longer than it was given for', async () => {
  const { grpcAddress } = await start({ heartbeatSeconds: 0.1, leaseSeconds: 1, lostSeconds: 1 });
  await control(grpcAddress).submitSweep(submission(fakeSweep(1)));
  const { agent } = await enter(grpcAddress);
  const lease = await agent.lease();
  for (let beat = 0; beat < 12; beat += 1) {
    await agent.heartbeat(lease.trialId);
    await sleep(120);
  }
  const { agent: idle } = await enter(grpcAddress, { profile: aNode('node-b') });
  expect((await idle.ask()).$case).toBe('noWork');
});
