import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { OUTAGE_SECONDS } from '../../proto/outage.js';
import { control, enter, start, status, withSweep } from '../support/coordinator.js';
import { CoordinatorProcesses } from '../support/coordinators.js';
import { temporaryFolder } from '../support/folder.js';
import { hasPostgres, PostgresServer } from '../support/postgres-server.js';
import { type Finished, startRidge } from '../support/ridge.js';
import { ridgeHere } from '../support/ridge-here.js';
import { freePort, until } from '../support/services.js';
import { fakeSweep, submission } from '../support/sweeps.js';

/** What PostgreSQL's driver says where nobody listens. */
const REASON = /The log in postgres:.* cannot be used: connect ECONNREFUSED/;

describe.skipIf(!hasPostgres)('needs PostgreSQL', () => {
  let server: PostgresServer;
  let fleet: CoordinatorProcesses;
  let at: readonly [string, string];
  beforeAll(async () => {
    server = await PostgresServer.start();
    fleet = await CoordinatorProcesses.start(3, {
      log: { kind: 'postgres', url: server.url('schema=outage') },
    });
    at = ['-c', fleet.addresses];
  });
  afterAll(async () => {
    await fleet.stop();
    await server.stop();
  });

  test('commands say what they wait for, go on when it is there, and end at once with --no-wait', async () => {
    const file = join(temporaryFolder(), 'other.yaml');
    writeFileSync(file, fakeSweep(2, { name: 'other' }));
    const client = control(fleet.addresses);
    const { sweepId } = await client.submitSweep(submission(fakeSweep(3)));
    const watching = startRidge(['watch', sweepId, ...at]);
    await watching.says('no node is connected');
    await server.kill();

    const told = [watching, startRidge(['pause', sweepId, ...at]), startRidge(['submit', file, ...at])];
    const asked = [...told, startRidge(['results', sweepId, '--format', 'csv', ...at])];
    await Promise.all(asked.map((one) => one.says(REASON)));
    for (const one of asked) expect(one.stderr()).toContain(`${OUTAGE_SECONDS} s at most`);

    const refused = ({ code, stderr }: Finished) => {
      expect(stderr).toMatch(REASON);
      expect(stderr).not.toContain('no coordinator answers');
      expect(code).toBe(1);
    };
    const lists = ['sweeps', 'nodes', 'top'].map((name) => [name]);
    for (const words of [['results', sweepId], ['cancel', sweepId], ['submit', file], ...lists])
      refused(await ridgeHere([...words, '--no-wait', ...at]));

    await server.restart();
    const [watch, pause, submit, results] = asked;
    expect(await pause!.ended).toMatchObject({ code: 0, stderr: expect.stringContaining('is paused') });
    expect(await submit!.ended).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('2 points accepted'),
    });
    expect(await results!.ended).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('no results yet'),
    });
    await watch!.says('paused: paused by the user');
    await client.cancelSweep({ sweepId, reason: 'enough' });
    expect(await watch!.ended).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('cancelled: enough'),
    });
  });

  test('one of several that is asked alone says the same', async () => {
    const leader = await until('one leads', () => fleet.leader(), 60);
    const other = fleet.members.find((member) => member !== leader)!;
    const client = control(fleet.addresses);
    const { sweepId } = await client.submitSweep(submission(fakeSweep(3, { name: 'alone' })));
    // A standby follows what the others write.
    const standby = control(other.address);
    await until('the standby knows it', async () => {
      const { sweeps } = await standby.listSweeps();
      return sweeps.find((one) => one.sweepId === sweepId) ?? null;
    });
    await server.kill();
    try {
      for (const { address } of [leader, other]) {
        const { code, stderr } = await ridgeHere(['pause', sweepId, '--no-wait', '-c', address]);
        expect(stderr).toMatch(
          /cannot answer now: (The log in postgres|No coordinator leads|This coordinator leads no more)/,
        );
        expect(code).toBe(1);
      }
    } finally {
      await server.restart();
    }
  });
});

test('who watches a coordinator that stops is told so, and goes on when it is back', async () => {
  const path = join(temporaryFolder(), 'log.sqlite');
  const first = await start({ log: { kind: 'sqlite', path } });
  const { sweepId } = await withSweep(first, 3);
  const watching = startRidge(['watch', sweepId, '-c', first.grpcAddress]);
  const impatient = startRidge(['watch', sweepId, '--no-wait', '-c', first.grpcAddress]);
  await Promise.all([watching, impatient].map((one) => one.says('no node is connected')));
  await first.stop('an update');
  const { code, stderr } = await impatient.ended;
  expect(stderr).not.toContain('Call cancelled');
  expect(stderr).toContain(`no coordinator answers at ${first.grpcAddress}`);
  expect(code).toBe(1);
  await watching.says(`waiting for the coordinator at ${first.grpcAddress}`);
  await sleep(500);
  const second = await start({ log: { kind: 'sqlite', path }, grpcAddress: first.grpcAddress });
  await control(second.grpcAddress).cancelSweep({ sweepId, reason: 'enough' });
  expect(await watching.ended).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('cancelled: enough'),
  });
});

test('an agent says that nobody answers before it has measured its roofs', async () => {
  const folder = temporaryFolder();
  const roofsFolder = join(folder, 'roofs');
  mkdirSync(roofsFolder);
  const config = join(folder, 'agent.json');
  writeFileSync(config, JSON.stringify({ runners: ['fake'], stateFolder: folder, roofsFolder }));
  const words = ['agent', '-c', `127.0.0.1:${await freePort()}`, '--config', config, '--name', 'node1'];
  const agent = startRidge(words, { env: { RIDGE_ROOFS: 'auto' } });
  await agent.says('measuring the roofs of cpu0');
  await agent.says('no coordinator answers');
  expect(readdirSync(roofsFolder).filter((name) => name.endsWith('.json'))).toEqual([]);
  process.kill(agent.process.pid ?? 0, 'SIGTERM');
  await agent.ended;
});

test('a sweep says why nothing of it runs: nobody is there, the agents measure first, or devices are busy', async () => {
  const coordinator = await start();
  const { client, sweepId, grpcAddress } = await withSweep(coordinator, 2);
  const reasons = async (id = sweepId) => (await status(client, id)).blockedReasons;
  expect(await reasons()).toEqual(['no node is connected: `ridge agent` makes one of a machine']);
  const { agent } = await enter(grpcAddress);
  await agent.say({ $case: 'heartbeat', value: { trialIds: [], state: 'measuring', health: undefined } });
  await expect
    .poll(() => reasons())
    .toEqual([`${agent.profile.name} measures its roofs first, which takes about a minute`]);
  expect((await client.listNodes()).nodes[0]?.state).toBe('measuring');

  await agent.say({ $case: 'heartbeat', value: { trialIds: [], state: 'idle', health: undefined } });
  for (const { id } of agent.profile.devices)
    await agent.say({ $case: 'leaseRequest', value: { deviceId: id } });
  await agent.hear('lease');
  await expect.poll(() => reasons()).toEqual([]);
  const other = await client.submitSweep(submission(fakeSweep(3, { name: 'other' })));
  await expect
    .poll(() => reasons(other.sweepId))
    .toEqual(['every device that could measure it is busy with other sweeps']);
});
