import { request as plainRequest } from 'node:http';
import { type RequestOptions, request } from 'node:https';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { CoordinatorConfig } from '../../coordinator/config.js';
import type { RunningCoordinator } from '../../coordinator/main.js';
import type { ResultRecord } from '../../core/result/result.js';
import { parseRecord } from '../../proto/convert.js';
import { buildReport } from '../../report/build.js';
import type { LiveNode, LiveReport, LiveSweep } from '../../report/live/live.js';
import { unpackPart } from '../../report/live/pack.js';
import { quotedOf } from '../../report/quoted.js';
import { control, enter, start as startAny } from '../support/coordinator.js';
import { sharedFolder } from '../support/folder.js';
import { followEvents, type LiveReader } from '../support/live-reader.js';
import { fakeSweep, submission } from '../support/sweeps.js';
import { Authority, byTokens, hasOpenssl, type Pair, tokenOf } from '../support/tls.js';

const folder = sharedFolder();

const closers: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start(config: CoordinatorConfig = {}): Promise<RunningCoordinator & { webUrl: string }> {
  const coordinator = await startAny({
    webAddress: 'localhost:0',
    heartbeatSeconds: 0.1,
    leaseSeconds: 10,
    ...config,
  });
  return { ...coordinator, webUrl: coordinator.webUrl ?? '' };
}

async function submit(address: string, document: string): Promise<string> {
  const request = submission(document);
  return (await control(address).submitSweep(request)).sweepId;
}

async function follow(url: string, headers: Record<string, string> = {}): Promise<LiveReader> {
  const reader = await followEvents(url, headers);
  closers.push(() => reader.close());
  return reader;
}

async function get<T>(url: string): Promise<T> {
  const response = await fetch(url);
  expect(response.status, url).toBe(200);
  return (await response.json()) as T;
}

async function recordsAt(address: string, sweepId: string): Promise<ResultRecord[]> {
  const records: ResultRecord[] = [];
  const query = { sweepId, follow: false, allTrials: true };
  for await (const { recordJson } of control(address).streamResults(query))
    records.push(parseRecord(recordJson));
  return records;
}

const results = (reader: LiveReader): string[] =>
  reader.events.flatMap((event) => (event.event === 'result' ? event.data.trialId : []));

test('the API tells the same sweeps, nodes and results as gRPC', async () => {
  const { grpcAddress, webUrl } = await start();
  const { agent } = await enter(grpcAddress);
  const sweepId = await submit(grpcAddress, fakeSweep(3));
  await agent.work();

  const { sweeps } = await get<{ sweeps: LiveSweep[] }>(`${webUrl}/api/v1/sweeps`);
  expect(sweeps).toMatchObject([{ sweepId, name: 'fake', state: 'done', points: 3, complete: 3, queued: 0 }]);
  expect(await get(`${webUrl}/api/v1/sweeps/${sweepId}`)).toEqual(sweeps[0]);
  const { nodes } = await get<{ nodes: LiveNode[] }>(`${webUrl}/api/v1/nodes`);
  expect(nodes).toMatchObject([{ name: 'node-a', state: 'idle', lastSeenAt: null }]);
  expect(nodes[0]?.profile).toEqual(agent.profile);

  const stored = await recordsAt(grpcAddress, sweepId);
  const response = await fetch(`${webUrl}/api/v1/sweeps/${sweepId}/results?trials=all`);
  expect(response.headers.get('content-type')).toBe('application/x-ndjson');
  const lines = (await response.text()).trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line))).toEqual(stored);
  const [first] = stored;
  expect(await get(`${webUrl}/api/v1/trials/${encodeURIComponent(first?.trialId ?? '')}`)).toEqual(first);

  const live = await get<LiveReport>(`${webUrl}/api/v1/sweeps/${sweepId}/report`);
  // The key of leases, the sweep, three results.
  expect(live.through).toBe(5);
  const packed = buildReport(live.parts.flatMap(unpackPart), live);
  const whole = buildReport(stored, live);
  const numbers = (report: typeof whole) =>
    report.rows.map((row) => report.metrics.map((metric) => quotedOf(row, metric.name)?.value ?? null));
  expect(numbers(packed)).toEqual(numbers(whole));
  expect(packed.rows).toHaveLength(3);
});

test('what is not there is a sentence, and bad ids are refused', async () => {
  const { webUrl } = await start();
  const refused = async (path: string, headers: Record<string, string> = {}) => {
    const response = await fetch(webUrl + path, { headers });
    const { error } = (await response.json()) as { error: { message: string } };
    return [response.status, error.message];
  };
  expect(await refused('/api/v1/sweeps/none')).toEqual([404, expect.stringContaining('no sweep "none"')]);
  expect(await refused('/api/v1/sweeps/none/report')).toEqual([404, expect.any(String)]);
  expect(await refused('/api/v1/events?sweep=none')).toEqual([404, expect.any(String)]);
  expect(await refused('/api/v1/trials/none')).toEqual([404, expect.stringContaining('trial "none"')]);
  expect(await refused('/api/v1/events', { 'last-event-id': 'x' })).toEqual([
    400,
    expect.stringContaining('not an event id'),
  ]);
  expect(await refused('/other')).toEqual([404, 'There is nothing here.']);
});

test('a filter that cannot be read says so, and long ids are not repeated', async () => {
  const { grpcAddress, webUrl } = await start();
  const sweepId = await submit(grpcAddress, fakeSweep(1));
  const refused = async (path: string): Promise<string> => {
    const response = await fetch(`${webUrl}/api/v1/${path}`);
    const { error } = (await response.json()) as { error: { message: string } };
    return `${response.status} ${error.message}`;
  };
  const results = `sweeps/${sweepId}/results`;
  expect(await refused(`${results}?trials=some`)).toBe(
    '400 trials="some" cannot be read: it is "all" or left out.',
  );
  expect(await refused(`${results}?trials=all&trials=all`)).toBe(
    '400 The filter "trials" is given more than once.',
  );
  expect(await refused(`${results}?trial=all`)).toBe('400 There is no filter "trial" here; there is trials.');
  expect(await refused('sweeps?state=done')).toBe('400 There is no filter "state" here; there is none.');
  expect(await refused('events?results=no')).toMatch(/^400 results="no" cannot be read/);
  expect(await refused('events?after=-1')).toMatch(/^400 "-1" is not an event id/);
  expect(await refused('events?after=')).toMatch(/^400 "" is not an event id/);
  expect(await refused(`events?sweep=${'a'.repeat(1_000)}`)).toBe(
    `404 There is no sweep "${'a'.repeat(80)}…" (1000 characters): \`ridge sweeps\` lists them.`,
  );
  expect(await refused(`trials/${'b'.repeat(150)}`)).toMatch(
    /^404 There is no result of a trial "b{80}…" \(150/,
  );
  const cancel = control(grpcAddress).cancelSweep({ sweepId: 'c'.repeat(3_000), reason: '' });
  await expect(cancel).rejects.toMatchObject({
    code: 'not-found',
    message: expect.stringMatching(/^There is no sweep "c{80}…" \(3000 characters\)/),
  });
  const reason = 'd'.repeat(1_001);
  await expect(control(grpcAddress).cancelSweep({ sweepId, reason })).rejects.toMatchObject({
    code: 'invalid',
    message: 'The reason has 1001 characters: write 1000 at most.',
  });
});

test('events tell of nodes, progress and results as they come', async () => {
  const { grpcAddress, webUrl } = await start();
  const reader = await follow(`${webUrl}/api/v1/events`);
  await reader.until('hello', (e) => e.event === 'hello' && e.data.position === 1 && !e.data.reset);
  const { agent } = await enter(grpcAddress);
  await reader.until('the node', (e) => e.event === 'nodes' && e.data[0]?.name === 'node-a');
  const sweepId = await submit(grpcAddress, fakeSweep(2));
  await reader.until('the sweep', (e) => e.event === 'sweeps' && e.data[0]?.sweepId === sweepId);
  const lease = await agent.lease();
  const progress = { trialId: lease.trialId, phase: 'decode', repeat: 2, maxRepeats: 3, elapsedSeconds: 1.5 };
  await agent.say({ $case: 'progress', value: progress });
  await reader.until(
    'the progress',
    (e) => e.event === 'running' && e.data[0]?.phase === 'decode' && e.data[0].repeat === 2,
  );
  const record = await agent.report(lease);
  const told = await reader.until('the result', (e) => e.event === 'result');
  expect(told.id).toBe('3');
  if (told.event !== 'result') throw new Error('unreachable');
  expect(told.data.sweepId).toBe(sweepId);
  expect(unpackPart(told.data.payload)[0]?.measurements).toEqual(record.measurements);
  await reader.until('the count', (e) => e.event === 'sweeps' && e.data[0]?.complete === 1);
  agent.vanish();
  await reader.until('the loss', (e) => e.event === 'nodes' && e.data[0]?.state === 'lost');
});

test('a node that finished and left is drained, not lost, wherever nodes are listed', async () => {
  const { grpcAddress, webUrl } = await start();
  const reader = await follow(`${webUrl}/api/v1/events`);
  const { agent } = await enter(grpcAddress);
  await agent.say({ $case: 'heartbeat', value: { trialIds: [], state: 'draining', health: undefined } });
  await reader.until('draining', (e) => e.event === 'nodes' && e.data[0]?.state === 'draining');
  agent.vanish();
  await reader.until('drained', (e) => e.event === 'nodes' && e.data[0]?.state === 'drained');
  expect((await control(grpcAddress).listNodes()).nodes[0]?.state).toBe('drained');
});

test('so is one that said goodbye, which is leaving for as long as its stream lasts', async () => {
  const { grpcAddress, webUrl } = await start();
  const reader = await follow(`${webUrl}/api/v1/events`);
  const { agent } = await enter(grpcAddress);
  const stateOf = async () => (await control(grpcAddress).listNodes()).nodes[0]?.state;
  await agent.say({ $case: 'leaving', value: { returnedTrialIds: [], reason: 'stopped' } });
  await agent.ask();
  expect(await stateOf()).toBe('draining');
  agent.vanish();
  await reader.until('drained', (e) => e.event === 'nodes' && e.data[0]?.state === 'drained');
  expect(await stateOf()).toBe('drained');
});

test('a reader resumes after a restart where it was, and a log that is another one says so', async () => {
  const log = { kind: 'sqlite', path: join(folder, 'resumed.sqlite') } as const;
  const before = await start({ log });
  const { agent } = await enter(before.grpcAddress);
  const sweepId = await submit(before.grpcAddress, fakeSweep(4));
  const events = `/api/v1/events?sweep=${sweepId}`;
  const reader = await follow(before.webUrl + events, { 'last-event-id': '0' });
  const seen = [
    (await agent.report(await agent.lease())).trialId,
    (await agent.report(await agent.lease())).trialId,
  ];
  const last = await reader.until('two results', (e) => e.event === 'result' && e.data.trialId === seen[1]);
  agent.vanish();
  await before.stop('killed');

  const after = await start({ log });
  const { agent: again } = await enter(after.grpcAddress);
  await again.work();
  const resumed = await follow(after.webUrl + events, { 'last-event-id': last.id ?? '' });
  await resumed.until('the last result', () => results(resumed).length === 2);
  const all = (await recordsAt(after.grpcAddress, sweepId)).map((record) => record.trialId);
  expect([...results(reader), ...results(resumed)]).toEqual(all);

  const other = await start();
  await submit(other.grpcAddress, fakeSweep(4));
  const lost = await follow(other.webUrl + events, { 'last-event-id': last.id ?? '' });
  await lost.until('the reset', (e) => e.event === 'hello' && e.data.reset);
});

test('plain HTTP stays on this machine, and answers under its names only', async () => {
  await expect(start({ webAddress: '0.0.0.0:0' })).rejects.toThrow(/^Plaintext is for loopback only/);
  const { webUrl } = await start();
  const statusFor = async (host: string): Promise<number> =>
    await new Promise((resolve, reject) => {
      plainRequest(`${webUrl}/api/v1/sweeps`, { headers: { host } }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      })
        .on('error', reject)
        .end();
    });
  expect(await statusFor('localhost:7118')).toBe(200);
  expect(await statusFor('rebound.example:7118')).toBe(403);
  expect(await statusFor('rebound.example')).toBe(403);
});

describe.skipIf(!hasOpenssl)('needs openssl', () => {
  let authority: Authority;
  let server: Pair;
  beforeAll(() => {
    authority = new Authority(folder);
    server = authority.issue('coordinator');
  });
  const files = () => ({ certificateFile: server.certificateFile, keyFile: server.keyFile });

  /** @returns the status of the answer, or the code of the error that came instead. */
  async function ask(url: string, options: RequestOptions): Promise<number | string> {
    return await new Promise((resolve) => {
      request(url, { ca: authority.ca, ...options }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      })
        .on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
        .end();
    });
  }

  test('a token with the scope read opens the API; the page alone needs none', async () => {
    const rights = { fleet: { scopes: ['agent'] }, people: { scopes: ['read'] } } as const;
    const { webUrl } = await start({ security: byTokens(server, rights) });
    expect(webUrl).toMatch(/^https:/);
    const as = (name: string) => ({ headers: { authorization: `Bearer ${tokenOf(name)}` } });
    const api = `${webUrl}/api/v1/sweeps`;
    expect(await ask(api, {})).toBe(401);
    expect(await ask(api, as('guess'))).toBe(401);
    expect(await ask(api, as('fleet'))).toBe(403);
    expect(await ask(api, as('people'))).toBe(200);
    expect(await ask(`${webUrl}/api/v1/events`, {})).toBe(401);
    expect([200, 503]).toContain(await ask(`${webUrl}/`, {}));
    const reader = await followEvents(`${webUrl}/api/v1/events`, as('people').headers, { ca: authority.ca });
    closers.push(() => reader.close());
    await reader.until('hello', (e) => e.event === 'hello');
  });

  test('mutual TLS: the common name says who may read', async () => {
    const { webUrl } = await start({
      security: {
        kind: 'mutual-tls',
        caFile: authority.caFile,
        ...files(),
        grants: [
          { commonName: 'viewer', scopes: ['read'] },
          { commonName: 'node-*', scopes: ['agent'] },
        ],
      },
    });
    const api = `${webUrl}/api/v1/sweeps`;
    const as = (name: string) => {
      const { certificate: cert, key } = authority.issue(name);
      return { cert, key };
    };
    expect(await ask(api, as('viewer'))).toBe(200);
    expect(await ask(api, as('node-1'))).toBe(403);
    expect(await ask(api, {})).toMatch(/CERTIFICATE|ECONNRESET|EPROTO|EPIPE/);
  });
});
