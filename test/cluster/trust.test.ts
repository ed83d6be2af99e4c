import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { CoordinatorConfig } from '../../coordinator/config.js';
import type { NodeProfile } from '../../core/experiment/node.js';
import { control, enter as enterAny, start as startAny, status, withSweep } from '../support/coordinator.js';
import { FakeAgent } from '../support/fake-agent.js';
import { sharedFolder } from '../support/folder.js';
import { fakeSweep, submission } from '../support/sweeps.js';
import { aNode, aRecord } from '../support/wire-records.js';

/*
 * What an agent may do (docs/security.md): each row of that table that is about records and leases, over real
 * gRPC.
 */

const folder = sharedFolder();

const start = (config: CoordinatorConfig = {}) => startAny({ leaseSeconds: 20, ...config });
const enter = (address: string, name: string, running: readonly string[] = []) =>
  enterAny(address, { profile: aNode(name), running });

describe('a record', () => {
  test('without a lease is refused, whatever its trial is called', async () => {
    const { grpcAddress, client, sweepId } = await withSweep(await start(), 2);
    const { agent: holder } = await enter(grpcAddress, 'holder');
    const lease = await holder.lease();
    const { agent: thief } = await enter(grpcAddress, 'thief');
    const names = ['anything', `t.${sweepId}.1.m0.1.made-up`, `${lease.trialId.slice(0, -1)}!`];
    const signature = lease.trialId.slice(-24);
    names.push(lease.trialId.replace(signature, '0'.repeat(24)), `t.${sweepId}.1.m0.1.x-${signature}`);
    for (const trialId of names) {
      const record = { ...aRecord(lease, aNode('thief')), trialId };
      expect(await thief.answerTo(record), trialId).toMatch(/leased/);
    }
    expect(await status(client, sweepId)).toMatchObject({ complete: 0, failed: 0, invalid: 0 });
  });

  test('of another node under lease is refused, and the holder is not dropped', async () => {
    const { grpcAddress, client, sweepId } = await withSweep(await start(), 1);
    const { agent: holder } = await enter(grpcAddress, 'holder');
    const lease = await holder.lease();
    const { agent: thief } = await enter(grpcAddress, 'thief');
    expect(await thief.answerTo(aRecord(lease, aNode('thief')))).toMatch(/was not leased to thief/);
    // Nor under the holder's name.
    expect(await thief.answerTo(aRecord(lease, aNode('holder')))).toMatch(/made on holder, not on thief/);
    expect(await status(client, sweepId)).toMatchObject({ complete: 0, running: 1 });
    expect(await holder.answerTo(aRecord(lease, aNode('holder')))).toBeNull();
    expect(await status(client, sweepId)).toMatchObject({ complete: 1, state: 'done' });
    // Nor is it acknowledged to the thief once it is recorded.
    expect(await thief.answerTo(aRecord(lease, aNode('thief')))).toMatch(/was not leased to thief/);
  });

  test('of another experiment, position, block, purpose, attempt, device or sweep is refused', async () => {
    const { grpcAddress } = await start();
    const client = control(grpcAddress);
    const { sweepId } = await client.submitSweep(
      submission(fakeSweep(6, { placement: '{ driftControl: false, retries: 20 }' })),
    );
    const { sweepId: other } = await client.submitSweep(submission(fakeSweep(6, { name: 'other' })));
    const { agent } = await enter(grpcAddress, 'holder');
    const forgeries: ((record: ReturnType<typeof aRecord>, next: ReturnType<typeof aRecord>) => object)[] = [
      (_, next) => ({ experimentId: next.experimentId, experiment: next.experiment }),
      (_, next) => ({ experiment: next.experiment }),
      ({ experiment }) => ({
        experiment: { ...experiment, model: { ...experiment.model, name: 'another' } },
      }),
      ({ sweep }, next) => ({ sweep: { ...sweep, position: next.sweep.position } }),
      ({ sweep }) => ({ sweep: { ...sweep, position: sweep.position + 6 } }),
      ({ sweep }) => ({ sweep: { ...sweep, position: -1 } }),
      ({ sweep }) => ({ sweep: { ...sweep, position: 0.5 } }),
      ({ sweep }) => ({ sweep: { ...sweep, block: 2 ** 53 - 1 } }),
      ({ sweep }) => ({ sweep: { ...sweep, block: sweep.block + 1 } }),
      ({ sweep }) => ({ sweep: { ...sweep, purpose: 'control' } }),
      ({ sweep }) => ({ sweep: { ...sweep, attempt: 2 } }),
      ({ sweep }) => ({ sweep: { ...sweep, id: other } }),
      ({ device }) => ({ device: { ...device, id: 'cpu1' } }),
    ];
    const { agent: second } = await enter(grpcAddress, 'second');
    const next = aRecord(await second.lease(), aNode('second'));
    for (const [index, forge] of forgeries.entries()) {
      const honest = aRecord(await agent.lease(), aNode('holder'));
      const forged = { ...honest, ...forge(honest, next) } as typeof honest;
      expect(await agent.answerTo(forged), `forgery ${index}`).not.toBeNull();
    }
    expect(await status(client, sweepId)).toMatchObject({ complete: 0, failed: 0, invalid: 0 });
    // What came of it is that the point is measured again; block numbers go on where they were.
    const lease = await agent.lease();
    expect(lease.block).toBeLessThan(100);
    await agent.report(lease);
    expect(await status(client, sweepId)).toMatchObject({ complete: 1 });
  });

  test('of a sweep that nobody submitted is refused, and no later sweep takes it over', async () => {
    const { grpcAddress } = await start();
    const client = control(grpcAddress);
    await client.submitSweep(submission(fakeSweep(1)));
    const { agent } = await enter(grpcAddress, 'holder');
    const lease = await agent.lease();
    const forged = { ...lease, sweepId: 's0000000000000000', trialId: 't.s0000000000000000.0.m0.1.x' };
    expect(await agent.answerTo(aRecord(forged, aNode('holder')))).toMatch(/was not leased to holder/);
    const { sweepId } = await client.submitSweep(submission(fakeSweep(1, { name: 'later' })));
    expect(await status(client, sweepId)).toMatchObject({ complete: 0, reused: 0 });
  });

  test('of its holder counts after a restart and after its lease has expired; nobody else takes it up', async () => {
    const log = { kind: 'sqlite' as const, path: join(folder, 'restart.sqlite') };
    const before = await start({ log });
    const { sweepId } = await control(before.grpcAddress).submitSweep(submission(fakeSweep(2)));
    const { agent } = await enter(before.grpcAddress, 'holder');
    const lease = await agent.lease();
    await before.stop('restart');

    const after = await start({ log });
    const client = control(after.grpcAddress);
    const thief = await enter(after.grpcAddress, 'thief', [lease.trialId]);
    expect(thief.welcome.unknownTrialIds).toEqual([lease.trialId]);
    expect(await thief.agent.answerTo(aRecord(lease, aNode('thief')))).toMatch(/was not leased to thief/);
    await thief.agent.heartbeat(lease.trialId);
    expect((await thief.agent.hear('stopTrial')).trialId).toBe(lease.trialId);
    // From the holder's spool: it does not run the trial any more.
    const holder = await enter(after.grpcAddress, 'holder');
    expect(await holder.agent.answerTo(aRecord(lease, aNode('holder')))).toBeNull();
    expect(await status(client, sweepId)).toMatchObject({ complete: 1 });
  });
});

describe('what an agent says', () => {
  const wide = aNode('wide');
  const [device] = wide.devices;
  const devices = (count: number) => Array.from({ length: count }, (_, i) => ({ ...device!, id: `cpu${i}` }));

  test.each<[string, Partial<NodeProfile>, RegExp]>([
    ['10^4 devices', { devices: devices(10_000) }, /devices: has more than 512 entries/],
    ['two devices of one id', { devices: [device!, device!] }, /two devices have the same id/],
    ['memory 1e308', { memoryBytes: 1e308 }, /memoryBytes: is more memory than any machine has/],
    ['huge lists of CPUs', { devices: [{ ...device!, cpus: [1e9] }] }, /devices\.0\.cpus/],
    ['a name of control characters', { devices: [{ ...device!, id: 'a\nb' }] }, /control characters/],
    ['a name that is a path', { name: '../up' }, /name: letters, digits, dots and dashes/],
    [
      'ten thousand labels',
      { labels: Object.fromEntries(devices(10_000).map(({ id }) => [id, ''])) },
      /labels/,
    ],
    ['a text of a megabyte', { cpuModel: 'x'.repeat(300_000) }, /cpuModel: has more than 256 characters/],
  ])('of itself is bounded: %s', async (_what, change, sentence) => {
    const { grpcAddress } = await start();
    const profile = { ...wide, ...change };
    await expect(FakeAgent.join(grpcAddress, { profile })).rejects.toThrow(sentence);
    expect((await control(grpcAddress).listNodes()).nodes).toEqual([]);
  });

  test.each<[string, Parameters<FakeAgent['say']>[0], RegExp]>([
    [
      'a device that it does not have',
      { $case: 'leaseRequest', value: { deviceId: 'cpu9' } },
      /has no device "cpu9"/,
    ],
    [
      'hundreds of trials on one device',
      { $case: 'heartbeat', value: { trialIds: Array(500).fill('t.x'), state: '', health: undefined } },
      /names 500 trials; with 1 devices it can run 17/,
    ],
    [
      'a trial id that is none',
      { $case: 'heartbeat', value: { trialIds: ['a\u0000b'], state: '', health: undefined } },
      /is not a trial id/,
    ],
    [
      'returned trials that are none',
      { $case: 'leaving', value: { returnedTrialIds: ['x'.repeat(300)], reason: '' } },
      /is not a trial id/,
    ],
    [
      'a state of a thousand characters',
      { $case: 'heartbeat', value: { trialIds: [], state: 'x'.repeat(1000), health: undefined } },
      /The state has 1000 characters/,
    ],
    [
      'progress of an endless trial',
      {
        $case: 'progress',
        value: { trialId: 't', phase: '', repeat: 0, maxRepeats: 0, elapsedSeconds: Infinity },
      },
      /does not run for Infinity s/,
    ],
  ])('of its work is checked: %s', async (_what, message, sentence) => {
    const { grpcAddress } = await start();
    const { agent } = await enter(grpcAddress, 'node-a');
    await agent.say(message);
    await expect(agent.hear('lease')).rejects.toThrow(sentence);
  });

  test('of the trials of others changes nothing: not their progress, not their lease, not their return', async () => {
    const { grpcAddress, client, sweepId } = await withSweep(await start(), 1);
    const { agent: holder } = await enter(grpcAddress, 'holder');
    const { trialId } = await holder.lease();
    const { agent: other } = await enter(grpcAddress, 'other');
    const value = { trialId, phase: 'decode', repeat: 7, maxRepeats: 9, elapsedSeconds: 1 };
    await other.say({ $case: 'progress', value });
    await other.say({ $case: 'leaving', value: { returnedTrialIds: [trialId], reason: '' } });
    await other.heartbeat(trialId);
    expect((await other.hear('stopTrial')).trialId).toBe(trialId);
    expect(await status(client, sweepId)).toMatchObject({ running: 1, queued: 0 });
    const { nodes } = await client.listNodes();
    expect(nodes.find(({ name }) => name === 'holder')?.running).toMatchObject([
      { trialId, phase: '', repeat: 0 },
    ]);
  });
});
