import { spawnSync } from 'node:child_process';
import { appendFileSync, copyFileSync, existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { parseRecord } from '../../proto/convert.js';
import { control, start, status } from '../support/coordinator.js';
import { FakeAgent } from '../support/fake-agent.js';
import { sharedFolder } from '../support/folder.js';
import { SIX_POINTS, startFakeRunnerAgent } from '../support/live-fleet.js';
import { recordsIn } from '../support/reading.js';
import { ROOT, ridge, startRidge } from '../support/ridge.js';
import { ridgeHere } from '../support/ridge-here.js';
import { freePort, installed } from '../support/services.js';
import { fakeSweep, submission } from '../support/sweeps.js';
import { aNode } from '../support/wire-records.js';

/**
 * Six quick points of the fake runner; no gate may fire on a busy machine, since that is not the question.
 */
const SWEEP = `
apiVersion: ridgepoint.dev/v1
kind: Sweep
metadata: { name: told }
spec:
  models: builtin:tiny
  runners: [{ kind: fake, fakeDecodeTokensPerSecond: [1000, 2000, 4000] }]
  workloads: [{ kind: latency, promptTokens: 64, generateTokens: 8, parallel: [1, 2] }]
  measure: { starts: 1, maxRepeats: 3, maxWarmups: 1 }
  placement: { retries: 0 }
`;

const folder = sharedFolder();
const file = join(folder, 'sweep.yaml');
const out = join(folder, 'out');
const idsIn = (file: string) => recordsIn(out, file).map(({ experimentId }) => experimentId);

beforeAll(() => writeFileSync(file, SWEEP));

describe('ridge run', () => {
  test('killed in the middle, the same command finishes: every experiment once', async () => {
    const first = startRidge(['run', file, '--out', out]);
    await first.says(/[1-5]\/6/);
    process.kill(first.process.pid ?? 0, 'SIGKILL');
    await first.ended;

    const second = await ridge(['run', file, '--out', out]);
    expect(second.code, second.stderr).toBe(0);
    expect(second.stdout).toContain('6 rows');
    expect(new Set(idsIn('results.jsonl')).size).toBe(6);
    expect(idsIn('results.jsonl')).toHaveLength(6);
    for (const name of ['report.html', 'metrics.prom', 'trials.jsonl', 'sweep.yaml', 'log.sqlite']) {
      expect(existsSync(join(out, name)), name).toBe(true);
    }
    expect(existsSync(join(out, 'running.pid'))).toBe(false);
    const metrics = readFileSync(join(out, 'metrics.prom'), 'utf8');
    expect(metrics).toMatch(/^ridgepoint_decode_tokens_per_second\{.+} \d/m);
    expect(metrics).toMatch(/^# TYPE ridgepoint_trials_total counter$/m);
    expect(metrics).not.toMatch(/ # \{|^# EOF/m);
  });

  test.skipIf(!installed('promtool'))('promtool has nothing to say of metrics.prom (needs promtool)', () => {
    const input = readFileSync(join(out, 'metrics.prom'));
    const check = spawnSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8' });
    expect(`${check.stdout}${check.stderr}`).toBe('');
    expect(check.status).toBe(0);
  });

  test('run again it has nothing to do, and the data on stdout is JSON alone', async () => {
    const again = await ridge(['run', file, '--out', out, '--json']);
    expect(again.code, again.stderr).toBe(0);
    const report = JSON.parse(again.stdout) as { rows: unknown[]; counts: { trials: number } };
    expect(report.rows).toHaveLength(6);
  });

  test.each([
    ['table', /told\n6 rows/],
    ['md', /^\| /m],
    ['csv', /^number,|experiment/i],
    ['jsonl', /^\{"schema":"ridgepoint.dev\/result\/v1"/],
    ['html', /^<!doctype html>/i],
    // The fake runner is no llama.cpp: its rows are left out, and stderr says so.
    ['llama-bench-json', /^\[\s*\]\s*$/],
    ['llama-bench-sql', /CREATE TABLE IF NOT EXISTS/],
    ['sql', /CREATE TABLE IF NOT EXISTS/],
  ])('ridge report --format %s', async (format, expected) => {
    const printed = await ridgeHere(['report', out, '--format', format]);
    expect(printed.code, printed.stderr).toBe(0);
    expect(printed.stdout).toMatch(expected);
  });

  test('what is recomputed from raw samples equals what was stored', async () => {
    const stored = await ridgeHere(['report', out, '--format', 'jsonl']);
    const again = await ridgeHere(['report', out, '--format', 'jsonl', '--recompute']);
    expect(again.stdout).toBe(stored.stdout);
  });
});

describe('wrong words', () => {
  const cases: [string, () => string[], number, RegExp][] = [
    ['an unknown command', () => ['runn', file], 2, /unknown command 'runn'/],
    ['an unknown option', () => ['run', file, '--fast'], 2, /unknown option '--fast'/],
    ['a missing file', () => ['run', join(folder, 'none.yaml')], 2, /there is no such file/],
    ['an unknown format', () => ['report', out, '--format', 'xml'], 2, /Allowed choices are table/],
    [
      'a file that is not there, in a plan',
      () => ['plan', 'none.gguf', '--json'],
      2,
      /there is no file none.gguf/,
    ],
    ['a folder without results', () => ['report', folder], 2, /has no results.jsonl/],
    ['a coordinator that is not there', () => ['sweeps', '-c', '127.0.0.1:9'], 1, /no coordinator answers/],
    ['plain text to another machine', () => ['sweeps', '-c', '192.0.2.1:7117'], 2, /loopback/],
  ];
  test.each(cases)('%s', async (_, words, code, sentence) => {
    const ended = await ridgeHere(words());
    expect(ended.stderr).toMatch(sentence);
    expect(ended.stderr).not.toMatch(/^\s+at .*:\d+:\d+/m);
    if (words()[0] !== 'plan') expect(ended.stdout).toBe('');
    expect(ended.code).toBe(code);
  });
});

test('a model is looked at once, also by the next process, until it changes', async () => {
  const model = join(mkdtempSync(join(folder, 'model-')), 'tiny.gguf');
  copyFileSync(join(ROOT, 'models/tiny-f16.gguf'), model);
  const script = `
    const { looked } = await import('${ROOT}/dist/artifacts/files/looking/looked.js');
    const { launch } = await import('${ROOT}/dist/process/isolation/launch.js');
    let children = 0;
    const look = await looked({ path: process.argv[1], source: 'tiny', modelFolders: null }, (request) => {
      children += 1;
      return launch(request);
    });
    console.log(JSON.stringify([children, look.shapes]));`;
  const look = () => {
    const env = { ...process.env, XDG_CACHE_HOME: join(folder, 'looks') };
    const words = ['--input-type=module', '-e', script, model];
    return JSON.parse(spawnSync(process.execPath, words, { env, encoding: 'utf8' }).stdout) as [
      number,
      unknown,
    ];
  };
  const [first, shapes] = look();
  // Somebody holds it.
  writeFileSync(`${model}.1-1.use`, '');
  const [second, again] = look();
  expect([first, second]).toEqual([1, 0]);
  expect(again).toEqual(shapes);
  appendFileSync(model, 'x');
  expect(look()[0]).toBe(1);
});

describe('a cluster of commands', () => {
  test('coordinator, agent, submit, results, cancel', async () => {
    const address = `127.0.0.1:${await freePort()}`;
    const at = ['--coordinator', address];
    const alone = ['--metrics', 'off', '--web', 'off', '--data', join(folder, 'coordinator')];
    const coordinator = startRidge(['coordinator', '--listen', address, ...alone]);
    await coordinator.says(address);
    const config = join(folder, 'agent.yaml');
    writeFileSync(config, 'runners: [fake]\n');
    const node = ['--config', config, '--name', 'node-1', '--data', join(folder, 'agent')];
    const agent = startRidge(['agent', ...at, ...node]);
    const submitted = await ridge(['submit', file, ...at, '--watch']);
    expect(submitted.code, submitted.stderr).toBe(0);
    const id = submitted.stdout.trim();

    const results = await ridgeHere(['results', id, ...at, '--json']);
    expect((JSON.parse(results.stdout) as { rows: unknown[] }).rows).toHaveLength(6);
    const nodes = JSON.parse((await ridgeHere(['nodes', ...at, '--json'])).stdout) as { name: string }[];
    expect(nodes.map((node) => node.name)).toEqual(['node-1']);
    expect((await ridgeHere(['pause', 'told', ...at])).stderr).toMatch(/is done: nothing of it is left/);
    expect((await ridgeHere(['cancel', 'told', ...at])).code).toBe(0);
    expect((await ridgeHere(['resume', 'told', ...at])).stderr).toMatch(/is done: nothing of it is left/);
    expect((await ridgeHere(['cancel', 'untold', ...at])).stderr).toMatch(/there is no sweep untold/);

    agent.process.kill('SIGTERM');
    expect((await agent.ended).code).toBe(0);
    const [left] = JSON.parse((await ridgeHere(['nodes', ...at, '--json'])).stdout) as { state: string }[];
    expect(left?.state).toBe('drained');
    coordinator.process.kill('SIGTERM');
    expect((await coordinator.ended).code).toBe(0);
  });

  test('pause holds a sweep back with its reason, resume goes on', async () => {
    const { grpcAddress } = await start();
    await control(grpcAddress).submitSweep(submission(fakeSweep(3, { name: 'held' })));
    const at = ['--coordinator', grpcAddress];
    const paused = await ridgeHere(['pause', 'held', '--reason', 'the machine is needed', ...at]);
    expect(paused.stderr).toMatch(/held \(\w+\) is paused: nothing of it runs; `ridge resume \w+` goes on/);
    const listed = await ridgeHere(['sweeps', ...at]);
    expect(listed.stdout).toMatch(/held +paused +3/);
    expect(listed.stderr).toMatch(/held: paused: the machine is needed; `ridge resume \w+` goes on/);
    const resumed = await ridgeHere(['resume', 'held', ...at]);
    expect(resumed.stderr).toMatch(/goes on: 3 of 3 points are left/);
    expect([paused.code, resumed.code]).toEqual([0, 0]);
    expect((await ridgeHere(['resume', 'held', ...at])).stderr).toMatch(
      /held \(\w+\) was not paused: 3 of 3/,
    );
    expect((await ridgeHere(['sweeps', ...at])).stdout).toMatch(/held +running +3/);
  });

  test('a node leaves for good: a search ends with that reason, announced before, and goes on when another one is there', async () => {
    const config = { heartbeatSeconds: 0.2, leaseSeconds: 2, lostSeconds: 1, waitForNodesSeconds: 4 };
    const { grpcAddress } = await start(config);
    const at = ['--coordinator', grpcAddress];
    const first = await startFakeRunnerAgent(grpcAddress, 'node-a');
    onTestFinished(() => first.stopNow());
    const searching = join(folder, 'searching.yaml');
    writeFileSync(searching, SIX_POINTS.replace('objectives:', 'search: { strategy: grid }\n  objectives:'));
    const watching = startRidge(['submit', searching, ...at, '--watch']);
    await watching.says('2 of 6 points');
    await first.stopNow();
    const { code, stderr, stdout } = await watching.ended;
    const sweepId = stdout.trim();
    expect(stderr).toMatch(
      /waiting: no node that can measure the rest of it is here, node-a measured it last: it ends at /,
    );
    expect(stderr).toMatch(
      new RegExp(`cancelled: no node .* was here for 4 s; node-a measured it last.*ridge resume ${sweepId}`),
    );
    expect(code).toBe(1);
    const client = control(grpcAddress);
    const { complete } = await status(client, sweepId);
    const second = await startFakeRunnerAgent(grpcAddress, 'node-b');
    onTestFinished(() => second.stopNow());
    const left = `goes on: ${6 - complete} of 6 points are left`;
    expect((await ridgeHere(['resume', sweepId, ...at])).stderr).toContain(left);
    const standing = async () => await status(client, sweepId);
    await expect.poll(standing, { timeout: 60_000 }).toMatchObject({ state: 'done', complete: 6 });
    const nodes: string[] = [];
    for await (const { recordJson } of client.streamResults({ sweepId, follow: false, allTrials: false }))
      nodes.push(parseRecord(recordJson).node.name);
    expect(nodes.sort().join(' ')).toBe(
      [...Array(complete).fill('node-a'), ...Array(6 - complete).fill('node-b')].join(' '),
    );
  }, 90_000);

  test('submit and plan refuse a budget of joules where no node has an energy source, and warn where some have none', async () => {
    const { grpcAddress } = await start();
    const at = ['--coordinator', grpcAddress];
    const budgeted = join(folder, 'budgeted.yaml');
    writeFileSync(
      budgeted,
      SIX_POINTS.replace('objectives:', 'search: { budget: { joules: 100 } }\n  objectives:'),
    );
    // Nobody knows what a node will have.
    expect((await ridgeHere(['submit', budgeted, ...at])).code).toBe(0);
    const { agent } = await FakeAgent.join(grpcAddress, { profile: aNode('bare') });
    onTestFinished(() => agent.vanish());
    const refused = await ridgeHere(['submit', budgeted, ...at]);
    expect(refused.stderr).toContain(
      `spec.search.budget.joules: no row will have a number for it, since the fleet of ${grpcAddress} has no energy source for cpu: no source in a test`,
    );
    expect([refused.code, refused.stdout]).toEqual([2, '']);
    const metered = aNode('metered', { energySources: ['rapl:package-0'], absent: {} });
    const other = await FakeAgent.join(grpcAddress, { profile: metered });
    onTestFinished(() => other.agent.vanish());
    const warned = await ridgeHere(['submit', budgeted, ...at]);
    expect(warned.stderr).toContain(
      'note: spec.search.budget.joules: rows of cpu of bare will have no number',
    );
    expect(warned.code).toBe(0);
    const plan = JSON.parse((await ridgeHere(['plan', budgeted, '--fleet', ...at, '--json'])).stdout);
    expect(plan.warnings).toContainEqual(
      expect.objectContaining({ code: 'no-energy', experiments: 6, blocks: false, notHere: false }),
    );
  });

  test('submit fits what a file leaves open to the models that lie here, with --quick too', async () => {
    const { grpcAddress } = await start();
    const at = ['--coordinator', grpcAddress, '--json'];
    const accepted = async (...words: string[]) => {
      const { code, stdout, stderr } = await ridgeHere(['submit', ...words, ...at]);
      expect(code, stderr).toBe(0);
      return { stderr, ...(JSON.parse(stdout) as { sweepId: string; impossible: number; points: number }) };
    };
    for (const words of [['builtin:tiny'], ['builtin:tiny', '--quick']]) {
      const { stderr, impossible, points } = await accepted(...words);
      expect(stderr).toMatch(/chosen for the \d+ tokens of context that tiny has: promptTokens \d+/);
      expect(impossible).toBe(0);
      expect(points).toBeGreaterThan(0);
    }
    // What only nodes have stays as it is written.
    const elsewhere = await accepted(join(folder, 'of-a-node.gguf'), '--quick');
    expect(elsewhere.stderr).not.toContain('chosen for');
  });
});
