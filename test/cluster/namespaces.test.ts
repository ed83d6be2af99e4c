import { beforeAll, describe, expect, test } from 'vitest';
import { type ControlConnection, connectControl } from '../../proto/client.js';
import { start } from '../support/coordinator.js';
import { FakeAgent } from '../support/fake-agent.js';
import { sharedFolder } from '../support/folder.js';
import { RawHttp } from '../support/raw-http.js';
import { fakeSweep, submission } from '../support/sweeps.js';
import { bearer, byTokens, serverFiles, tokenOf } from '../support/tls.js';
import { aNode } from '../support/wire-records.js';

const folder = sharedFolder();
const RIGHTS = {
  ann: { scopes: ['submit', 'read'], namespaces: ['lab'] },
  bob: { scopes: ['submit', 'read'], namespaces: ['shop', 'shop-*'] },
  boss: { scopes: ['admin'] },
  'gpu-1': { scopes: ['agent'] },
} as const;
type Who = keyof typeof RIGHTS;
let files: Awaited<ReturnType<typeof serverFiles>>;
beforeAll(async () => {
  files = await serverFiles(folder);
});

/** A trial of each in turn. */
const SWEEP = fakeSweep(4, { placement: '{ driftControl: false, retries: 1, blockSize: 1 }' });

/** A coordinator with a sweep of ann's and one of bob's, a result and a running trial of each. */
async function world() {
  const served = await start({
    security: byTokens(files, RIGHTS),
    webAddress: 'localhost:0',
    metricsAddress: 'localhost:0',
    webWrites: true,
  });
  const { ca } = files;
  const security = (who: Who) => bearer(ca, who);
  const as = async <T>(who: Who, ask: (control: ControlConnection) => Promise<T>): Promise<T | string> => {
    const control = connectControl({ address: served.grpcAddress, security: security(who) });
    try {
      return await ask(control);
    } catch (error) {
      return (error as Error).message;
    } finally {
      control.close();
    }
  };
  const submit = async (who: Who, more: object = {}) =>
    await as(who, async (control) => (await control.submitSweep({ ...submission(SWEEP), ...more })).sweepId);
  const anns = await submit('ann');
  const bobs = await submit('bob', { namespace: 'shop' });
  const { agent } = await FakeAgent.join(served.grpcAddress, {
    security: security('gpu-1'),
    profile: aNode('gpu-1'),
  });
  const trials = new Map<string, string>();
  for (let n = 0; n < 2; n += 1) {
    const lease = await agent.lease();
    trials.set(lease.sweepId, lease.trialId);
    await agent.report(lease);
  }
  const running = await agent.lease();
  const web = async (who: Who, target: string, body?: string) => {
    const raw = new RawHttp(served.webUrl!, { ca });
    const headers = [`authorization: Bearer ${tokenOf(who)}`];
    if (body === undefined) return await raw.ask(target, { headers });
    const more = ['content-type: application/json', `content-length: ${body.length}`];
    return await raw.send(
      [`POST ${target} HTTP/1.1`, 'Host: localhost', ...headers, ...more, '', body].join('\r\n'),
    );
  };
  return { ...served, as, submit, web, anns, bobs, trials, running, agent };
}

describe('a namespace', () => {
  test('has its sweeps, results and trials to itself: over gRPC', async () => {
    const { as, submit, anns, bobs, trials, agent } = await world();
    // The same file is another sweep.
    expect(anns).not.toBe(bobs);
    expect([...trials.keys()].sort()).toEqual([anns, bobs].sort());
    const ids = (who: Who) =>
      as(who, async (control) => (await control.listSweeps()).sweeps.map(({ sweepId }) => sweepId));
    expect([await ids('ann'), await ids('bob'), await ids('boss')]).toEqual([[anns], [bobs], [anns, bobs]]);
    const gone = `There is no sweep "${anns}": \`ridge sweeps\` lists them.`;
    const about = { sweepId: anns, reason: '' };
    expect(await as('bob', (control) => control.cancelSweep(about))).toBe(gone);
    expect(await as('bob', (control) => control.pauseSweep(about))).toBe(gone);
    expect(await as('bob', (control) => control.resumeSweep(about))).toBe(gone);
    const first = async <T>(all: AsyncIterable<T>) => {
      for await (const one of all) return one;
      return null;
    };
    expect(await as('bob', (control) => first(control.watchSweep({ sweepId: anns })))).toBe(gone);
    expect(await as('bob', (control) => control.getSweep({ sweepId: anns }))).toBe(gone);
    expect(await as('ann', (control) => control.getSweep({ sweepId: anns }))).toEqual({ document: SWEEP });
    const request = { follow: false, allTrials: true };
    expect(await as('bob', (control) => first(control.streamResults({ sweepId: anns, ...request })))).toBe(
      gone,
    );
    const all = (who: Who) =>
      as(who, async (control) => {
        const found: string[] = [];
        for await (const { recordJson } of control.streamResults({ sweepId: '', ...request }))
          found.push((JSON.parse(recordJson) as { sweep: { id: string } }).sweep.id);
        return found;
      });
    expect([await all('ann'), await all('bob')]).toEqual([[anns], [bobs]]);
    expect(await all('boss')).toHaveLength(2);
    const nodes = (who: Who) =>
      as(who, async (control) =>
        (await control.listNodes()).nodes.map(({ state, running }) => [state, running.length]),
      );
    const seen = [await nodes('ann'), await nodes('bob')];
    // Whose it is not sees that the node is busy, and not with what.
    expect(seen.sort()).toEqual([[['busy', 0]], [['busy', 1]]]);
    expect(await nodes('boss')).toEqual([['busy', 1]]);
    const names = (who: Who) =>
      as(who, async (control) => (await control.listNamespaces()).namespaces.map(({ name }) => name));
    expect([await names('ann'), await names('bob'), await names('boss')]).toEqual([
      ['lab'],
      ['shop'],
      ['lab', 'shop'],
    ]);
    expect(await submit('ann', { namespace: 'shop' })).toBe(
      '"ann" may not use the namespace "shop", but "lab".',
    );
    expect(await submit('bob', { namespace: 'shop-7' })).toMatch(/^s[0-9a-f]+$/);
    expect(await submit('bob')).toBe('"bob" may not use the namespace "default", but "shop", "shop-*".');
    expect(await submit('boss', { namespace: 'Not a name' })).toMatch(/cannot be a namespace/);
    agent.vanish();
  });

  test('has them to itself in the web view, its events and answers, and in metrics', async () => {
    const { web, anns, bobs, trials, metricsUrl, agent } = await world();
    const ids = async (who: Who) =>
      (JSON.parse((await web(who, '/api/v1/sweeps')).body) as { sweeps: { sweepId: string }[] }).sweeps.map(
        ({ sweepId }) => sweepId,
      );
    expect([await ids('ann'), await ids('bob')]).toEqual([[anns], [bobs]]);
    const targets = [
      `/api/v1/sweeps/${anns}`,
      `/api/v1/sweeps/${anns}/report`,
      `/api/v1/sweeps/${anns}/results?trials=all`,
      `/api/v1/events?sweep=${anns}`,
      `/api/v1/trials/${trials.get(String(anns))}`,
    ];
    const statuses = async (who: Who) => {
      const found: number[] = [];
      for (const target of targets) found.push((await web(who, target)).status);
      return found;
    };
    expect(await statuses('ann')).toEqual([200, 200, 200, 200, 200]);
    expect(await statuses('bob')).toEqual([404, 404, 404, 404, 404]);
    expect((await web('bob', `/api/v1/sweeps/${anns}/cancel`, '{}')).status).toBe(404);
    const running = async (who: Who) =>
      (JSON.parse((await web(who, '/api/v1/running')).body) as { running: unknown[] }).running.length;
    expect((await running('ann')) + (await running('bob'))).toBe(1);
    // What a stream begins with has the state of one namespace alone.
    const events = (await web('bob', '/api/v1/events?results=all&after=0').catch(() => ({ body: '' }))).body;
    expect(events).not.toContain(anns);
    const text = await (await fetch(metricsUrl!)).text();
    expect(text).toContain('sweep="lab/fake"');
    expect(text).toContain('sweep="shop/fake"');
    expect(text).not.toContain('sweep="fake"');
    expect(text).toMatch(/ridgepoint_namespace_device_seconds_total\{namespace="lab"\} \d/);
    agent.vanish();
  });

  test('is no place to drain or cordon nodes from, for they serve all; who administers may', async () => {
    const { as, agent } = await world();
    const cordon = { node: 'gpu-1', reason: 'a fan is loud', uncordon: false };
    const refused = '"ann" is for some namespaces, and nodes serve all: it takes the scope "admin".';
    expect(await as('ann', (control) => control.cordonNode(cordon))).toBe(refused);
    expect(await as('ann', (control) => control.drainNode({ node: 'gpu-1', reason: '' }))).toBe(refused);
    expect(await as('boss', (control) => control.cordonNode(cordon))).toEqual({
      running: 1,
      unchanged: false,
    });
    expect(await as('boss', (control) => control.cordonNode(cordon))).toEqual({
      running: 1,
      unchanged: true,
    });
    const nodes = await as('boss', async (control) => (await control.listNodes()).nodes);
    expect(nodes).toMatchObject([{ cordoned: 'a fan is loud' }]);
    const readLog = async (control: ControlConnection) => {
      for await (const { end } of control.readLog({ after: 0, until: 0 })) return end;
      return null;
    };
    expect(await as('ann', readLog)).toBe('The token "ann" does not have the scope "admin".');
    expect(await as('boss', readLog)).toBeGreaterThan(0);
    expect(await as('boss', (control) => control.cordonNode({ ...cordon, uncordon: true }))).toMatchObject({
      unchanged: false,
    });
    expect(await as('boss', (control) => control.cordonNode({ ...cordon, node: '../x' }))).toMatch(
      /is no name of a node/,
    );
    agent.vanish();
  });
});
