import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readGraph } from '../../../agent/graph/files.js';
import { graph } from '../../../agent/workloads/graph.js';
import type { GraphInput, WorkloadContext } from '../../../agent/workloads/workload.js';
import { FolderBodies, linesOf } from '../../../artifacts/files/bodies.js';
import { type CallRecord, type GraphRecord, readCall } from '../../../core/graph/record.js';
import { nodeJoules } from '../../../core/graph/summary.js';
import { PROFILES } from '../../../core/runners/server/index.js';
import { WARM_UP } from '../../../engines/runners/opened.js';
import { openCompletions } from '../../../engines/runners/server/completions.js';
import type { ServedEndpoint } from '../../../engines/servers/served.js';
import type { simulatorOptions } from '../../../load/simulator/options.js';
import { monotonicSeconds } from '../../../process/isolation/clock.js';
import { sharedFolder } from '../../support/folder.js';
import { withSimulator } from '../../support/simulator.js';

const folder = sharedFolder();

const LONG = 'Summarise this part for somebody who is in a hurry and knows nothing of it. '.repeat(5);

function write(name: string, spec: string): string {
  const path = join(folder, `${name}.yaml`);
  const head = `apiVersion: ridgepoint.dev/v1\nkind: Graph\nmetadata: { name: ${name} }\nspec:\n`;
  writeFileSync(path, head + spec.replace(/^/gm, '  '));
  return path;
}

interface Asked {
  readonly options?: Record<string, unknown>;
  readonly simulator?: Parameters<typeof simulatorOptions>[0];
  readonly commands?: GraphInput['commands'];
  readonly context?: Partial<WorkloadContext>;
  readonly journal?: string;
}

function openedAt(url: string) {
  const served: ServedEndpoint = {
    name: 'test',
    url,
    model: 'simulated',
    loras: [],
    apiKey: null,
    pid: null,
    startSeconds: null,
    weightsLoadSeconds: null,
    kept: false,
    profile: PROFILES['simulated-server'],
  };
  const facts = { modelBytes: null, parameters: null, kvCacheBytes: null, engineFiles: [], environment: {} };
  return { facts, served, warnings: [], close() {} };
}

async function run(
  path: string,
  { options = {}, simulator = {}, commands = {}, context = {}, journal = 'j' }: Asked = {},
) {
  const input: GraphInput = {
    files: readGraph(path, null).files,
    commands,
    scorers: {},
    kept: { journal: join(folder, `${journal}.jsonl`), identity: journal, folder: join(folder, 'calls') },
  };
  const phases: string[] = [];
  const work = graph.plan({ graph: path, warmups: 0, ...options });
  const given = {
    measure: {} as WorkloadContext['measure'],
    minPhaseSeconds: 0,
    stamp: (name) => phases.push(name),
    now: monotonicSeconds,
    stopReason: () => null,
    checkStop: async () => false,
    ...context,
  } satisfies WorkloadContext;
  return await withSimulator({ ttft: 0.002, itl: 0, ...simulator }, async ({ url, counters }) => {
    const engine = await openCompletions(openedAt(url), work.demands);
    try {
      const { findings } = await work.run(engine, given, input);
      return { record: (findings as { record: GraphRecord }).record, asked: counters.answered, phases };
    } finally {
      engine.close();
      rmSync(input.kept.journal, { force: true });
    }
  });
}

async function callsOf({ calls }: GraphRecord): Promise<CallRecord[]> {
  const found: CallRecord[] = [];
  for await (const line of linesOf(new FolderBodies(join(folder, 'calls')), calls.digest))
    found.push(readCall(line) as CallRecord);
  return found;
}

const MAP_REDUCE = `
items: [{ id: one, parts: [a, b, c, d], said: the of and }, { id: two, parts: [e, f], said: nothing }]
inputs: [parts]
reference: said
nodes:
  sums: { map: parts, as: part, do: { sum: { prompt: "${LONG}{{part}}", maxTokens: 2 } } }
  final: { prompt: "Together: {{sums}}", maxTokens: 3 }`;

test('a map asks side by side, its critical path is its latency, and what prompts share is counted', async () => {
  const path = write('map-reduce', MAP_REDUCE);
  const { record, asked, phases } = await run(path, {
    simulator: { ttft: 0.01, keeps: 'beginnings' },
    journal: 'map-reduce',
  });
  expect(asked).toBe(8);
  expect(phases).toEqual(['serve']);
  expect(record.applications).toMatchObject([
    { item: 'one', outcome: 'complete', calls: 5, pathCalls: 2, scores: { exact: 1 } },
    { item: 'two', outcome: 'complete', calls: 3, pathCalls: 2, scores: { exact: 0 } },
  ]);
  for (const { pathSeconds, start, end } of record.applications) {
    expect(pathSeconds).toBeGreaterThan(0.02);
    expect(pathSeconds).toBeLessThanOrEqual(end - start + 1e-9);
  }
  const [sum, final] = record.nodes;
  expect([sum!.node, sum!.calls, final!.node, final!.calls]).toEqual(['sum', 6, 'final', 2]);
  // Five of six begin with a prompt that was there before.
  expect(sum!.cachedTokens! / sum!.promptTokens!).toBeGreaterThan(0.7);
  expect(sum!.outputTokens).toBe(12);
  expect(record.path.map(({ node }) => node)).toEqual(['sum', 'final']);
  expect(nodeJoules(sum!, record.nodes, 100)! + nodeJoules(final!, record.nodes, 100)!).toBeCloseTo(100);
  const calls = await callsOf(record);
  expect(calls).toHaveLength(8);
  expect(calls.find(({ call }) => call === 'final')!.after).toContain('sums[0]/sum');
});

test('separate requests pay the network each, a graph once; and share nothing where they shall not', async () => {
  const path = write('chain', MAP_REDUCE);
  const options = { networkDelayMs: 30, applications: 1 };
  const simulator = { keeps: 'beginnings' as const };
  const together = await run(path, { options, simulator, journal: 'together' });
  const apart = await run(path, {
    options: { ...options, execution: 'separate', prefixes: 'off' },
    simulator,
    journal: 'apart',
  });
  // A timer is never early, but by its own rounding.
  for (const { start, sent } of await callsOf(apart.record)) expect(sent! - start).toBeGreaterThan(0.029);
  const begun = await callsOf(together.record);
  const { start } = together.record.applications[0]!;
  expect(Math.min(...begun.map((call) => call.start)) - start).toBeGreaterThan(0.029);
  expect(together.record.applications[0]!.pathSeconds).toBeGreaterThan(0.03);
  expect(apart.record.nodes[0]!.cachedTokens).toBe(0);
  expect(together.record.nodes[0]!.cachedTokens).toBeGreaterThan(0);
});

test('a run knows no prompt of the one before, and says what its own begin with', async () => {
  await withSimulator({ ttft: 0, itl: 0, keeps: 'beginnings' }, async ({ url }) => {
    const ask = async (prefixes: 'once' | 'off') => {
      const { demands } = graph.plan({ promptsAs: 'text', prefixes });
      const engine = await openCompletions(openedAt(url), demands);
      const request = { ...WARM_UP, prompt: LONG };
      const cached = [await engine.complete(request), await engine.complete(request)];
      engine.close();
      return { sharing: engine.sharing, cached: cached.map(({ cachedTokens }) => cachedTokens!) };
    };
    const words = LONG.trim().split(' ').length;
    const runs = [await ask('once'), await ask('once')];
    for (const { sharing, cached } of runs) {
      expect(sharing).toMatch(/^as the server does, all behind \[rid:[0-9a-f]{8}\]$/);
      expect(cached).toEqual([0, words]);
    }
    expect(runs[0]!.sharing).not.toBe(runs[1]!.sharing);
    expect(await ask('off')).toEqual({ sharing: 'none', cached: [0, 0] });
  });
});

test('an interrupted run goes on: no answer is asked or counted twice, and its application has no end-to-end time', async () => {
  const path = write(
    'loop',
    `
items: [{ id: a }, { id: b }]
nodes:
  text: { loop: draft, from: "Begin", most: 4, do: { better: { prompt: "Better than {{draft}}", maxTokens: 2 } } }
  end: { prompt: "{{text}}", maxTokens: 1 }`,
  );
  const journal = join(folder, 'killed.jsonl');
  const whole = await run(path, { journal: 'whole' });
  // What a process leaves that is killed in its second application, half a line included.
  const calls = await callsOf(whole.record);
  const lines = [
    { graph: 1, identity: 'killed' },
    { begun: 0 },
    ...calls.filter(({ application }) => application === 0).map((call) => ({ call })),
    { application: whole.record.applications[0] },
    { begun: 1 },
    ...calls
      .filter(({ application, call }) => application === 1 && /#[12]\//.test(call))
      .map((call) => ({ call })),
  ];
  writeFileSync(journal, `${lines.map((line) => JSON.stringify(line)).join('\n')}\n{"call":{"schema"`);
  const { record, asked } = await run(path, { journal: 'killed' });
  expect(asked).toBe(3);
  expect(record.sitting).toBe(1);
  expect(record.applications).toMatchObject([
    { outcome: 'complete', sitting: 0 },
    { outcome: 'interrupted', pathSeconds: null, reason: expect.stringContaining('no end-to-end time') },
  ]);
  const all = await callsOf(record);
  expect(all).toHaveLength(10);
  expect(new Set(all.map(({ application, call }) => `${application} ${call}`)).size).toBe(10);
  expect(existsSync(journal)).toBe(false);
});

test('tools retrieve, compute and run what the node allows; one that hangs fails its application in a sentence', async () => {
  writeFileSync(
    join(folder, 'docs.jsonl'),
    ['cats purr', 'dogs bark loudly', 'birds sing']
      .map((text, i) => JSON.stringify({ _id: `d${i}`, text }))
      .join('\n'),
  );
  const path = write(
    'tools',
    `
items: [{ q: why do dogs bark, sum: 2+3 }]
inputs: [q, sum]
nodes:
  found: { retrieve: "{{q}}", from: docs.jsonl, top: 1 }
  five: { calculate: "{{sum}}" }
  upper: { command: shout, input: "{{found.0.text}} {{five}}" }
  end: { if: "contains(upper, 'DOGS') and five == 5", do: { yes: { value: "{{upper}}" } } }`,
  );
  const shout = { command: ['tr', 'a-z', 'A-Z'], timeoutSeconds: 5, env: {} };
  const { record } = await run(path, { commands: { shout }, journal: 'tools' });
  expect(record.applications[0]).toMatchObject({
    outcome: 'complete',
    answer: 'DOGS BARK LOUDLY 5',
    calls: 3,
  });
  const hangs = await run(path, {
    commands: { shout: { command: ['sleep', '60'], timeoutSeconds: 0.1, env: {} } },
    journal: 'hangs',
  });
  expect(hangs.record.applications[0]).toMatchObject({
    outcome: 'failed',
    reason: 'upper: the command shout did not end within 0.1 s.',
  });
});

test('requests that fail fail their application, and applications arrive by a schedule', async () => {
  const path = write('failing', 'items: [{ id: a }]\nnodes: { end: { prompt: x, maxTokens: 1 } }');
  const { record } = await run(path, {
    options: { applications: 4, applicationArrival: 'constant', applicationsPerSecond: 100 },
    simulator: { fault: 'too-many:2' },
    journal: 'failing',
  });
  expect(record.applications.map(({ outcome }) => outcome).sort()).toEqual([
    'complete',
    'complete',
    'failed',
    'failed',
  ]);
  expect(record.applications.find(({ outcome }) => outcome === 'failed')!.reason).toMatch(
    /^end: The server answered 429/,
  );
  expect(record.applications.map(({ intended }) => Math.round(intended * 100))).toEqual([0, 1, 2, 3]);
});

test('a graph with errors is refused with file and line', () => {
  const path = write('wrong', 'items: nowhere.jsonl\nnodes: { end: { prompt: "{{gone}}" } }');
  expect(() => readGraph(path, null)).toThrow(/wrong\.yaml:6:.* there is no variable gone/);
  const missing = write('missing', 'items: nowhere.jsonl\nnodes: { end: { prompt: x } }');
  expect(() => readGraph(missing, null)).toThrow(/nowhere\.jsonl: /);
  expect(readFileSync(path, 'utf8')).toContain('gone');
});
