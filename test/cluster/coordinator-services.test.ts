import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { type Client, credentials, loadPackageDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { protoPath } from 'grpc-health-check';
import { expect, test } from 'vitest';
import type { CoordinatorConfig } from '../../coordinator/config.js';
import type { RunningCoordinator } from '../../coordinator/main.js';
import { METRICS } from '../../core/metrics/catalogue.js';
import { connectControl } from '../../proto/client.js';
import { start as startAny } from '../support/coordinator.js';
import { FakeAgent } from '../support/fake-agent.js';
import { until } from '../support/services.js';
import { fakeSweep, submission } from '../support/sweeps.js';
import { aNode, crashed } from '../support/wire-records.js';

const start = (config: CoordinatorConfig = {}) => startAny({ metricsAddress: '127.0.0.1:0', ...config });

/** Takes part in a sweep of five points: two good, one crash given up, one invalid row, one not run. */
async function measured(coordinator: RunningCoordinator): Promise<FakeAgent> {
  const control = connectControl({ address: coordinator.grpcAddress, security: { kind: 'plaintext' } });
  const document = fakeSweep(5, {
    name: 'shown',
    measure: '{ starts: 1, retryInvalid: 0 }',
    placement: '{ driftControl: false, retries: 0 }',
  });
  await control.submitSweep(submission(document));
  control.close();
  const { agent } = await FakeAgent.join(coordinator.grpcAddress);
  await agent.report(await agent.lease(), { decodeTokensPerSecond: 123.5 });
  await agent.report(await agent.lease(), {
    decodeTokensPerSecond: 99,
    warnings: ['cpu-steal', 'shared-core'],
  });
  await agent.report(await agent.lease(), { failure: crashed });
  await agent.report(await agent.lease(), { valid: false });
  return agent;
}

test('the standard health service answers for the server and each service', async () => {
  const { grpcAddress } = await start();
  const health = serviceClient(loadSync(protoPath), 'grpc.health.v1.Health', grpcAddress);
  for (const service of ['', 'ridgepoint.v1.AgentService', 'ridgepoint.v1.ControlService']) {
    expect(await unary(health, 'check', { service })).toMatchObject({ status: 1 });
  }
  await expect(unary(health, 'check', { service: 'nope' })).rejects.toThrow(/NOT_FOUND/);
  health.close();
});

test('reflection lists the services and gives the file of one', async () => {
  const { grpcAddress } = await start();
  const library = createRequire(import.meta.url).resolve('@grpc/reflection');
  const file = join(dirname(library), '../proto/grpc/reflection/v1/reflection.proto');
  const definition = loadSync(file, { keepCase: true });
  const client = serviceClient(definition, 'grpc.reflection.v1.ServerReflection', grpcAddress);
  const ask = async (request: object): Promise<Record<string, unknown>> => {
    const call = (
      client as unknown as { ServerReflectionInfo(): NodeJS.ReadWriteStream & { write(m: object): void } }
    ).ServerReflectionInfo();
    const answer = new Promise<Record<string, unknown>>((resolve, reject) => {
      call.on('data', resolve);
      call.on('error', reject);
    });
    call.write(request);
    const result = await answer;
    call.end();
    return result;
  };
  const listed = JSON.stringify(await ask({ list_services: '*' }));
  for (const name of ['AgentService', 'ControlService']) expect(listed).toContain(`ridgepoint.v1.${name}`);
  const described = await ask({ file_containing_symbol: 'ridgepoint.v1.ControlService' });
  expect(described).toHaveProperty('file_descriptor_response');
  client.close();
});

test('metrics: values are those of the records, counts are those of the trials', async () => {
  const coordinator = await start();
  const agent = await measured(coordinator);
  const body = await (await fetch(coordinator.metricsUrl!)).text();
  const series = (name: string): string[] =>
    body.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
  const rates = series('ridgepoint_decode_tokens_per_second');
  expect(rates.map((line) => Number(line.split(' ').at(-1))).sort()).toEqual([123.5, 99]);
  expect(rates[0]).toMatch(
    /sweep="shown",model="tiny",quantization=".+",runner="fake",device="cpu0",node="node-a"/,
  );
  // Two points that differ in nothing but an option stay two series, told apart by the id.
  expect(new Set(rates.map((line) => /experiment="([^"]+)"/.exec(line)?.[1])).size).toBe(2);
  expect(series('ridgepoint_energy_joules')).toEqual([]);
  expect(series('ridgepoint_experiment_info')).toHaveLength(2);
  expect(series('ridgepoint_experiment_info')[0]).toMatch(/generate_tokens="\d"/);
  expect(series('ridgepoint_trials_total').sort()).toEqual([
    'ridgepoint_trials_total{state="complete"} 2',
    'ridgepoint_trials_total{state="failed"} 1',
    'ridgepoint_trials_total{state="invalid"} 1',
  ]);
  expect(series('ridgepoint_invalid_total')).toEqual([
    'ridgepoint_invalid_total{code="provider-fallback"} 1',
  ]);
  // A disturbed result counts and is shown; by what, and that it is, stands beside it.
  expect(series('ridgepoint_disturbed_total').sort()).toEqual([
    'ridgepoint_disturbed_total{code="cpu-steal"} 1',
    'ridgepoint_disturbed_total{code="shared-core"} 1',
  ]);
  expect(
    series('ridgepoint_result_disturbed')
      .map((line) => line.at(-1))
      .sort(),
  ).toEqual(['0', '1']);
  expect(series('ridgepoint_sweep_graded_points').sort()).toEqual([
    'ridgepoint_sweep_graded_points{sweep="shown",grade="clean"} 1',
    'ridgepoint_sweep_graded_points{sweep="shown",grade="disturbed"} 1',
    'ridgepoint_sweep_graded_points{sweep="shown",grade="invalid"} 1',
  ]);
  expect(series('ridgepoint_sweep_disturbed_points').sort()).toEqual([
    'ridgepoint_sweep_disturbed_points{sweep="shown",code="cpu-steal"} 1',
    'ridgepoint_sweep_disturbed_points{sweep="shown",code="shared-core"} 1',
  ]);
  expect(series('ridgepoint_failures_total')).toEqual(['ridgepoint_failures_total{code="crashed"} 1']);
  expect(series('ridgepoint_sweep_points').sort()).toEqual([
    'ridgepoint_sweep_points{sweep="shown",state="cancelled"} 0',
    'ridgepoint_sweep_points{sweep="shown",state="complete"} 2',
    'ridgepoint_sweep_points{sweep="shown",state="failed"} 1',
    'ridgepoint_sweep_points{sweep="shown",state="invalid"} 1',
    'ridgepoint_sweep_points{sweep="shown",state="paused"} 0',
    'ridgepoint_sweep_points{sweep="shown",state="queued"} 1',
    'ridgepoint_sweep_points{sweep="shown",state="running"} 0',
  ]);
  expect(series('ridgepoint_sweep_invalid_points')).toEqual([
    'ridgepoint_sweep_invalid_points{sweep="shown",code="provider-fallback"} 1',
  ]);
  expect(series('ridgepoint_sweep_failed_points')).toEqual([
    'ridgepoint_sweep_failed_points{sweep="shown",code="crashed"} 1',
  ]);
  expect(series('ridgepoint_warnings_total')).toEqual(
    expect.arrayContaining([
      'ridgepoint_warnings_total{code="provider-fallback",severity="invalid",node="node-a"} 1',
      'ridgepoint_warnings_total{code="cpu-steal",severity="disturbed",node="node-a"} 1',
    ]),
  );
  expect(series('ridgepoint_leader')).toEqual(['ridgepoint_leader 1']);
  expect(series('ridgepoint_leases_granted_total')).toContain(
    'ridgepoint_leases_granted_total{purpose="measure"} 4',
  );
  expect(series('ridgepoint_leases_lost_total')).toEqual(['ridgepoint_leases_lost_total 0']);
  expect(series('ridgepoint_node_up')).toEqual(['ridgepoint_node_up{node="node-a"} 1']);
  expect(body).toMatch(/ridgepoint_inter_token_latency_seconds_count\{.*\} 8/);
  expect(body).toContain('ridgepoint_inter_token_latency_seconds_bucket{le="0.0001"');
  agent.vanish();
});

test('metrics: a node that falls silent is missing for a while, one that says goodbye is not, and both are forgotten', async () => {
  const coordinator = await start({
    exporter: { keepNodeSeconds: 1 },
    lostSeconds: 1,
    forgetSeconds: 1,
  });
  const up = async (): Promise<string[]> => {
    const body = await (await fetch(coordinator.metricsUrl!)).text();
    return body.split('\n').filter((line) => line.startsWith('ridgepoint_node_up{'));
  };
  const { agent: silent } = await FakeAgent.join(coordinator.grpcAddress, { profile: aNode('silent') });
  const { agent: polite } = await FakeAgent.join(coordinator.grpcAddress, { profile: aNode('polite') });
  expect(await up()).toEqual(['ridgepoint_node_up{node="silent"} 1', 'ridgepoint_node_up{node="polite"} 1']);
  await polite.say({ $case: 'leaving', value: { returnedTrialIds: [], reason: 'stopped' } });
  // Messages are taken in order, so the goodbye has been heard when this is answered.
  await polite.ask();
  polite.vanish();
  silent.vanish();
  await until('the silent one to be missed', async () =>
    (await up()).join() === 'ridgepoint_node_up{node="silent"} 0' ? true : null,
  );
  await until('it to be forgotten', async () => ((await up()).length === 0 ? true : null));
  const control = connectControl({ address: coordinator.grpcAddress, security: { kind: 'plaintext' } });
  await until('both to leave the list', async () =>
    (await control.listNodes()).nodes.length === 0 ? true : null,
  );
  const { agent: back } = await FakeAgent.join(coordinator.grpcAddress, { profile: aNode('silent') });
  expect((await control.listNodes()).nodes.map(({ name }) => name)).toEqual(['silent']);
  back.vanish();
  control.close();
});

test('metrics: OpenMetrics with exemplars for who asks for it, plain text for others, in any order', async () => {
  const coordinator = await start();
  const agent = await measured(coordinator);
  const get = async (accept: string): Promise<{ type: string; body: string }> => {
    const response = await fetch(coordinator.metricsUrl!, { headers: { accept } });
    return { type: response.headers.get('content-type') ?? '', body: await response.text() };
  };
  // What Prometheus 2.53 and later send.
  const prometheus =
    'application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2';
  const open = await get(prometheus);
  expect(open.type).toContain('application/openmetrics-text; version=1.0.0');
  expect(open.body.endsWith('# EOF\n')).toBe(true);
  expect(open.body).toMatch(/_bucket\{le="0\.01".*\} \d+ # \{experiment="x[0-9a-f]{24}"\} 0\.01 /);
  for (const accept of ['*/*', 'text/plain;version=0.0.4']) {
    const plain = await get(accept);
    expect(plain.type).toContain('text/plain; version=0.0.4');
    expect(plain.body).not.toContain('# {');
    expect(plain.body).toContain('ridgepoint_trials_total{state="complete"} 2');
  }
  expect((await get(prometheus)).body).toContain('ridgepoint_trials_total{state="complete"} 2');
  agent.vanish();
});

const promtool = spawnSync('promtool', ['--version']).status === 0;
test.skipIf(!promtool)('metrics: promtool has nothing to say (needs promtool)', async () => {
  const coordinator = await start();
  const agent = await measured(coordinator);
  await agent.report(await agent.lease(), { everyMetric: true });
  const body = await (await fetch(coordinator.metricsUrl!)).text();
  for (const metric of METRICS) expect(body).toContain(`ridgepoint_${metric.prometheus}{`);
  const check = spawnSync('promtool', ['check', 'metrics'], { input: body, encoding: 'utf8' });
  expect(`${check.stdout}${check.stderr}`).toBe('');
  expect(check.status).toBe(0);
  agent.vanish();
});

test('healthz always answers; readyz stops when the coordinator drains', async () => {
  const coordinator = await start({ drainSeconds: 5 });
  const base = coordinator.metricsUrl!.replace('/metrics', '');
  expect((await fetch(`${base}/healthz`)).status).toBe(200);
  expect((await fetch(`${base}/readyz`)).status).toBe(200);
  const control = connectControl({ address: coordinator.grpcAddress, security: { kind: 'plaintext' } });
  await control.submitSweep(submission(fakeSweep(1)));
  control.close();
  const { agent } = await FakeAgent.join(coordinator.grpcAddress);
  const lease = await agent.lease();
  const stopped = coordinator.stop('maintenance');
  await agent.hear('pause');
  expect((await fetch(`${base}/readyz`)).status).toBe(503);
  expect((await fetch(`${base}/healthz`)).status).toBe(200);
  await agent.report(lease);
  await stopped;
});

test('a port in use is one sentence, for both servers, and leaves nothing open', async () => {
  const blocker = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => blocker.once('listening', resolve));
  const { port } = blocker.address() as { port: number };
  const address = `127.0.0.1:${port}`;
  const sentence = `${address} is in use already`;
  await expect(start({ grpcAddress: address })).rejects.toThrow(sentence);
  await expect(start({ metricsAddress: address })).rejects.toThrow(sentence);
  blocker.close();
});

function serviceClient(definition: ReturnType<typeof loadSync>, name: string, address: string): Client {
  const found = name
    .split('.')
    .reduce<unknown>((at, part) => (at as Record<string, unknown>)[part], loadPackageDefinition(definition));
  return new (found as new (address: string, credentials: unknown) => Client)(
    address,
    credentials.createInsecure(),
  );
}

function unary(client: Client, method: string, request: object): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const call = (
      client as unknown as Record<string, (r: object, done: (e: Error | null, v: unknown) => void) => void>
    )[method];
    call?.call(client, request, (error, value) => (error === null ? resolve(value) : reject(error)));
  });
}
