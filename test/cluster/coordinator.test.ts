import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { CoordinatorConfig } from '../../coordinator/config.js';
import type { ControlConnection } from '../../proto/client.js';
import { fromSweepState, parseRecord, toReport } from '../../proto/convert.js';
import { control, enter, start as startAny, status, withSweep } from '../support/coordinator.js';
import { FakeAgent } from '../support/fake-agent.js';
import { sharedFolder } from '../support/folder.js';
import { fakeSweep, submission } from '../support/sweeps.js';
import { aNode, aRecord, crashed } from '../support/wire-records.js';

const folder = sharedFolder();

const start = (config: CoordinatorConfig = {}) =>
  startAny({ heartbeatSeconds: 0.1, leaseSeconds: 10, lostSeconds: 1, ...config });

async function records(connection: ControlConnection, sweepId: string, allTrials = false) {
  const list = [];
  for await (const { recordJson } of connection.streamResults({ sweepId, follow: false, allTrials })) {
    list.push(parseRecord(recordJson));
  }
  return list;
}

test('submit, lease, result, acknowledgement, results: the way down and back', async () => {
  const { grpcAddress } = await start();
  const client = control(grpcAddress);
  const { sweepId, created, points } = await client.submitSweep(submission(fakeSweep(3)));
  expect({ created, points }).toEqual({ created: true, points: 3 });
  expect(await client.submitSweep(submission(fakeSweep(3)))).toMatchObject({ sweepId, created: false });

  const { agent, welcome } = await enter(grpcAddress);
  expect(welcome).toMatchObject({ protocol: 1, leaseSeconds: 10, unknownTrialIds: [] });
  const lease = await agent.lease();
  expect(lease).toMatchObject({ sweepId, purpose: 'measure', attempt: 1, deviceId: 'cpu0' });
  expect(lease.experiment.workload.options.promptTokens).toBe(8);
  expect(await status(client, sweepId)).toMatchObject({ state: 'running', running: 1, queued: 2 });
  await agent.report(lease);
  expect(await agent.work()).toHaveLength(2);
  expect(await status(client, sweepId)).toMatchObject({ state: 'done', complete: 3, queued: 0 });
  const stored = await records(client, sweepId);
  expect(stored.map((record) => record.sweep.position).sort()).toEqual([0, 1, 2]);
});

test('results that are said together share an append, and the next leases come with their acknowledgements', async () => {
  const devices = ['cpu0', 'cpu1', 'cpu2'].map((id) => ({ ...aNode().devices[0]!, id, cpus: [] }));
  const { grpcAddress, client, sweepId } = await withSweep(await start(), 12);
  const ask = (deviceId: string) => ({ $case: 'leaseRequest', value: { deviceId } }) as const;
  const { agent } = await enter(grpcAddress, { profile: aNode('node-a', { devices }) });
  const leases = [await agent.lease('cpu0'), await agent.lease('cpu1'), await agent.lease('cpu2')];
  const [first, second, third] = leases.map((lease) => toReport(aRecord(lease, agent.profile)));
  // Whoever asks before it reports is given work all the same; what is no record spoils nothing else.
  await agent.sayTogether(
    ...[
      ask('cpu0'),
      { $case: 'result', value: first! } as const,
      { $case: 'result', value: second! } as const,
    ],
    { $case: 'result', value: { ...third!, recordJson: '{}' } },
  );
  const answers = (await agent.hear('several')).responses.map(({ message }) => message);
  expect(answers.slice(0, 3)).toMatchObject(
    [first, second, third].map((report) => ({ value: { trialId: report!.trialId } })),
  );
  expect(answers[3]).toMatchObject({ $case: 'lease', value: { deviceId: 'cpu0' } });
  agent.vanish();
  expect(await status(client, sweepId)).toMatchObject({ complete: 2 });
});

test('a sweep file with errors comes back with every one of them', async () => {
  const { grpcAddress } = await start();
  const bad = fakeSweep(1).replace('promptTokens', 'promptTokenz').replace('kind: fake', 'kind: fakke');
  await expect(control(grpcAddress).submitSweep(submission(bad))).rejects.toMatchObject({
    code: 'invalid',
    details: expect.arrayContaining([
      expect.stringContaining('promptTokenz'),
      expect.stringContaining('fakke'),
    ]),
  });
});

test('a sweep that asks for energy is refused where no node can measure it, whoever submits it', async () => {
  const { grpcAddress } = await start();
  const client = control(grpcAddress);
  const wanted = (points: number) =>
    submission(fakeSweep(points, { objectives: '{ energyPerOutputTokenJoules: min }' }));
  // Nodes may come later: where there is none, nothing is known of any.
  const { sweepId } = await client.submitSweep(wanted(1));
  await enter(grpcAddress, { profile: aNode('unmetered') });
  await expect(client.submitSweep(wanted(2))).rejects.toMatchObject({
    code: 'invalid',
    message:
      'spec.objectives.energyPerOutputTokenJoules: no row will have a number for it, since the fleet has no energy source for cpu: no source in a test',
    details: [expect.stringContaining('ridge doctor')],
  });
  expect((await client.listSweeps()).sweeps.map((sweep) => sweep.sweepId)).toEqual([sweepId]);
  // What is there already is no new promise.
  expect(await client.submitSweep(wanted(1))).toMatchObject({ sweepId, created: false });
  await enter(grpcAddress, { profile: aNode('metered', { energySources: ['rapl:package-0'] }) });
  expect(await client.submitSweep(wanted(2))).toMatchObject({ created: true });
});

test('an agent vanishes: its lease expires and another agent measures the point', async () => {
  const { grpcAddress, client, sweepId } = await withSweep(await start({ leaseSeconds: 2 }), 1);
  const first = await enter(grpcAddress, { profile: aNode('node-a') });
  const lost = await first.agent.lease();
  first.agent.vanish();
  const second = await enter(grpcAddress, { profile: aNode('node-b') });
  const again = await second.agent.lease();
  expect(again).toMatchObject({ position: lost.position, attempt: 2 });
  await second.agent.report(again);
  expect(await status(client, sweepId)).toMatchObject({ state: 'done', complete: 1 });
});

test('the coordinator restarts on its file: agents come back, report again, nothing counts twice', async () => {
  const log = { kind: 'sqlite' as const, path: join(folder, 'restart.sqlite') };
  const first = await start({ log });
  const { sweepId } = await control(first.grpcAddress).submitSweep(submission(fakeSweep(4)));
  const before = await enter(first.grpcAddress);
  const acknowledged = await before.agent.report(await before.agent.lease());
  const running = await before.agent.lease();
  await first.stop('restart');

  const second = await start({ log });
  const client = control(second.grpcAddress);
  expect(await status(client, sweepId)).toMatchObject({ state: 'running', complete: 1, queued: 3 });
  const { agent, welcome } = await enter(second.grpcAddress, { running: [running.trialId, 'nonsense'] });
  expect(welcome.unknownTrialIds).toEqual(['nonsense']);
  expect(await status(client, sweepId)).toMatchObject({ running: 1, queued: 2 });
  // The acknowledgement may have been lost on the way: the agent says it again.
  await agent.send(acknowledged);
  expect(await agent.hear('resultAck')).toEqual({ trialId: acknowledged.trialId });
  await agent.report(running);
  const rest = await agent.work();
  expect(rest.map((lease) => lease.position)).not.toContain(running.position);
  expect(rest).toHaveLength(2);
  expect(await status(client, sweepId)).toMatchObject({ state: 'done', complete: 4 });
  const everything = await records(client, sweepId, true);
  expect(new Set(everything.map((record) => record.trialId)).size).toBe(4);
  expect(everything).toHaveLength(4);
});

test('a late result of an expired lease and the one that was measured in its place are one start', async () => {
  const { grpcAddress, client, sweepId } = await withSweep(await start({ leaseSeconds: 2 }), 1);
  const { agent: slow } = await enter(grpcAddress, { profile: aNode('slow') });
  const late = await slow.lease();
  const { agent: quick } = await enter(grpcAddress, { profile: aNode('quick') });
  const counted = await quick.report(await quick.lease());
  expect((await slow.hear('stopTrial')).trialId).toBe(late.trialId);
  await slow.report(late);
  expect(await status(client, sweepId)).toMatchObject({ complete: 1 });
  expect((await records(client, sweepId)).map((record) => record.trialId)).toEqual([counted.trialId]);
});

test('failed attempts are listed only with all trials, the one that was given up counts', async () => {
  const { grpcAddress, client, sweepId } = await withSweep(await start(), 2);
  const { agent } = await enter(grpcAddress);
  await agent.work((lease) => (lease.position === 0 ? { failure: crashed } : {}));
  expect(await status(client, sweepId)).toMatchObject({
    state: 'done',
    complete: 1,
    failed: 1,
    failureReasons: ['crashed: The process died.'],
  });
  const counted = await records(client, sweepId);
  expect(counted.map((record) => [record.status, record.sweep.attempt]).sort()).toEqual([
    ['complete', 1],
    ['failed', 2],
  ]);
  expect(await records(client, sweepId, true)).toHaveLength(3);
  // Asked to, the coordinator takes up what was given up.
  expect(await client.submitSweep(submission(fakeSweep(2), true))).toMatchObject({ sweepId, created: true });
  expect((await agent.work()).map((lease) => lease.position)).toEqual([0]);
  expect(await status(client, sweepId)).toMatchObject({ state: 'done', complete: 2, failed: 0 });
});

test('results of an earlier sweep are taken over and listed with the new one', async () => {
  const { grpcAddress } = await start();
  const client = control(grpcAddress);
  const { agent } = await enter(grpcAddress);
  await client.submitSweep(submission(fakeSweep(2, { name: 'first' })));
  await agent.work();
  const { sweepId } = await client.submitSweep(submission(fakeSweep(3, { name: 'second' })));
  expect(await agent.work()).toHaveLength(1);
  expect(await status(client, sweepId)).toMatchObject({ state: 'done', complete: 3, reused: 2 });
  expect(await records(client, sweepId)).toHaveLength(3);
});

test('watching tells of the beginning, of progress and of the end, and then ends', async () => {
  const { grpcAddress, client, sweepId } = await withSweep(await start(), 2);
  const { agent } = await enter(grpcAddress);
  const lease = await agent.lease();
  const { trialId } = lease;
  await agent.say({
    $case: 'progress',
    value: { trialId, phase: 'decode', repeat: 2, maxRepeats: 3, elapsedSeconds: 1.5 },
  });
  const seen = [];
  for await (const { status: now, running } of client.watchSweep({ sweepId })) {
    seen.push(now!.complete);
    if (seen.length === 1) {
      expect(running).toMatchObject([{ trialId, node: 'node-a', phase: 'decode', repeat: 2 }]);
      expect(running[0]!.label).toContain('tiny');
      void agent
        .report(lease)
        .then(() => agent.work())
        .catch(() => undefined);
    }
  }
  expect(seen[0]).toBe(0);
  expect(seen.at(-1)).toBe(2);
});

test('a follower gets results as they are recorded', async () => {
  const { grpcAddress, client, sweepId } = await withSweep(await start(), 3);
  const { agent } = await enter(grpcAddress);
  await agent.report(await agent.lease());
  const stop = new AbortController();
  const seen: number[] = [];
  for await (const { recordJson } of client.streamResults(
    { sweepId, follow: true, allTrials: false },
    stop.signal,
  )) {
    seen.push(parseRecord(recordJson).sweep.position);
    if (seen.length === 1) void agent.work().catch(() => undefined);
    if (seen.length === 3) stop.abort();
  }
  expect(seen.sort()).toEqual([0, 1, 2]);
});

test('cancelling stops the running trial and the sweep', async () => {
  const { grpcAddress, client, sweepId } = await withSweep(await start(), 5);
  const { agent } = await enter(grpcAddress);
  const lease = await agent.lease();
  await client.cancelSweep({ sweepId, reason: 'changed my mind' });
  expect(await agent.hear('stopTrial')).toEqual({ trialId: lease.trialId, reason: 'changed my mind' });
  await agent.report(lease);
  const answer = await agent.ask();
  expect(answer).toMatchObject({ $case: 'noWork', value: { idle: true } });
  expect(await status(client, sweepId)).toMatchObject({ state: 'cancelled', complete: 1 });
  await expect(client.cancelSweep({ sweepId: 'nope', reason: '' })).rejects.toMatchObject({
    code: 'not-found',
  });
});

test('a pause lets the running trial end, survives a restart, and ends by resuming', async () => {
  const log = { kind: 'sqlite', path: join(folder, 'paused.sqlite') } as const;
  const first = await start({ log });
  const client = control(first.grpcAddress);
  const { sweepId } = await client.submitSweep(submission(fakeSweep(3)));
  const { agent } = await enter(first.grpcAddress);
  const lease = await agent.lease();
  expect(await client.pauseSweep({ sweepId, reason: 'the machine is needed' })).toEqual({ running: 1 });
  await agent.report(lease);
  expect(await agent.ask()).toMatchObject({ $case: 'noWork' });
  const held = { state: 'paused', complete: 1, queued: 2, blockedReasons: ['the machine is needed'] };
  expect(await status(client, sweepId)).toMatchObject(held);
  agent.vanish();
  await first.stop('restarted');

  const { grpcAddress, metricsUrl } = await start({ log, metricsAddress: '127.0.0.1:0' });
  const again = control(grpcAddress);
  const { agent: back } = await enter(grpcAddress);
  expect(await back.ask()).toMatchObject({ $case: 'noWork' });
  expect(await status(again, sweepId)).toMatchObject(held);
  const exported = await (await fetch(metricsUrl!)).text();
  expect(exported).toContain('ridgepoint_sweep_points{sweep="fake",state="paused"} 2');
  expect(exported).toContain('ridgepoint_sweep_points{sweep="fake",state="queued"} 0');
  // Whoever watches waits for it to go on.
  const states: string[] = [];
  const watched = (async () => {
    for await (const update of again.watchSweep({ sweepId }))
      states.push(fromSweepState(update.status!.state));
  })();
  await expect.poll(() => states).toContain('paused');
  await again.resumeSweep({ sweepId, reason: '' });
  expect((await back.hear('noWork')).retryMilliseconds).toBeLessThan(100);
  await back.report(await back.lease());
  await back.report(await back.lease());
  await watched;
  expect([states[0], states.at(-1)]).toEqual(['paused', 'done']);
  await expect(again.pauseSweep({ sweepId, reason: '' })).rejects.toMatchObject({ code: 'refused' });
  await expect(again.resumeSweep({ sweepId: 'nope', reason: '' })).rejects.toMatchObject({
    code: 'not-found',
  });
});

test('an agent that waits is told when work comes', async () => {
  const { grpcAddress } = await start();
  const { agent } = await enter(grpcAddress);
  expect(await agent.ask()).toMatchObject({ $case: 'noWork', value: { idle: true } });
  await control(grpcAddress).submitSweep(submission(fakeSweep(1)));
  const nudge = await agent.hear('noWork');
  expect(nudge.retryMilliseconds).toBeLessThan(100);
  expect((await agent.ask()).$case).toBe('lease');
});

test('draining: no new lease, agents are told, a running trial may still end', async () => {
  const coordinator = await start({ drainSeconds: 20, log: { kind: 'memory' } });
  const { grpcAddress } = coordinator;
  await control(grpcAddress).submitSweep(submission(fakeSweep(2)));
  const { agent } = await enter(grpcAddress);
  const lease = await agent.lease();
  const stopped = coordinator.stop('maintenance');
  expect((await agent.hear('pause')).reason).toBe('maintenance');
  await agent.report(lease);
  expect((await agent.ask().catch(() => null))?.$case).not.toBe('lease');
  await stopped;
  expect(coordinator.status()).toMatchObject({ draining: true, trialsRunning: 0 });
});

test('two agents cannot be the same node; one that reconnects takes over its own place', async () => {
  const { grpcAddress } = await start();
  const { agent } = await enter(grpcAddress, { instance: 'one' });
  await expect(FakeAgent.join(grpcAddress, { instance: 'two' })).rejects.toMatchObject({ code: 'exists' });
  const again = await enter(grpcAddress, { instance: 'one' });
  expect(again.welcome.protocol).toBe(1);
  await expect(agent.hear('lease')).rejects.toThrow();
  const { nodes } = await control(grpcAddress).listNodes();
  expect(nodes).toMatchObject([{ name: 'node-a', state: 'idle' }]);
});

test('a record that is not valid is refused by name, and the point is measured again', async () => {
  const { grpcAddress, client, sweepId } = await withSweep(await start(), 1);
  const { agent } = await enter(grpcAddress);
  const lease = await agent.lease();
  const broken = { ...aRecord(lease), valid: 'perhaps' } as unknown as ReturnType<typeof aRecord>;
  await agent.send(broken);
  const refused = await agent.hear('resultRefused');
  expect(refused).toMatchObject({ trialId: lease.trialId, reason: expect.stringContaining('valid') });
  await agent.report(await agent.lease());
  expect(await status(client, sweepId)).toMatchObject({ state: 'done', complete: 1 });
});

test('what the log could not keep is not acknowledged', async () => {
  const log = { kind: 'sqlite' as const, path: join(folder, 'full.sqlite'), maxBytes: 96 * 1024 };
  const { grpcAddress, client, sweepId } = await withSweep(await start({ log }), 200);
  const { agent } = await enter(grpcAddress);
  let acknowledged = 0;
  const fill = async (): Promise<void> => {
    for (;;) {
      await agent.report(await agent.lease());
      acknowledged += 1;
    }
  };
  await expect(fill()).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringContaining('is full'),
  });
  expect(acknowledged).toBeGreaterThan(0);
  expect((await status(client, sweepId)).complete).toBe(acknowledged);
  expect(await records(client, sweepId)).toHaveLength(acknowledged);
});

test('a sweep of a billion points is accepted and dealt from at once', async () => {
  const { grpcAddress } = await start();
  const client = control(grpcAddress);
  const document = readFileSync(join(import.meta.dirname, '../../docs/examples/billion.yaml'), 'utf8');
  const { sweepId, points } = await client.submitSweep(submission(document));
  expect(points).toBe(1e9);
  const runner = { kind: 'llama-cpp', release: 'test', devices: ['cpu'], variants: ['shipped', 'native'] };
  const { agent } = await enter(grpcAddress, { profile: aNode('node-a', { runners: [runner] }) });
  const leases = [];
  for (let count = 0; count < 30; count += 1) {
    const lease = await agent.lease();
    leases.push(lease);
    await agent.report(lease);
  }
  const measured = leases.filter((lease) => lease.purpose === 'measure');
  expect(new Set(measured.map((lease) => lease.position)).size).toBe(measured.length);
  expect(await status(client, sweepId)).toMatchObject({ complete: measured.length, state: 'running' });
});
