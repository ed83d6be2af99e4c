import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { listSweeps } from '../../cli/sweeps/sweeps.js';
import type { Fact } from '../../coordinator/log/log.js';
import { Database } from '../../coordinator/log/sqlite/database.js';
import { SqliteLog } from '../../coordinator/log/sqlite.js';
import { type RunningCoordinator, startCoordinator } from '../../coordinator/main.js';
import { readSweep } from '../../coordinator/sweeps.js';
import type { ResultRecord } from '../../core/result/result.js';
import { type ControlConnection, connectControl } from '../../proto/client.js';
import { parseRecord } from '../../proto/convert.js';
import { SweepState } from '../../proto/gen/ridgepoint/v1/control.js';
import { openDispatcher } from '../support/dispatcher.js';
import { FakeAgent } from '../support/fake-agent.js';
import { sharedFolder } from '../support/folder.js';
import { fakeSweep } from '../support/sweeps.js';
import { aLease, aNode, aRecord } from '../support/wire-records.js';

/*
 * Logs that a release wrote which believed its agents, or that a disk has damaged, and logs of other
 * releases.
 */

const folder = sharedFolder();
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const document = fakeSweep(4);
const view = readSweep(document, []);
const submitted = (sweepId = view.sweepId): Fact => ({
  fact: 'SweepSubmitted',
  sweepId,
  document,
  models: [],
  submitter: 'test',
  at: '2026-01-01T00:00:00Z',
});

/** What an agent reported of a point, as releases without signatures named their trials. */
function recorded(name: string, position: number, change: Partial<ResultRecord['sweep']> = {}): Fact {
  const experiment = view.experimentAt(Math.min(3, Math.max(0, Math.floor(position))), null);
  const lease = aLease(`t.${view.sweepId}.${position}.m0.1.${name}`, {
    sweepId: view.sweepId,
    position: 0,
    experiment,
  });
  const record = aRecord(lease, aNode('node-a'));
  return { fact: 'ResultRecorded', record: { ...record, sweep: { ...record.sweep, position, ...change } } };
}

const honest = recorded('honest', 0);
const forged = recorded('of-nobody', 1, { id: 's0000000000000000' });
const damaged: Fact[] = [
  recorded('negative', -1),
  recorded('beyond', 4),
  recorded('half', 0.5),
  recorded('poison', 2, { block: 2 ** 53 - 1 }),
  forged,
  {
    fact: 'ResultReused',
    sweepId: view.sweepId,
    position: 1,
    experimentId: view.experimentAt(1, null).id,
    trialId: forged.fact === 'ResultRecorded' ? forged.record.trialId : '',
    node: null,
  },
  { fact: 'ExperimentGivenUp', sweepId: view.sweepId, position: -7, experimentId: 'x', reason: 'r', at: '' },
];
/** Neither fact nor, all of them, JSON. */
const texts = ['{"fact":"ResultRec', 'null', '{"fact":"ResultRecorded","record":{"trialId":"t"}}', '[]'];

async function start(path: string): Promise<RunningCoordinator> {
  const coordinator = await startCoordinator({
    grpcAddress: '127.0.0.1:0',
    metricsAddress: '127.0.0.1:0',
    log: { kind: 'sqlite', path },
    logLevel: 'silent',
    drainSeconds: 0,
  });
  closers.push(() => coordinator.stop('the test is over'));
  return coordinator;
}

function control(address: string): ControlConnection {
  const connection = connectControl({ address, security: { kind: 'plaintext' } });
  closers.push(() => connection.close());
  return connection;
}

async function trials(client: ControlConnection, sweepId: string): Promise<string[]> {
  const ids = [];
  const request = { sweepId, follow: false, allTrials: true };
  for await (const { recordJson } of client.streamResults(request)) ids.push(parseRecord(recordJson).trialId);
  return ids;
}

/** Everything works on the log: what is damaged is left out, said once, and measured again. */
async function worksOn(path: string, first: string): Promise<void> {
  const log = new SqliteLog(path);
  const warnings: string[] = [];
  await openDispatcher({
    log,
    warn: (sentence) => warnings.push(sentence),
  });
  await log.close();
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toContain(`${damaged.length + texts.length} damaged entries`);
  expect(warnings[0]).toContain(first);

  const { grpcAddress, metricsUrl } = await start(path);
  const client = control(grpcAddress);
  const status = async () => (await client.listSweeps()).sweeps;
  expect(await status()).toMatchObject([{ sweepId: view.sweepId, points: 4, complete: 1, queued: 3 }]);
  const kept = honest.fact === 'ResultRecorded' ? honest.record.trialId : '';
  expect(await trials(client, view.sweepId)).toEqual([kept]);
  expect((await fetch(metricsUrl!)).status).toBe(200);
  const { agent } = await FakeAgent.join(grpcAddress);
  closers.push(() => agent.vanish());
  const leases = await agent.work();
  expect(leases.map(({ position }) => position).sort()).toEqual([1, 2, 3]);
  expect(Math.max(...leases.map(({ block }) => block))).toBeLessThan(10);
  expect(await status()).toMatchObject([{ state: SweepState.SWEEP_STATE_DONE, complete: 4, reused: 0 }]);
}

test('forged and damaged entries of a log are left out with one warning, and everything works on it', async () => {
  const path = join(folder, 'damaged.sqlite');
  const log = new SqliteLog(path);
  await log.append([submitted(), honest, ...damaged], 0);
  await log.close();
  const database = new Database(path);
  const insert = database.prepare("INSERT INTO facts (position, head, chain) VALUES (?, ?, '')");
  for (const [index, text] of texts.entries()) insert.run(3 + damaged.length + index, text);
  database.close();
  await worksOn(path, 'entry 3: position -1 is no position');
});

test('a sweep that another release wrote is listed as not resumed, and its results are found by its id', async () => {
  const path = join(folder, 'first-day.sqlite');
  const sweepId = 's00000000000first';
  const log = new SqliteLog(path);
  await log.append([submitted(sweepId), recorded('old', 2, { id: sweepId })], 0);
  await log.close();
  const { grpcAddress } = await start(path);
  const client = control(grpcAddress);
  expect((await client.listSweeps()).sweeps).toMatchObject([
    { sweepId, name: 'fake', state: SweepState.SWEEP_STATE_NOT_RESUMED, complete: 1, running: 0, queued: 0 },
  ]);
  expect(await trials(client, sweepId)).toEqual([`t.${view.sweepId}.2.m0.1.old`]);
  expect(await trials(client, '')).toHaveLength(1);
  await expect(client.cancelSweep({ sweepId, reason: '' })).rejects.toThrow(/is from another release/);
  const printed = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  await listSweeps({ coordinator: grpcAddress });
  const text = printed.mock.calls.map(([line]) => String(line)).join('');
  printed.mockRestore();
  expect(text).toContain('from another release, not resumed');
});
