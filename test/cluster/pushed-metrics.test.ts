import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { metricsRequest } from '../../coordinator/exporter/push/otlp.js';
import { startCoordinator } from '../../coordinator/main.js';
import { isPresent, type ResultRecord } from '../../core/result/result.js';
import { ConnectProxy } from '../support/connect-proxy.js';
import { type Finished, ridge } from '../support/ridge.js';
import { installed, type Prometheus, startPrometheus, until } from '../support/services.js';
import { fakeSweep } from '../support/sweeps.js';
import { Authority, hasOpenssl } from '../support/tls.js';

const here = installed('prometheus') && installed('promtool');

const measure = `{ starts: 1, minRepeats: 3, maxRepeats: 3 }`;

describe.skipIf(!here)('a run that is over before anybody scrapes it (needs prometheus)', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-pushed-'));
  const out = join(folder, 'out');
  let prometheus: Prometheus;
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
    prometheus = await startPrometheus({}, { flags: ['--web.enable-remote-write-receiver'] });
    await new Promise<void>((listening) => collector.listen(0, '127.0.0.1', listening));
    const bound = collector.address();
    const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
    const file = join(folder, 'sweep.yaml');
    writeFileSync(file, fakeSweep(3, { name: 'pushed', measure, placement: '{ retries: 0 }' }));
    run = await ridge([
      ...['run', file, '--out', out, '--remote-write', `${prometheus.url}/api/v1/write`],
      ...['--otlp', `http://127.0.0.1:${port}/v1/metrics`],
    ]);
    records = readFileSync(join(out, 'results.jsonl'), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as ResultRecord);
  }, 120_000);
  afterAll(async () => {
    await prometheus.stop();
    collector.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test('is in a Prometheus that takes remote writes, results, progress and node', async () => {
    expect(run.stderr).not.toContain('could not be pushed');
    expect(run.code).toBe(0);
    const { query } = prometheus;
    const one = async (expression: string): Promise<number> =>
      await until(expression, async () => (await query(expression))[0]?.value ?? null, 10);
    expect(await one('ridgepoint_sweep_points{job="ridgepoint-run",sweep="pushed",state="complete"}')).toBe(
      3,
    );
    for (const { experimentId, measurements, valid } of records) {
      const rate = measurements.decodeTokensPerSecond;
      if (!valid || !isPresent(rate)) continue;
      expect(await one(`ridgepoint_decode_tokens_per_second{experiment="${experimentId}"}`)).toBe(rate.value);
    }
    expect(await one('ridgepoint_agent_connected')).toBe(1);
    const gaps = records.flatMap(({ tokenSeconds }) => tokenSeconds.flat()).length;
    expect(await one('sum(ridgepoint_inter_token_latency_seconds_count)')).toBeGreaterThanOrEqual(gaps);
    const quantile = 'histogram_quantile(0.5, ridgepoint_inter_token_latency_seconds_bucket)';
    expect(await one(quantile)).toBeGreaterThan(0);
  });

  test('is at an OpenTelemetry collector, by the names of its conventions, too', () => {
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
    const latency = metrics.get('ridgepoint_inter_token_latency_seconds')?.exponentialHistogram
      ?.dataPoints[0];
    expect(sum(latency?.positive.bucketCounts)).toBe(Number(latency?.count));
    expect(metrics.get('ridgepoint_trials_total')).toHaveProperty('sum.isMonotonic', true);
  });

  test('is back-filled from its folder by promtool, at the times when it was measured', async () => {
    const history = join(folder, 'history.om');
    const blocks = join(folder, 'blocks');
    const exported = await ridge([
      'export',
      'openmetrics',
      out,
      '-o',
      history,
      '--hold',
      '10',
      '--label',
      'job=past',
    ]);
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
  });
});

interface OtlpMetric {
  readonly name: string;
  readonly unit?: string;
  readonly histogram?: {
    dataPoints: { count: string; explicitBounds: number[]; bucketCounts: string[] }[];
  };
  readonly exponentialHistogram?: { dataPoints: { count: string; positive: { bucketCounts: string[] } }[] };
}

function sum(counts: readonly string[] = []): number {
  return counts.reduce((total, count) => total + Number(count), 0);
}

test('a coordinator pushes by itself where its configuration says, with its token', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-pushed-'));
  const tokenFile = join(folder, 'token');
  writeFileSync(tokenFile, 'secret-of-a-test\n');
  const heard: string[] = [];
  const receiver = createServer((request, response) => {
    heard.push(
      `${request.method} ${request.url} ${request.headers.authorization} ${request.headers['content-encoding']}`,
    );
    request.resume().on('end', () => response.writeHead(204).end());
  });
  await new Promise<void>((listening) => receiver.listen(0, '127.0.0.1', listening));
  const bound = receiver.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
  const url = `http://127.0.0.1:${port}/api/v1/write`;
  const coordinator = await startCoordinator({
    grpcAddress: '127.0.0.1:0',
    metricsAddress: null,
    log: { kind: 'memory' },
    logLevel: 'silent',
    exporter: { push: [{ kind: 'remote-write', url, intervalSeconds: 0.1, tokenFile }] },
  });
  try {
    await until('two pushes', async () => (heard.length >= 2 ? true : null));
  } finally {
    await coordinator.stop('the test is over');
    receiver.close();
    rmSync(folder, { recursive: true, force: true });
  }
  expect(new Set(heard)).toEqual(new Set(['POST /api/v1/write Bearer secret-of-a-test snappy']));
});

test.each([
  [['--remote-write', 'nonsense'], /Metrics cannot be pushed to "nonsense": it is no URL\./],
  [
    ['--otlp', 'http://127.0.0.1:9/v1/metrics', '--push-token-file', '/no/token'],
    /\/no\/token, cannot be read/,
  ],
])('ridge run %j is one sentence, before anything is run', async (words, sentence) => {
  const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-pushed-'));
  const file = join(folder, 'sweep.yaml');
  writeFileSync(file, fakeSweep(1));
  const { code, stderr } = await ridge(['run', file, '--out', join(folder, 'out'), ...words]);
  rmSync(folder, { recursive: true, force: true });
  expect(stderr).toMatch(sentence);
  expect(code).toBe(2);
});

test('a receiver that is not there costs a sentence, not the run', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-pushed-'));
  const file = join(folder, 'sweep.yaml');
  writeFileSync(file, fakeSweep(1, { placement: '{ driftControl: false }' }));
  const words = ['--remote-write', 'http://user:secret@127.0.0.1:9/api/v1/write'];
  const { code, stderr } = await ridge(['run', file, '--out', join(folder, 'out'), ...words]);
  rmSync(folder, { recursive: true, force: true });
  expect(code).toBe(0);
  expect(
    stderr.match(/metrics could not be pushed to http:\/\/127\.0\.0\.1:9\/api\/v1\/write/g),
  ).toHaveLength(1);
  expect(stderr).not.toContain('secret');
});

test.skipIf(!hasOpenssl)(
  'receivers that only the proxies of the environment reach get what is pushed (needs openssl)',
  { timeout: 120_000 },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-pushed-'));
    const authority = new Authority(folder);
    const heard = new Set<string>();
    const hear = (request: IncomingMessage) => {
      heard.add(`${request.method} ${request.headers.host?.replace(/:\d+$/, '')} ${request.url}`);
      return request.resume();
    };
    const { certificate: cert, key } = authority.issue('receiver', ['collector.test']);
    const secure = createSecureServer({ cert, key }, (request, response) => {
      hear(request).on('end', () => response.end('{}'));
    });
    const plain = createServer((request, response) => {
      hear(request).on('end', () => response.writeHead(204).end());
    });
    const proxy = await new ConnectProxy().start();
    const ports: number[] = [];
    for (const [name, server] of [['collector.test', secure] as const, ['metrics.test', plain] as const]) {
      await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
      const { port } = server.address() as AddressInfo;
      proxy.hosts.set(name, port);
      ports.push(port);
    }
    const file = join(folder, 'sweep.yaml');
    writeFileSync(file, fakeSweep(1, { measure, placement: '{ driftControl: false }' }));
    const address = `http://me:secret@${proxy.host}`;
    const { code, stderr } = await ridge(
      [
        ...['run', file, '--out', join(folder, 'out')],
        ...['--otlp', `https://collector.test:${ports[0]}/v1/metrics`],
        ...['--remote-write', `http://metrics.test:${ports[1]}/api/v1/write`],
      ],
      {
        env: {
          ...{ https_proxy: '', http_proxy: '', ALL_PROXY: '', all_proxy: '', NO_PROXY: '', no_proxy: '' },
          ...{ HTTPS_PROXY: address, HTTP_PROXY: address, NODE_EXTRA_CA_CERTS: authority.caFile },
        },
      },
    );
    secure.close();
    plain.close();
    rmSync(folder, { recursive: true, force: true });
    expect(stderr).not.toMatch(/could not be pushed|secret/);
    expect(code).toBe(0);
    expect([...heard].sort()).toEqual(['POST collector.test /v1/metrics', 'POST metrics.test /api/v1/write']);
    const authorization = `Basic ${Buffer.from('me:secret').toString('base64')}`;
    expect(new Set(proxy.seen.map((one) => JSON.stringify(one)))).toEqual(
      new Set(
        [`collector.test:${ports[0]}`, `http://metrics.test:${ports[1]}/api/v1/write`].map((target) =>
          JSON.stringify({ target, authorization }),
        ),
      ),
    );
  },
);
