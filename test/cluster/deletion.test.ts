import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CoordinatorConfig } from '../../coordinator/config.js';
import { control, enter, start } from '../support/coordinator.js';
import { sharedFolder } from '../support/folder.js';
import { hasNatsServer, NatsServer } from '../support/nats-server.js';
import { hasPostgres, PostgresServer } from '../support/postgres-server.js';
import { jsonLines } from '../support/reading.js';
import { ridgeHere } from '../support/ridge-here.js';
import { fakeSweep, submission } from '../support/sweeps.js';
import { bearer, byTokens, serverFiles } from '../support/tls.js';
import { aRecord } from '../support/wire-records.js';

/* `ridge sweeps delete`, from the command to the log and back. */

const folder = sharedFolder();
const document = (name: string, points = 2) =>
  fakeSweep(points, { name, placement: '{ driftControl: false, retries: 0 }' });

/** A coordinator with a node, and what a command says of it. */
async function world(config: Parameters<typeof start>[0] = {}) {
  const coordinator = await start(config);
  const { grpcAddress } = coordinator;
  const client = control(grpcAddress);
  const { agent } = await enter(grpcAddress);
  const submit = async (name: string, points?: number) =>
    (await client.submitSweep(submission(document(name, points)))).sweepId;
  const names = async () => (await client.listSweeps()).sweeps.map(({ name }) => name);
  const ridge = (...words: string[]) => ridgeHere(['sweeps', ...words, '-c', grpcAddress]);
  return { coordinator, grpcAddress, client, agent, submit, names, ridge };
}

test('a sweep is deleted with its results; a late one is refused by name, and its node does not send it again', async () => {
  const { grpcAddress, client, agent, submit, names, ridge } = await world();
  const sweepId = await submit('old');
  await agent.report(await agent.lease());
  const late = await agent.lease();
  expect(await ridge('delete', 'old', '--yes')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('old stays: Sweep'),
  });
  await client.cancelSweep({ sweepId, reason: 'enough' });
  expect((await ridge('delete', 'old', '--yes')).stderr).toContain('still has 1 trial running');
  // The agent dies and starts again: nothing of the sweep runs any more.
  agent.vanish();
  const { agent: again } = await enter(grpcAddress, { instance: 'another' });
  const rehearsed = await ridge('delete', sweepId, '--dry-run', '--json');
  expect(JSON.parse(rehearsed.stdout)).toEqual([{ sweepId, name: 'old', complete: 1, refusal: null }]);
  expect(await names()).toEqual(['old']);
  expect(await ridge('delete', 'old', '--yes')).toMatchObject({
    code: 0,
    stderr: expect.stringContaining(`old (${sweepId}) is deleted, with 1 result`),
  });
  expect(await names()).toEqual([]);
  expect(await again.answerTo(aRecord(late, again.profile))).toBe(`There is no sweep ${sweepId} here.`);
});

test('several are deleted together, though one shows results of another', async () => {
  const { agent, submit, names, ridge } = await world();
  const old = await submit('old');
  await agent.work();
  const later = await submit('later');
  await agent.work();
  const kept = await submit('kept', 3);
  // Its first two points take results over.
  await agent.lease();
  const alone = await ridge('delete', 'old', '--dry-run');
  expect([alone.code, alone.stderr]).toEqual([1, expect.stringContaining(`shows results of sweep ${old}`)]);
  const rehearsed = await ridge('delete', 'old', 'later', '--dry-run', '--json');
  expect(JSON.parse(rehearsed.stdout)).toMatchObject([
    { sweepId: later, refusal: null },
    { sweepId: old, refusal: expect.stringContaining(`Sweep ${kept} (kept)`) },
  ]);
  expect((await ridge('delete', 'old', 'later', '--yes')).code).toBe(1);
  expect(await names()).toEqual(['old', 'kept']);
});

test('a pinned sweep stays until it is unpinned, and the list says why', async () => {
  const { agent, submit, names, ridge } = await world();
  const sweepId = await submit('old');
  await agent.work();
  expect((await ridge()).stdout).not.toContain('pinned');
  expect((await ridge('pin', 'old', '--reason', 'it is in the paper')).stderr).toContain(
    `old (${sweepId}) is pinned`,
  );
  const listed = await ridge();
  expect(listed.stdout).toContain('done, pinned');
  expect(listed.stderr).toContain('old is pinned: it is in the paper');
  expect(JSON.parse((await ridge('--json')).stdout)).toMatchObject([{ pinned: 'it is in the paper' }]);
  expect(await ridge('delete', 'old', '--yes')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('is pinned (it is in the paper): unpin it first'),
  });
  expect((await ridge('unpin', 'old')).stderr).toContain('is pinned no more');
  expect((await ridge('unpin', 'old')).stderr).toContain('was not pinned');
  expect(JSON.parse((await ridge('--json')).stdout)).toMatchObject([{ pinned: null }]);
  expect((await ridge('delete', 'old', '--yes')).code).toBe(0);
  expect(await names()).toEqual([]);
});

test('what a baseline or a bundle is made of is pinned, unless that is not wanted', async () => {
  const { grpcAddress, agent, submit, ridge } = await world();
  const env = { XDG_STATE_HOME: join(folder, 'state') };
  const made = (...words: string[]) => ridgeHere([...words, '-c', grpcAddress], { cwd: folder, env });
  const pins = async () =>
    JSON.parse((await ridge('--json')).stdout).map(({ pinned }: { pinned: string | null }) => pinned);
  const sweepId = await submit('old');
  await agent.work();
  expect((await made('bundle', 'old', '-o', 'first.bundle', '--no-pin')).code).toBe(0);
  expect(await pins()).toEqual([null]);
  expect(await made('baseline', 'save', 'release-1', 'old')).toMatchObject({
    code: 0,
    stderr: expect.stringContaining(`it is not deleted before \`ridge sweeps unpin ${sweepId}\``),
  });
  expect(await pins()).toEqual(['baseline release-1']);
  await made('bundle', 'old', '-o', 'second.bundle');
  expect(await pins(), 'the first reason stands').toEqual(['baseline release-1']);
  expect((await ridge('unpin', 'old')).code).toBe(0);
  await made('bundle', 'old', '-o', 'third.bundle');
  expect(await pins()).toEqual(['bundle third.bundle']);
});

test('what is not named without doubt, or not confirmed, is not deleted', async () => {
  const { agent, submit, names, ridge } = await world();
  const first = await submit('twin', 1);
  const second = await submit('twin', 2);
  await agent.work();
  const refused = async (...words: string[]) => {
    const { code, stderr } = await ridge('delete', ...words);
    return [code, stderr];
  };
  expect(await refused('twin', '--yes')).toEqual([2, expect.stringContaining('twin can be any of 2 sweeps')]);
  expect(await refused('nobody', '--yes')).toEqual([2, expect.stringContaining('there is no sweep nobody')]);
  expect(await refused(first)).toEqual([2, expect.stringContaining('nobody is here to confirm')]);
  expect(await names()).toEqual(['twin', 'twin']);
  expect((await ridge('delete', second, first, '--yes')).code).toBe(0);
  expect(await names()).toEqual([]);
});

test('who may not know of a sweep does not delete it; who may is named in the audit log', async () => {
  const files = await serverFiles(folder);
  const RIGHTS = {
    ann: { scopes: ['submit', 'read'], namespaces: ['lab'] },
    bob: { scopes: ['submit', 'read'], namespaces: ['shop'] },
    eve: { scopes: ['read'], namespaces: ['lab'] },
  } as const;
  const file = join(folder, 'audit.jsonl');
  const { grpcAddress } = await start({ security: byTokens(files, RIGHTS), audit: { file } });
  const as = (who: keyof typeof RIGHTS) => control(grpcAddress, bearer(files.ca, who));
  const { sweepId } = await as('ann').submitSweep(submission(document('secret')));
  await as('ann').cancelSweep({ sweepId, reason: '' });
  const asked = { sweepIds: [sweepId], reason: '', dryRun: false };
  for (const dryRun of [true, false])
    await expect(as('bob').deleteSweeps({ ...asked, dryRun })).rejects.toMatchObject({ code: 'not-found' });
  await expect(as('eve').deleteSweeps(asked)).rejects.toMatchObject({ code: 'forbidden' });
  const pinned = { sweepId, reason: '', unpin: false };
  await expect(as('bob').pinSweep(pinned)).rejects.toMatchObject({ code: 'not-found' });
  await expect(as('eve').pinSweep(pinned)).rejects.toMatchObject({ code: 'forbidden' });
  expect(await as('ann').pinSweep(pinned)).toEqual({ unchanged: false });
  await as('ann').pinSweep({ ...pinned, unpin: true });
  expect((await as('ann').deleteSweeps(asked)).sweeps).toMatchObject([{ sweepId, refusal: '' }]);
  const noted = jsonLines(readFileSync(file, 'utf8')).filter(({ action }) =>
    /delete|pin/.test(String(action)),
  );
  expect(noted).toMatchObject([
    { who: 'ann', action: 'pin', sweepId, reason: 'pinned by ann' },
    { who: 'ann', action: 'unpin', sweepId, reason: 'unpinned by ann' },
    { who: 'ann', action: 'delete', sweepId, name: 'secret', complete: 0, reason: 'deleted by ann' },
  ]);
});

describe.each([
  ['SQLite', true],
  ['PostgreSQL', hasPostgres],
  ['JetStream', hasNatsServer],
])('on %s', (kind, there) => {
  let place: CoordinatorConfig['log'];
  let stop = async (): Promise<void> => undefined;
  beforeAll(async () => {
    if (kind === 'SQLite') place = { kind: 'sqlite', path: join(folder, 'deleted.sqlite') };
    else if (kind === 'PostgreSQL' && there) {
      const server = await PostgresServer.start();
      [place, stop] = [{ kind: 'postgres', url: server.url() }, () => server.stop()];
    } else if (there) {
      const server = await NatsServer.start();
      [place, stop] = [{ kind: 'jetstream', servers: [server.url], stream: 'DELETED' }, () => server.stop()];
    }
  });
  afterAll(() => stop());

  test.skipIf(!there)('a deletion outlives a restart, and the log verifies', async () => {
    const { coordinator, agent, submit, ridge } = await world({ log: place! });
    const old = await submit('old');
    await agent.work();
    expect((await ridge('delete', old, '--yes')).code).toBe(0);
    await coordinator.stop('asked');
    const next = await world({ log: place! });
    expect(await next.names()).toEqual([]);
    expect(await ridgeHere(['log', 'verify', '-c', next.coordinator.grpcAddress])).toMatchObject({ code: 0 });
    expect(await next.submit('old')).toBe(old);
    expect(await next.agent.work()).toHaveLength(2);
    expect((await next.client.listSweeps()).sweeps).toMatchObject([{ sweepId: old, complete: 2 }]);
  });
});
