import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { metricsRequest } from '../../coordinator/exporter/push/otlp.js';
import { startCoordinator } from '../../coordinator/main.js';
import { isPresent, type ResultRecord } from '../../core/result/result.js';
import { ConnectProxy } from '../support/connect-proxy.js';
import { sharedFolder, temporaryFolder } from '../support/folder.js';
import { recordsIn } from '../support/reading.js';
import { type Finished, ridge } from '../support/ridge.js';
import { ridgeHere } from '../support/ridge-here.js';
import { installed, startPrometheus, until } from '../support/services.js';
import { fakeSweep } from '../support/sweeps.js';
import { Authority, hasOpenssl } from '../support/tls.js';

const measure = `{ starts: 1, minRepeats: 3, maxRepeats: 3 }`;

describe('a run that is over before anybody scrapes it', () => {
  const folder = sharedFolder();
  const out = join(folder, 'out');
  let run: Finished;
  let records: ResultRecord[] = [];
  const bodies: ReturnType<typeof metricsRequest>[] = [];
  const collector = createServer((request, response) => {
    let body = '';
    request.on('data', (part) => {
      body += part;
    });
    request.on('end', () => {
      const right = request.url === '/v1/metrics' && request.headers['content-type'] === 'application/json';
      if (right) bodies.push(JSON.parse(body));
      response.writeHead(right ? 200 : 404).end('{}');
    });
  });

  beforeAll(async () => {
    await new Promise<void>((listening) => collector.listen(0, '127.0.0.1', listening));
    const bound = collector.address();
    const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
    const file = join(folder, 'sweep.yaml');
    writeFileSync(file, fakeSweep(3, { name: 'pushed', measure, placement: '{ retries: 0 }' }));
    run = await ridgeHere(['run', file, '--out', out, '--otlp', `http://127.0.0.1:${port}/v1/metrics`]);
    records = recordsIn(out);
  }, 120_000);
  afterAll(() => collector.close());

  test('is at an OpenTelemetry collector: results, progress and node, by the names of its conventions, too', () => {
    expect(run.stderr).not.toContain('could not be pushed');
    expect(run.code).toBe(0);
    const text = JSON.stringify(bodies.at(-1));
    const { resourceMetrics } = JSON.parse(text) as {
      resourceMetrics: { scopeMetrics: { metrics: OtlpMetric[] }[] }[];
    };
    const metrics = new Map(
      resourceMetrics.flatMap(({ scopeMetrics }) =>
        scopeMetrics.flatMap((scope) => scope.metrics.map((metric) => [metric.name, metric] as const)),
      ),
    );
    const repeats = records
      .filter(({ valid }) => valid)
      .reduce((sum, { repeats: { count } }) => sum + count, 0);
    const first = metrics.get('gen_ai.server.time_to_first_token')?.histogram?.dataPoints ?? [];
    // Drift controls are requests like any other.
    expect(Number(first[0]?.count)).toBeGreaterThanOrEqual(repeats);
    expect(first[0]?.bucketCounts).toHaveLength((first[0]?.explicitBounds.length ?? 0) + 1);
    expect(sum(first[0]?.bucketCounts)).toBe(Number(first[0]?.count));
    const usage = metrics.get('gen_ai.client.token.usage');
    expect(usage?.unit).toBe('{token}');
    expect(JSON.stringify(usage)).toContain('"gen_ai.token.type","value":{"stringValue":"output"}');
    const gauge = (name: string, label: string, value: string) =>
      metrics.get(name)?.gauge?.dataPoints.find((point) => labelOf(point, label) === value)?.asDouble;
    expect(gauge('ridgepoint_sweep_points', 'state', 'complete')).toBe(3);
    expect(metrics.get('ridgepoint_agent_connected')?.gauge?.dataPoints[0]?.asDouble).toBe(1);
    for (const { experimentId, measurements, valid } of records) {
      const rate = measurements.decodeTokensPerSecond;
      if (!valid || !isPresent(rate)) continue;
      expect(gauge('ridgepoint_decode_tokens_per_second', 'experiment', experimentId)).toBe(rate.value);
    }
    const latencies = metrics.get('ridgepoint_inter_token_latency_seconds')?.histogram?.dataPoints ?? [];
    for (const { count, bucketCounts } of latencies) expect(sum(bucketCounts)).toBe(Number(count));
    const gaps = records.flatMap(({ tokenSeconds }) => tokenSeconds.flat()).length;
    expect(sum(latencies.map(({ count }) => count))).toBeGreaterThanOrEqual(gaps);
    expect(metrics.get('ridgepoint_trials_total')).toHaveProperty('sum.isMonotonic', true);
  });

  test.skipIf(!installed('prometheus') || !installed('promtool'))(
    'is back-filled from its folder by promtool, at the times when it was measured (needs prometheus)',
    async () => {
      const history = join(folder, 'history.om');
      const blocks = join(folder, 'blocks');
      const held = ['-o', history, '--hold', '10', '--label', 'job=past'];
      const exported = await ridgeHere(['export', 'openmetrics', out, ...held]);
      expect(exported.code, exported.stderr).toBe(0);
      const words = ['tsdb', 'create-blocks-from', 'openmetrics', history, blocks];
      const made = spawnSync('promtool', words, { encoding: 'utf8' });
      expect(made.status, made.stdout + made.stderr).toBe(0);
      const past = await startPrometheus({}, { data: blocks });
      try {
        const valid = records.filter((record) => record.valid);
        expect(valid.length).toBeGreaterThan(0);
        for (const { experimentId, measurements, endedAt } of valid) {
          const series = `ridgepoint_decode_tokens_per_second{job="past",experiment="${experimentId}"}`;
          const rate = measurements.decodeTokensPerSecond;
          const at = Math.ceil(Date.parse(endedAt) / 1000);
          const values = async (time: number) => (await past.query(series, time)).map(({ value }) => value);
          expect(await values(at)).toEqual([isPresent(rate) ? rate.value : Number.NaN]);
          // Ten minutes it stands, and the five that a server looks back.
          expect(await values(at + 590)).toHaveLength(1);
          expect(await values(at + 1000)).toEqual([]);
          expect(await values(at - 10)).toEqual([]);
        }
        const last = Math.max(...records.map(({ endedAt }) => Date.parse(endedAt))) / 1000;
        const trials = await past.query('ridgepoint_trials_total{state="complete"}', last + 1);
        expect(trials[0]?.value).toBeGreaterThanOrEqual(valid.length);
      } finally {
        await past.stop();
      }
    },
  );
});

interface OtlpMetric {
  readonly name: string;
  readonly unit?: string;
  readonly histogram?: {
    dataPoints: { count: string; explicitBounds: number[]; bucketCounts: string[] }[];
  };
  readonly gauge?: { dataPoints: Point[] };
}

interface Point {
  readonly attributes: readonly { key: string; value: { stringValue: string } }[];
  readonly asDouble: number;
}

function labelOf({ attributes }: Point, name: string): string | undefined {
  return attributes.find(({ key }) => key === name)?.value.stringValue;
}

function sum(counts: readonly string[] = []): number {
  return counts.reduce((total, count) => total + Number(count), 0);
}

test('a coordinator pushes by itself where its configuration says, with its token', async () => {
  const folder = temporaryFolder();
  const tokenFile = join(folder, 'token');
  writeFileSync(tokenFile, 'secret-of-a-test\n');
  const heard: string[] = [];
  const receiver = createServer((request, response) => {
    heard.push(`${request.method} ${request.url} ${request.headers.authorization}`);
    request.resume().on('end', () => response.writeHead(204).end());
  });
  await new Promise<void>((listening) => receiver.listen(0, '127.0.0.1', listening));
  const bound = receiver.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
  const url = `http://127.0.0.1:${port}/v1/metrics`;
  const coordinator = await startCoordinator({
    grpcAddress: '127.0.0.1:0',
    metricsAddress: null,
    log: { kind: 'memory' },
    logLevel: 'silent',
    exporter: { push: [{ kind: 'otlp', url, intervalSeconds: 0.1, tokenFile }] },
  });
  try {
    await until('two pushes', async () => (heard.length >= 2 ? true : null));
  } finally {
    await coordinator.stop('the test is over');
    receiver.close();
  }
  expect(new Set(heard)).toEqual(new Set(['POST /v1/metrics Bearer secret-of-a-test']));
});

test.each([
  [['--otlp', 'nonsense'], /Metrics cannot be pushed to "nonsense": it is no URL\./],
  [
    ['--otlp', 'http://127.0.0.1:9/v1/metrics', '--push-token-file', '/no/token'],
    /\/no\/token, cannot be read/,
  ],
])('ridge run %j is one sentence, before anything is run', async (words, sentence) => {
  const folder = temporaryFolder();
  const file = join(folder, 'sweep.yaml');
  writeFileSync(file, fakeSweep(1));
  const { code, stderr } = await ridgeHere(['run', file, '--out', join(folder, 'out'), ...words]);
  expect(stderr).toMatch(sentence);
  expect(code).toBe(2);
});

test('a receiver that is not there costs a sentence, not the run', async () => {
  const folder = temporaryFolder();
  const file = join(folder, 'sweep.yaml');
  writeFileSync(file, fakeSweep(1, { placement: '{ driftControl: false }' }));
  const words = ['--otlp', 'http://user:secret@127.0.0.1:9/v1/metrics'];
  const { code, stderr } = await ridgeHere(['run', file, '--out', join(folder, 'out'), ...words]);
  expect(code).toBe(0);
  expect(stderr.match(/metrics could not be pushed to http:\/\/127\.0\.0\.1:9\/v1\/metrics/g)).toHaveLength(
    1,
  );
  expect(stderr).not.toContain('secret');
});

test.skipIf(!hasOpenssl)(
  'a receiver that only the proxy of the environment reaches gets what is pushed (needs openssl)',
  { timeout: 120_000 },
  async () => {
    const folder = temporaryFolder();
    const authority = new Authority(folder);
    const heard = new Set<string>();
    const { certificate: cert, key } = authority.issue('receiver', ['collector.test']);
    const receiver = createSecureServer({ cert, key }, (request, response) => {
      heard.add(`${request.method} ${request.headers.host?.replace(/:\d+$/, '')} ${request.url}`);
      request.resume().on('end', () => response.end('{}'));
    });
    await new Promise<void>((listening) => receiver.listen(0, '127.0.0.1', listening));
    const { port } = receiver.address() as AddressInfo;
    const proxy = await new ConnectProxy().start();
    proxy.hosts.set('collector.test', port);
    const file = join(folder, 'sweep.yaml');
    writeFileSync(file, fakeSweep(1, { measure, placement: '{ driftControl: false }' }));
    const address = `http://me:secret@${proxy.host}`;
    // Node.js reads which authorities it believes at its start.
    const { code, stderr } = await ridge(
      ['run', file, '--out', join(folder, 'out'), '--otlp', `https://collector.test:${port}/v1/metrics`],
      {
        env: {
          https_proxy: '',
          http_proxy: '',
          ALL_PROXY: '',
          all_proxy: '',
          NO_PROXY: '',
          no_proxy: '',
          HTTPS_PROXY: address,
          HTTP_PROXY: address,
          NODE_EXTRA_CA_CERTS: authority.caFile,
        },
      },
    );
    receiver.close();
    expect(stderr).not.toMatch(/could not be pushed|secret/);
    expect(code).toBe(0);
    expect([...heard]).toEqual(['POST collector.test /v1/metrics']);
    const authorization = `Basic ${Buffer.from('me:secret').toString('base64')}`;
    const seen = new Set(proxy.seen.map((one) => JSON.stringify(one)));
    expect(seen).toEqual(new Set([JSON.stringify({ target: `collector.test:${port}`, authorization })]));
  },
);
