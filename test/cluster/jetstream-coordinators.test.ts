import { createServer } from 'node:net';
import { connect } from 'nats';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { pack } from '../../coordinator/log/jetstream/appends.js';
import { JetStreamLog } from '../../coordinator/log/jetstream.js';
import { type Fact, trialOf } from '../../coordinator/log/log.js';
import { type RunningCoordinator, startCoordinator } from '../../coordinator/main.js';
import { connectControl } from '../../proto/client.js';
import { FakeAgent } from '../support/fake-agent.js';
import { largeFact } from '../support/jetstream-load.js';
import { hasNatsServer, NatsServer } from '../support/nats-server.js';
import { startRidge } from '../support/ridge.js';
import { until } from '../support/services.js';
import { fakeSweep, submission } from '../support/sweeps.js';
import { aNode } from '../support/wire-records.js';

/** Hangs up on whoever comes to a port, and counts them. */
async function knockedAt(port: number) {
  let count = 0;
  const server = createServer((socket) => {
    count += 1;
    socket.destroy();
  });
  await new Promise<void>((listening) => server.listen(port, '127.0.0.1', listening));
  return {
    count: () => count,
    close: () => new Promise<void>((closed) => server.close(() => closed())),
  };
}

describe.skipIf(!hasNatsServer)('needs nats-server', () => {
  let server: NatsServer;
  beforeAll(async () => {
    server = await NatsServer.start();
  });
  afterAll(() => server.stop());
  const running: RunningCoordinator[] = [];
  afterEach(async () => {
    await Promise.all(running.splice(0).map((coordinator) => coordinator.stop('test')));
  });

  async function start(stream: string): Promise<RunningCoordinator> {
    const coordinator = await startCoordinator({
      grpcAddress: '127.0.0.1:0',
      metricsAddress: '127.0.0.1:0',
      webAddress: '127.0.0.1:0',
      log: { kind: 'jetstream', servers: [server.url], stream },
      logLevel: 'silent',
      drainSeconds: 0,
    });
    running.push(coordinator);
    return coordinator;
  }

  test('a coordinator waits at its start for a server that is away', async () => {
    await server.kill();
    const knocks = await knockedAt(Number(new URL(server.url).port));
    const starting = start('LATE');
    const begun = starting.then(() => 'started');
    // It has come, found nobody, and comes again.
    await expect.poll(() => knocks.count(), { timeout: 60_000 }).toBeGreaterThan(2);
    expect(await Promise.race([begun, 'waits'])).toBe('waits');
    await knocks.close();
    await server.restart();
    await starting;
  });

  const controlOf = (coordinator: RunningCoordinator) =>
    connectControl({ address: coordinator.grpcAddress, security: { kind: 'plaintext' } });

  test('of two coordinators on one stream one leads; the other answers reads, names the first, and takes over with what runs', async () => {
    const one = await start('FENCED');
    const control = controlOf(one);
    const request = submission(fakeSweep(6));
    const { sweepId } = await control.submitSweep(request);
    const { agent } = await FakeAgent.join(one.grpcAddress);
    await agent.report(await agent.lease());
    const held = await agent.lease();

    const two = await start('FENCED');
    const leads = { code: 'unavailable', leader: one.grpcAddress };
    await expect(FakeAgent.join(two.grpcAddress)).rejects.toMatchObject({
      ...leads,
      message: `The coordinator at ${one.grpcAddress} leads: this one answers reads.`,
    });
    // A tool that knows one address goes where it is told.
    const other = controlOf(two);
    expect(await other.submitSweep(request)).toMatchObject({ created: false });
    expect((await other.listSweeps()).sweeps).toMatchObject([{ sweepId, complete: 1 }]);
    const asked = (path: string) =>
      fetch(new URL(path, two.metricsUrl ?? '')).then(async (it) => [it.status, await it.text()]);
    expect(await asked('/readyz')).toEqual([
      200,
      expect.stringMatching(/^ok, stands by: The coordinator at/),
    ]);
    expect(await asked('/leadz')).toEqual([503, expect.stringContaining(`at ${one.grpcAddress} leads`)]);
    expect((await asked('/metrics'))[1]).toMatch(/^ridgepoint_leader 0$/m);
    const standing = await fetch(`${two.webUrl}/api/v1/leader`).then((it) => it.json());
    expect(standing).toEqual({ leads: false, leader: { address: one.grpcAddress, webUrl: one.webUrl } });

    // Another agent is there first, and is given nothing until the one that runs a trial has said so.
    running.splice(running.indexOf(one), 1);
    await one.stop('it goes');
    await expect(agent.hear('lease')).rejects.toThrow();
    await until('the other one leads', async () => (two.leader()?.grpc === two.grpcAddress ? true : null));
    const early = await FakeAgent.join(two.grpcAddress, { profile: aNode('node-b') });
    expect(await early.agent.ask()).toMatchObject({ $case: 'noWork', value: { idle: false } });
    const back = await FakeAgent.join(two.grpcAddress, { running: [held.trialId] });
    expect(back.welcome.unknownTrialIds).toEqual([]);
    expect(await early.agent.lease()).not.toMatchObject({ position: held.position });
    early.agent.vanish();
    await back.agent.report(held);
    const seen = new Set<string>();
    const rest = back.agent.work();
    for await (const { recordJson } of other.streamResults({ sweepId, follow: true, allTrials: true })) {
      seen.add((JSON.parse(recordJson) as { trialId: string }).trialId);
      if (seen.size === 5) break;
    }
    back.agent.vanish();
    await expect(rest).rejects.toThrow();
    control.close();
    other.close();
  }, 30_000);

  /** A sweep with so many results of about these bytes, and a coordinator that has started on its log. */
  async function withResults(
    stream: string,
    count: number,
    bytes: number,
  ): Promise<{ coordinator: RunningCoordinator; sweepId: string }> {
    const first = await start(stream);
    const control = controlOf(first);
    const document = fakeSweep(count);
    const { sweepId } = await control.submitSweep(submission(document));
    control.close();
    await running.pop()?.stop('test');
    const log = await JetStreamLog.open(optionsOf(stream));
    let position = await log.end();
    for (let index = 0; index < count; index += 1) {
      position = (await log.append([resultOf(sweepId, index, bytes)], position)).position;
    }
    await log.close();
    return { coordinator: await start(stream), sweepId };
  }

  test('results are read whole while the NATS server is killed and started again', async () => {
    const { coordinator, sweepId } = await withResults('KILLED', 40, 400_000);
    const control = controlOf(coordinator);
    let read = 0;
    for await (const _ of control.streamResults({ sweepId, follow: false, allTrials: true })) {
      read += 1;
      if (read !== 3) continue;
      await server.kill();
      await server.restart();
    }
    expect(read).toBe(40);
    control.close();
  }, 60_000);

  test('what cannot be read to its end never looks whole: gRPC, ridge results, the JSON API', async () => {
    const { coordinator, sweepId } = await withResults('BROKEN', 5, 2_000);
    await appendDamaged('BROKEN', resultOf(sweepId, 5, 2_000));
    const damage = /The JetStream stream BROKEN has damaged facts in message \d+: /;

    const control = controlOf(coordinator);
    // Writing is how it learns that somebody else has written.
    const request = submission(fakeSweep(9));
    await expect(control.submitSweep(request)).rejects.toMatchObject({ code: 'conflict' });
    let read = 0;
    const reading = async (): Promise<void> => {
      for await (const _ of control.streamResults({ sweepId, follow: false, allTrials: true })) read += 1;
    };
    await expect(reading()).rejects.toThrow(damage);
    expect(read).toBe(5);
    control.close();

    for (const more of [['--all-trials'], ['--format', 'csv'], ['--follow', '--all-trials']]) {
      const words = ['results', sweepId, '--coordinator', coordinator.grpcAddress, ...more];
      const { code, stderr } = await startRidge(words).ended;
      expect([code, stderr]).toEqual([1, expect.stringMatching(/broke off after 5, and there may be more/)]);
      expect(stderr).toMatch(damage);
    }

    const answer = await fetch(`${coordinator.webUrl}/api/v1/sweeps/${sweepId}/results?trials=all`);
    await expect(answer.text()).rejects.toThrow();
  }, 60_000);

  /** An append whose headers are right and whose body is not: what a damaged disk gives. */
  async function appendDamaged(stream: string, fact: Fact): Promise<void> {
    const log = await JetStreamLog.open(optionsOf(stream));
    const [message] = await pack([fact], (await log.end()) + 1, [trialOf(fact) ?? ''], 1_000_000, '', null);
    await log.close();
    const connection = await connect({ servers: server.url });
    await connection
      .jetstream()
      .publish(`${stream}.facts`, message!.body.subarray(0, 100), { headers: message!.headers });
    await connection.close();
  }

  const optionsOf = (stream: string) => ({
    servers: [server.url],
    stream,
    replicas: 1,
    credentialsFile: null,
  });
});

/** The result of one point, with raw samples. */
function resultOf(sweepId: string, position: number, bytes: number): Fact {
  const fact = largeFact(`t.${sweepId}.${position}.m0.1.x`, bytes);
  if (fact.fact !== 'ResultRecorded') throw new Error('unreachable');
  const sweep = { ...fact.record.sweep, id: sweepId, position, block: 0 };
  return { ...fact, record: { ...fact.record, sweep } };
}
