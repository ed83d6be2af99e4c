/**
 * bench:graph: is an application that is submitted as a graph there sooner than the same application request
 * by request, and is what it says of itself so? A map-reduce and a multi-agent graph (an instruction of 100
 * to 200 tokens, answers of 25) on llama-server, vLLM and llama.cpp in process, as Parrot compares,
 * interleaved:
 *
 * - a: separate requests over a network of 250 ms, nothing shared; b: the same without the network; c: one
 *   submission over that network, shared beginnings computed once. a/c is the whole, a/b the network, b/c the
 *   computation.
 * - The critical path of every application sums up to its end-to-end time within 2 %.
 * - Killed at any moment a run goes on: every call is there once, only what was on its way is asked again,
 *   and what was interrupted has no end-to-end time.
 *
 *   npm run bench -- graph [--model=…/model.gguf] [--rounds=5] [--threads=2]
 *   [--engines=llama-server,vllm,llama-cpp] [--kills=8]
 *
 * llama-server on the PATH, as `ridge engines build server` made it, or in RIDGEPOINT_LLAMA_SERVER; vLLM in
 * RIDGEPOINT_VLLM (it is asked with the shipped model).
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { FolderBodies, linesOf } from '../../artifacts/files/bodies.js';
import { type CallRecord, type GraphRecord, readCall } from '../../core/graph/record.js';
import { latencyOf } from '../../core/graph/summary.js';
import { bootstrapInterval } from '../../statistics/interval.js';
import { mean } from '../../statistics/summary.js';
import { modelPath } from '../models/loading.js';
import { conclude, type Figure } from './figure.js';
import { type Engine, inProcess, llamaServer, vllm } from './graph/engines.js';
import { writeGraphs } from './graph/graphs.js';
import { type OpenEngine, type Options, run } from './graph/run.js';

const { values: options } = parseArgs({
  options: {
    model: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    threads: { type: 'string', default: '2' },
    engines: { type: 'string', default: 'llama-server,vllm,llama-cpp' },
    kills: { type: 'string', default: '8' },
  },
});
const MODEL = options.model === undefined ? modelPath('small') : resolve(options.model);
const THREADS = Number(options.threads);
const NETWORK_MS = 250;
const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-bench-graph-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const graphs = writeGraphs(folder);

const ALL: Options = { promptsAs: 'text', answersToLength: true, requestsAtOnce: 8, cacheTokens: 8192 };
const VARIANTS = {
  a: { ...ALL, execution: 'separate', networkDelayMs: NETWORK_MS, prefixes: 'off' },
  b: { ...ALL, execution: 'separate', networkDelayMs: 0, prefixes: 'off' },
  c: { ...ALL, execution: 'graph', networkDelayMs: NETWORK_MS, prefixes: 'once' },
} as const satisfies Record<string, Options>;
type Variant = keyof typeof VARIANTS;

let runs = 0;
async function runOnce(open: OpenEngine, path: string, variant: Variant): Promise<GraphRecord> {
  const record = await run(open, path, VARIANTS[variant], { folder, journal: `run-${runs++}` });
  const failed = record.applications.find(({ outcome }) => outcome !== 'complete');
  if (failed !== undefined) throw new Error(`an application ended ${failed.outcome}: ${failed.reason}`);
  return record;
}

const secondsOf = ({ applications }: GraphRecord) =>
  mean(applications.flatMap((one) => latencyOf(one) ?? []));
const shareOf = ({ nodes }: GraphRecord) => {
  const sum = (name: 'promptTokens' | 'cachedTokens') =>
    nodes.reduce((all, node) => all + (node[name] ?? Number.NaN), 0);
  return sum('cachedTokens') / sum('promptTokens');
};
const coverageOf = ({ applications }: GraphRecord) =>
  Math.min(...applications.map(({ pathSeconds, start, end }) => (pathSeconds ?? 0) / (end - start)));

/** Of pairs of the same round: the geometric mean of their ratios, and its interval. */
function ratioOf(above: readonly number[], below: readonly number[]) {
  const logs = above.map((value, i) => Math.log(value / below[i]!));
  const interval = bootstrapInterval(logs);
  const shown = (value: number) => Math.exp(value).toFixed(2);
  const range = interval === null ? '' : ` (${shown(interval[0])} to ${shown(interval[1])})`;
  return {
    value: Math.exp(mean(logs)),
    low: interval === null ? 0 : Math.exp(interval[0]),
    text: `${shown(mean(logs))}${range}`,
  };
}

async function compare(open: OpenEngine, engine: string, name: string, path: string): Promise<Figure[]> {
  const seconds: Record<Variant, number[]> = { a: [], b: [], c: [] };
  const records: GraphRecord[] = [];
  const shares: Record<Variant, number[]> = { a: [], b: [], c: [] };
  for (let round = 0; round < Number(options.rounds); round++) {
    // Each round in another order: nobody is always behind the same one.
    const order = (['a', 'b', 'c'] as const).map((_, i, all) => all[(i + round) % 3]!);
    for (const variant of order) {
      const record = await runOnce(open, path, variant);
      records.push(record);
      seconds[variant].push(secondsOf(record));
      shares[variant].push(shareOf(record));
    }
    console.log(
      `${engine} ${name} round ${round + 1}: a ${seconds.a.at(-1)!.toFixed(2)} b ${seconds.b.at(-1)!.toFixed(2)} c ${seconds.c.at(-1)!.toFixed(2)} s; cached a ${(100 * shares.a.at(-1)!).toFixed(0)} % c ${(100 * shares.c.at(-1)!).toFixed(0)} %`,
    );
  }
  const whole = ratioOf(seconds.a, seconds.c);
  const parts = `network (a/b) ${ratioOf(seconds.a, seconds.b).text}, computation and submission (b/c) ${ratioOf(seconds.b, seconds.c).text}`;
  const coverage = Math.min(...records.map(coverageOf));
  const of = `${engine}, ${name}`;
  return [
    {
      claim: `${of}: latency of separate requests over that of a graph (a/c)`,
      measured: `${whole.text}; a ${mean(seconds.a).toFixed(2)} s, b ${mean(seconds.b).toFixed(2)} s, c ${mean(seconds.c).toFixed(2)} s; ${parts}`,
      required: 'above 1 with its interval',
      holds: whole.low > 1,
    },
    {
      claim: `${of}: tokens of prompts that the engine had, by its own count`,
      measured: `graph ${(100 * mean(shares.c)).toFixed(1)} %, separate ${(100 * mean(shares.a)).toFixed(1)} %`,
      required: 'more than a quarter of a graph, none of separate requests',
      holds: mean(shares.c) > 0.25 && mean(shares.a) === 0,
    },
    {
      claim: `${of}: the critical path over end-to-end time, the least of ${records.length * records[0]!.applications.length} applications`,
      measured: coverage.toFixed(4),
      required: 'at least 0.98',
      holds: coverage >= 0.98,
    },
  ];
}

/** Kills runs again and again until one comes to its end. */
async function killed(): Promise<Figure[]> {
  const path = graphs['map-reduce']!;
  const words = ['--import', 'tsx', join(import.meta.dirname, 'graph/kill-child.ts'), path, folder, MODEL];
  const journal = join(folder, 'killed.jsonl');
  const ids = () => {
    try {
      return readFileSync(journal, 'utf8')
        .split('\n')
        .flatMap((line) => callOf(line) ?? []);
    } catch {
      return [];
    }
  };
  let kills = 0;
  let lost = 0;
  for (;;) {
    const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.on('data', (part) => {
      text += String(part);
    });
    const ended = once(child, 'exit');
    if (kills < Number(options.kills)) {
      const before = ids().length;
      // From when it has begun to write, at any moment.
      for (let i = 0; i < 600 && ids().length === before; i++) await sleep(50);
      await sleep(Math.random() * 1500);
      child.kill('SIGKILL');
      await ended;
      kills += 1;
      if (ids().length < before) lost += 1;
      continue;
    }
    await ended;
    const record = JSON.parse(text) as GraphRecord;
    const calls: CallRecord[] = [];
    for await (const line of linesOf(new FolderBodies(join(folder, 'calls')), record.calls.digest))
      calls.push(readCall(line) as CallRecord);
    const distinct = new Set(calls.map(({ application, call }) => `${application} ${call}`));
    const written = ids();
    const interrupted = record.applications.filter(({ outcome }) => outcome === 'interrupted');
    const untimed = interrupted.every((one) => latencyOf(one) === null && one.pathSeconds === null);
    return [
      {
        claim: `a run that was killed ${kills} times at any moment (${record.sitting + 1} sittings)`,
        measured: `${distinct.size} distinct calls of 30, ${calls.length} counted, ${written.length - new Set(written).size} asked again after they had been answered, ${lost} answers lost; ${interrupted.length} applications without an end-to-end time`,
        required: '30 calls, each once, none asked again, none lost',
        holds:
          distinct.size === 30 &&
          calls.length === 30 &&
          written.length === new Set(written).size &&
          lost === 0 &&
          untimed,
      },
    ];
  }
}

function callOf(line: string): string | null {
  try {
    const { call } = JSON.parse(line) as { call?: CallRecord };
    return call === undefined ? null : `${call.application} ${call.call}`;
  } catch {
    return null;
  }
}

const figures: Figure[] = [];
const wanted = options.engines.split(',');
const engines: readonly (Engine | null)[] = [
  wanted.includes('llama-server') ? llamaServer(MODEL, THREADS) : null,
  wanted.includes('vllm') ? vllm(folder) : null,
  wanted.includes('llama-cpp') ? inProcess(MODEL, THREADS) : null,
];
for (const engine of engines) {
  if (engine === null) continue;
  const found = await engine.use(async (open) => {
    const all: Figure[] = [];
    for (const [name, path] of Object.entries(graphs))
      all.push(...(await compare(open, engine.name, name, path)));
    return all;
  });
  figures.push(...found);
}
if (Number(options.kills) > 0) figures.push(...(await killed()));
conclude('graph', figures);
