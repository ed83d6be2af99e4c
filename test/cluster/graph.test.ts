import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { builtinFolder } from '../../artifacts/files/source.js';
import { isPresent } from '../../core/result/result.js';
import { sharedFolder } from '../support/folder.js';
import { jsonLines, recordsIn } from '../support/reading.js';
import { startRidge } from '../support/ridge.js';
import { ridgeHere } from '../support/ridge-here.js';

const LIMIT = 120_000;
const folder = sharedFolder();
const env = () => ({ XDG_CACHE_HOME: join(folder, 'cache'), XDG_STATE_HOME: join(folder, 'state') });

beforeAll(() => {
  mkdirSync(join(folder, 'models'));
  const graphs = join(import.meta.dirname, '../../docs/examples/graphs');
  for (const name of [
    'map-reduce-summary.yaml',
    'articles.jsonl',
    'retrieve-in-steps.yaml',
    'passages.jsonl',
  ])
    copyFileSync(join(graphs, name), join(folder, 'models', name));
  copyFileSync(join(builtinFolder(), 'tiny-f16.gguf'), join(folder, 'models/tiny.gguf'));
});

function put(name: string, spec: object): string {
  const path = join(folder, `${name}.yaml`);
  const whole = {
    measure: { starts: 1, retryInvalid: 0 },
    placement: { retries: 0, driftControl: false, device: 'cpu' },
    ...spec,
  };
  writeFileSync(
    path,
    JSON.stringify({ apiVersion: 'ridgepoint.dev/v1', kind: 'Sweep', metadata: { name }, spec: whole }),
  );
  return path;
}

const words = (...more: string[]) => [
  ...more,
  '--models',
  join(folder, 'models'),
  '--energy',
  'none',
  '--no-roofs',
];

test(
  'graphs run through a server and in process; their records have nodes, paths and calls, which are printed',
  async () => {
    const sweep = put('both', {
      models: 'tiny.gguf',
      runners: [
        {
          kind: 'simulated-server',
          simulatedKeeps: 'beginnings',
          simulatedTtftSeconds: 0.002,
          simulatedItlSeconds: 0,
        },
        { kind: 'llama-cpp', threads: 1 },
      ],
      workloads: [
        { kind: 'graph', graph: 'map-reduce-summary.yaml', promptsAs: 'text', settings: 'chunk=60,out=4' },
        { kind: 'graph', graph: 'retrieve-in-steps.yaml', promptsAs: 'text', settings: 'steps=2,out=4' },
      ],
    });
    const out = join(folder, 'out');
    const ended = await ridgeHere(words('run', sweep, '--out', out, '--columns', 'graphs'), { env: env() });
    expect(ended.stderr).not.toMatch(/^\s+at .*:\d+:\d+/m);
    const rows = recordsIn(out);
    expect(rows.map(({ status, failure }) => failure?.message ?? status)).toEqual(Array(4).fill('complete'));
    for (const { graph, measurements } of rows) {
      expect(graph!.applications.map(({ outcome }) => outcome)).toEqual(['complete', 'complete']);
      expect(graph!.path.length).toBeGreaterThan(1);
      const latency = measurements.applicationLatencySeconds!;
      expect(isPresent(latency) && latency.value > 0).toBe(true);
      expect(
        isPresent(measurements.criticalPathRatio!) && measurements.criticalPathRatio!.value,
      ).toBeLessThanOrEqual(1 + 1e-9);
      const cached = measurements.cachedPromptTokensRatio!;
      expect(isPresent(cached) && cached.value).toBeGreaterThan(0);
    }
    const shown = await ridgeHere(['graph', out], { env: env() });
    expect(shown.stdout).toMatch(/part +prompt +\d+/);
    expect(shown.stdout).toContain('critical path of the median application:');
    const lines = await ridgeHere(['graph', `${out}#1`, '--format', 'jsonl'], { env: env() });
    const calls = jsonLines(lines.stdout);
    expect(rows.map(({ graph }) => graph!.calls.items)).toContain(calls.length);
    expect(calls[0]).toMatchObject({ row: 1, schema: 'ridgepoint.dev/graph-call/v1', outcome: 'complete' });
  },
  LIMIT,
);

test(
  'a run that is killed goes on where it was: no call is asked or counted twice, and what was interrupted has no end-to-end time',
  async () => {
    const sweep = put('killed', {
      models: 'tiny.gguf',
      runners: { kind: 'simulated-server', simulatedTtftSeconds: 0.15, simulatedItlSeconds: 0 },
      workloads: {
        kind: 'graph',
        graph: 'retrieve-in-steps.yaml',
        promptsAs: 'text',
        settings: 'steps=3,out=2',
      },
    });
    const cache = join(folder, 'cache-of-killed');
    const own = { XDG_CACHE_HOME: cache, XDG_STATE_HOME: join(folder, 'state-of-killed') };
    const out = join(folder, 'killed-out');
    const command = words('run', sweep, '--out', out);
    const journals = join(cache, 'ridgepoint/graphs');
    const callsSoFar = () =>
      (existsSync(journals) ? readdirSync(journals) : [])
        .flatMap((name) => readFileSync(join(journals, name), 'utf8').split('\n'))
        .filter((line) => line.startsWith('{"call"')).length;
    const running = startRidge(command, { env: own });
    while (callsSoFar() < 3) await new Promise((resolve) => setTimeout(resolve, 20));
    process.kill(-running.process.pid!, 'SIGKILL');
    await running.ended;
    const ended = await ridgeHere(command, { env: own });
    expect(ended.code, ended.stderr).toBe(0);
    const [record] = recordsIn(out);
    const { sitting, applications, calls } = record!.graph!;
    expect(sitting).toBe(1);
    expect(applications.map(({ outcome }) => outcome).sort()).toEqual(['complete', 'interrupted']);
    expect(applications.find(({ outcome }) => outcome === 'interrupted')!.pathSeconds).toBeNull();
    // Three rounds of a request and a search, and the answer, of two items.
    expect(calls.items).toBe(14);
    expect(record!.warnings.map(({ code }) => code)).toContain('run-resumed');
  },
  LIMIT,
);

test(
  'a graph that is wrong is refused before anything runs, with its line',
  async () => {
    writeFileSync(
      join(folder, 'models/wrong.yaml'),
      'apiVersion: ridgepoint.dev/v1\nkind: Graph\nmetadata: { name: w }\nspec:\n  items: [{ a: 1 }]\n  nodes:\n    x: { prompt: "{{y}}" }\n    y: { prompt: "{{x}}" }\n',
    );
    const sweep = put('wrong', {
      models: 'tiny.gguf',
      runners: { kind: 'llama-cpp' },
      workloads: { kind: 'graph', graph: 'wrong.yaml' },
    });
    const ended = await ridgeHere(words('run', sweep, '--out', join(folder, 'never')), { env: env() });
    expect(ended.code).toBe(2);
    expect(ended.stderr).toMatch(/wrong\.yaml:7:5 spec\.nodes\.x: .*the graph has a cycle/);
    const checked = await ridgeHere(['graph', '--check', join(folder, 'models/map-reduce-summary.yaml')], {
      env: env(),
    });
    expect(checked.stdout).toMatch(/summary +prompt +parts/);
  },
  LIMIT,
);
