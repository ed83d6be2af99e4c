/**
 * bench:overhead: what do our own surroundings take from what they measure? Two claims, each a ratio of
 * tokens per second for prefill and for decode, required to lose less than 1 % (ratio of at least 0.99):
 *
 *   1. meters on / meters off: two `ridge run` that differ in `measure.meters` alone
 *   2. coordinator + agent + meters / runner alone: `ridge run` as people use it against a process that
 *      carries out the same trial with nobody around it (runner-alone.mjs)
 *
 * A round is one fresh process of each kind, in an order that turns from round to round, so that slow drift
 * hits all of them; a pair is two of the same round. All of them run the same built code of the trial
 * (process/isolation/trial.ts), pinned to the same CPUs, for the same number of repeats.
 *
 * The primary figure, fixed before any run: a trial's speed is all tokens of its repeats divided by all their
 * time, so that a meter that is read once in a second cannot hide between repeats; the figure is the median
 * over pairs of the ratio, with its 95 % bootstrap interval. It is fair because nothing is left out. A claim
 * holds when the whole interval lies at 0.99 or above; when the interval holds 0.99, the machine was too
 * noisy to decide, and the claim falls short. Beside it, for the reader only: the ratio of each trial's
 * fastest quarter of repeats, which a busy machine disturbs less, and the CPU time of the whole `ridge run`
 * process while a phase is timed: on a machine whose cores all compute, about what it can take from them at
 * most.
 *
 * With --stopped, instead of the two: what all of `ridge run` takes from its own trial while that times a
 * phase, found out within each start: the process of coordinator, agent, meters and display is stopped during
 * half of the repeats, drawn at random, and the speed of the trial's process while it goes is divided by that
 * while it is stopped, in repeats beside each other (overhead/stopped.ts). Starts differ by several percent
 * from each other; this leaves it out. It leaves out, too, what a rest between repeats does to the repeat
 * after it. The figure is the median over starts with its 95 % bootstrap interval, as of the others; their
 * mean, which a few starts that the host disturbed can move, is printed beside it with its interval by
 * Student's t.
 *
 * With --prepare, instead of the two: what the next worker would take from a measured one if it were prepared
 * beside it, on the same CPUs (decision 0004). The measured one is the runner alone each time; the other
 * opens its process, engine and model while the first measures (`preparing`), or has done so before and
 * sleeps (`waiting`). What preparing takes is printed, too: it is what could be saved.
 *
 *   npm run bench -- overhead [--pairs=12] [--large] [--threads=N] [--prepare]
 *   npm run bench -- overhead --stopped [--starts=16] [--large] [--threads=N]
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { TrialRequest } from '../../agent/trial/job.js';
import { EXIT } from '../../cli/exit.js';
import { DISTURBANCE_LIMITS } from '../../core/experiment/experiment.js';
import { counterDifference } from '../../core/metrics/integrate.js';
import { cleanSeries } from '../../core/metrics/series.js';
import type { Phase, ResultRecord } from '../../core/result/result.js';
import { readCpu } from '../../process/device/cpu.js';
import { findStartTools, wrapCommand } from '../../process/isolation/start-tools.js';
import { tInterval } from '../../statistics/interval.js';
import { median, quantile } from '../../statistics/quantile.js';
import { mean } from '../../statistics/summary.js';
import { modelPath } from '../models/loading.js';
import { LARGE_MODEL, largeModel } from '../support/large-model.js';
import { percentileBootstrap } from '../support/percentile-bootstrap.js';
import { RIDGE, ROOT } from '../support/ridge.js';
import { conclude, type Figure } from './figure.js';
import { type WhileStopped, whileStopped } from './overhead/stopped.js';

const REQUIRED = 0.99;
type Kind = 'on' | 'off' | 'alone' | 'preparing' | 'waiting';
/** What is measured in every round, and which pairs of it are a claim. */
interface Comparison {
  readonly kinds: readonly Kind[];
  readonly claims: readonly (readonly [claim: string, over: Kind, under: Kind])[];
}
const SURROUNDINGS: Comparison = {
  kinds: ['on', 'off', 'alone'],
  claims: [
    ['meters on / off', 'on', 'off'],
    ['coordinator + agent / runner alone', 'on', 'alone'],
  ],
};
const NEXT_WORKER: Comparison = {
  kinds: ['alone', 'preparing', 'waiting'],
  claims: [
    ['beside a worker that is prepared / alone', 'preparing', 'alone'],
    ['beside a prepared worker that waits / alone', 'waiting', 'alone'],
  ],
};
const { kinds, claims } = process.argv.includes('--prepare') ? NEXT_WORKER : SURROUNDINGS;
const PHASES = ['prefill', 'decode'] as const;
type PhaseName = (typeof PHASES)[number];

interface Case {
  readonly name: string;
  readonly model: string;
  readonly promptTokens: number;
  readonly generateTokens: number;
  readonly repeats: number;
  readonly pairs: number;
}

/** Tokens per second of one trial. */
interface Speed {
  readonly whole: number;
  readonly fastest: number;
}
type Speeds = Readonly<Record<PhaseName, Speed>> & {
  /** CPUs that Ridgepoint's own process kept busy while a phase was timed; null without meters. */
  readonly ownCpus: number | null;
};

const run = promisify(execFile);
const cpus = readCpu().allowed;
const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-overhead-'));

const warmups = 3;
const threads = Number(wordAfter('--threads=') ?? cpus.length);
const runnerOptions = { flashAttention: true, threads };
/** Until a worker has its model, by whether another one measures meanwhile. */
const preparedSeconds = { preparing: [] as number[], waiting: [] as number[] };
const policy = ({ repeats }: Case) => ({
  // Narrower than any interval gets: every trial ends after the same number of repeats.
  halfWidth: 1e-6,
  minRepeats: repeats,
  maxRepeats: repeats,
  warmupSpread: 1,
  maxWarmups: warmups,
});

/**
 * Writes a sweep of one trial. @returns the arguments of `ridge` that run it, and the folder of its record.
 */
function ridgeArguments(of: Case, meters: 'on' | 'off'): { readonly args: string[]; readonly out: string } {
  const { promptTokens, generateTokens } = of;
  const file = join(folder, `${of.name}-${meters}.json`);
  const sweep = {
    apiVersion: 'ridgepoint.dev/v1',
    kind: 'Sweep',
    metadata: { name: `overhead-${meters}` },
    spec: {
      models: [{ name: of.name, source: of.model }],
      runners: [{ kind: 'llama-cpp', ...runnerOptions }],
      workloads: [{ kind: 'latency', promptTokens, generateTokens }],
      placement: { driftControl: false, retries: 0 },
      // Whether a start counts is found out in the same way for all kinds, and not by the meters that one of
      // them has.
      measure: { ...policy(of), starts: 1, retryInvalid: 0, meters },
    },
  };
  writeFileSync(file, JSON.stringify(sweep));
  const out = join(folder, `out-${meters}`);
  return { args: ['run', file, '--out', out, '--fresh', '--energy', 'auto', '--format', 'csv'], out };
}

async function ridgeRun(of: Case, meters: 'on' | 'off'): Promise<Speeds> {
  const { args, out } = ridgeArguments(of, meters);
  await run(process.execPath, [RIDGE, ...args], { maxBuffer: 2 ** 26 }).catch((error) => {
    if (error.code !== EXIT.invalid) throw error;
  });
  const [line = ''] = readFileSync(join(out, 'results.jsonl'), 'utf8').split('\n');
  const record = JSON.parse(line) as ResultRecord;
  if (record.failure !== null) throw new Error(`the trial failed: ${record.failure.message}`);
  return { ...speeds(of, record.phases), ownCpus: ownCpus(record) };
}

function ownCpus({ phases, samples }: ResultRecord): number | null {
  const raw = samples.find((series) => series.quantity === 'agentCpuSeconds');
  if (raw === undefined) return null;
  const series = cleanSeries(raw);
  let cpuSeconds = 0;
  let seconds = 0;
  for (const phase of phases.filter(({ name }) => name === 'prefill' || name === 'decode')) {
    const used = counterDifference(series, phase);
    if (used.value === null) continue;
    cpuSeconds += used.value;
    seconds += phase.endSeconds - phase.startSeconds;
  }
  return seconds === 0 ? null : cpuSeconds / seconds;
}

function orderOf(of: Case): TrialRequest {
  const { promptTokens, generateTokens } = of;
  return {
    runner: { kind: 'llama-cpp', options: runnerOptions },
    workload: { kind: 'latency', options: { promptTokens, generateTokens, parallel: 1, contextDepth: 0 } },
    measure: {
      ...policy(of),
      confidence: 0.95,
      maxSeconds: null,
      trialTimeoutSeconds: null,
      ...DISTURBANCE_LIMITS,
      maxSpread: 0.1,
      gates: 'warn',
      meters: 'off',
      energyWindows: 3,
      gridGramsPerKilowattHour: null,
      profile: 'off',
    },
    modelPath: of.model,
    deviceClass: 'cpu',
    deviceId: 'cpu0',
    cpus,
    minPhaseSeconds: 0,
    adapters: [],
    training: null,
  };
}

/**
 * @returns the arguments of setsid: a session of its own, as a trial's child has, for the scheduler shares
 *   CPU time out by session.
 */
function runnerCommand(of: Case, ...words: readonly string[]): string[] {
  const script = join(ROOT, 'test/bench/runner-alone.mjs');
  // The flag that a trial's process gets (process/isolation/launch.ts).
  const args = ['--single-threaded', script, JSON.stringify(orderOf(of)), ...words];
  const wrapped = wrapCommand({ command: process.execPath, args }, cpus, findStartTools());
  return ['--wait', wrapped.command, ...wrapped.args];
}

async function runnerAlone(of: Case, kind: 'alone' | 'preparing' | 'waiting'): Promise<Speeds> {
  let next = kind === 'waiting' ? prepare(of) : null;
  if (next !== null) preparedSeconds.waiting.push(await next.ready);
  const running = run('setsid', runnerCommand(of), { maxBuffer: 2 ** 26 });
  let said = '';
  running.child.stderr?.on('data', (text) => {
    said += text;
    if (kind === 'preparing' && next === null && said.includes('measuring')) next = prepare(of);
  });
  try {
    const { stdout } = await running;
    if (kind === 'preparing') {
      const seconds = await Promise.race([next?.ready, 'later']);
      if (typeof seconds !== 'number')
        throw new Error('the measured trial was over before the next was prepared');
      preparedSeconds.preparing.push(seconds);
    }
    return speeds(of, (JSON.parse(stdout) as { phases: Phase[] }).phases);
  } finally {
    await next?.end();
  }
}

/**
 * Begins a worker as the next trial would have it: it opens engine and model, then sleeps until it is ended.
 */
function prepare(of: Case): { readonly ready: Promise<number>; end(): Promise<void> } {
  const began = performance.now();
  const child = spawn('setsid', runnerCommand(of, 'prepare'), { stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = once(child, 'exit');
  const ready = Promise.race([
    once(child.stdout, 'data').then(() => (performance.now() - began) / 1000),
    ended.then(() => {
      throw new Error('the next worker ended before it had its model');
    }),
  ]);
  ready.catch(() => {});
  return {
    ready,
    async end() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

function speeds(of: Case, phases: readonly Phase[]): Speeds {
  const speed = (name: PhaseName): Speed => {
    const ours = phases.filter((phase) => phase.name === name);
    if (ours.length !== of.repeats) throw new Error(`${ours.length} ${name} phases, not ${of.repeats}`);
    const seconds = ours.map(({ startSeconds, endSeconds }) => endSeconds - startSeconds);
    const tokens = ours[0]!.tokens;
    return {
      whole: (tokens * seconds.length) / seconds.reduce((a, b) => a + b, 0),
      fastest: tokens / quantile(seconds, 0.25),
    };
  };
  return { prefill: speed('prefill'), decode: speed('decode'), ownCpus: null };
}

async function measure(of: Case): Promise<Figure[]> {
  const trials: Record<Kind, Speeds[]> = { on: [], off: [], alone: [], preparing: [], waiting: [] };
  const ratioOf = (over: Kind, under: Kind, phase: PhaseName, what: keyof Speed): number[] =>
    trials[over].map((speed, i) => speed[phase][what] / trials[under][i]![phase][what]);
  // One round that does not count: files come into the page cache.
  for (let round = -1; round < of.pairs; round++) {
    const turned = kinds.map((_, i) => kinds[(i + Math.max(0, round)) % kinds.length]!);
    for (const kind of Math.floor(round / 3) % 2 === 0 ? turned : turned.reverse()) {
      const speed = await (kind === 'on' || kind === 'off' ? ridgeRun(of, kind) : runnerAlone(of, kind));
      if (round >= 0) trials[kind].push(speed);
    }
    if (round < 0) continue;
    const show = (over: Kind, under: Kind) =>
      PHASES.map((phase) => ratioOf(over, under, phase, 'whole').at(-1)!.toFixed(3)).join(' ');
    const shown = claims.map(([, over, under]) => `${over} / ${under} ${show(over, under)}`);
    process.stderr.write(`${of.name} ${round + 1}/${of.pairs}: ${shown.join(', ')} (prefill decode)\n`);
  }
  const own = trials.on.flatMap(({ ownCpus }) => ownCpus ?? []);
  if (own.length > 0) {
    console.log(
      `${of.name}: ridge itself kept ${(100 * median(own)).toFixed(2)} % of one CPU busy while phases were timed`,
    );
  }
  for (const [beside, seconds] of Object.entries(preparedSeconds)) {
    if (seconds.length === 0) continue;
    const what = beside === 'waiting' ? 'with nothing beside it' : 'beside a measured one';
    console.log(`${of.name}: a worker has its model after ${median(seconds).toFixed(2)} s ${what}`);
    seconds.length = 0;
  }
  return claims.flatMap(([claim, over, under]) =>
    PHASES.map((phase) =>
      judge(`${of.name}: ${claim}, ${phase}`, {
        ratios: ratioOf(over, under, phase, 'whole'),
        fastest: ratioOf(over, under, phase, 'fastest'),
        rate: median(trials[over].map((speed) => speed[phase].whole)),
      }),
    ),
  );
}

async function measureStopped(of: Case, starts: number): Promise<Figure[]> {
  const { args } = ridgeArguments(of, 'on');
  const file = join(folder, 'messages.json');
  const found: WhileStopped[] = [];
  while (found.length < starts) {
    const one = await whileStopped(args, file);
    found.push(one);
    const shown = PHASES.map((phase) => `${phase} ${one[phase].toFixed(4)}`).join(', ');
    process.stderr.write(
      `${of.name} ${found.length}/${starts}: going / stopped ${shown}; stopped in ${one.stopped} of ${one.repeats} repeats\n`,
    );
  }
  return PHASES.map((phase) => {
    const ratios = found.map((one) => one[phase]);
    const [low, high] = percentileBootstrap(ratios, median)!;
    const byMean = tInterval(ratios)!.map((end) => end.toFixed(4));
    return {
      claim: `${of.name}: coordinator, agent and meters going / stopped, ${phase}`,
      measured:
        `${median(ratios).toFixed(4)} [${low.toFixed(4)}, ${high.toFixed(4)}] over ${starts} starts of ${of.repeats} repeats; ` +
        `mean ${mean(ratios).toFixed(4)} [${byMean.join(', ')}]`,
      required: `interval at or above ${REQUIRED}`,
      holds: low >= REQUIRED,
    };
  });
}

function judge(
  claim: string,
  { ratios, fastest, rate }: { ratios: number[]; fastest: number[]; rate: number },
): Figure {
  const interval = percentileBootstrap(ratios, median);
  const [low, high] = interval ?? [0, Number.POSITIVE_INFINITY];
  const verdict =
    low >= REQUIRED ? '' : high < REQUIRED ? '; a real loss' : '; the machine was too noisy to decide';
  return {
    claim,
    measured:
      `${median(ratios).toFixed(4)} [${low.toFixed(4)}, ${high.toFixed(4)}] over ${ratios.length} pairs, ` +
      `at ${rate.toFixed(0)} tokens/s; fastest quarter ${median(fastest).toFixed(4)}${verdict}`,
    required: `interval at or above ${REQUIRED}`,
    holds: low >= REQUIRED,
  };
}

function wordAfter(option: string): string | undefined {
  return process.argv.find((word) => word.startsWith(option))?.slice(option.length);
}

/**
 * @returns a whole number of at least six: with fewer, the lowest and the highest ratio do not hold their
 *   median with 95 % (1 - 2 / 2^n).
 */
function asked(option: string, usual: number): number {
  const count = Number(wordAfter(`--${option}=`) ?? usual);
  if (!Number.isInteger(count) || count < 6) throw new Error(`--${option} is a whole number of at least 6`);
  return count;
}

const stopped = process.argv.includes('--stopped');
const starts = asked('starts', 16);
const pairs = asked('pairs', 12);
const small = { promptTokens: 256, generateTokens: 256, repeats: stopped ? 120 : 10, pairs };
const cases: Case[] = [{ name: 'small', model: modelPath('small'), ...small }];
if (process.argv.includes('--large')) {
  const large = { promptTokens: 128, generateTokens: 32, repeats: stopped ? 20 : 4, pairs };
  cases.push({ name: LARGE_MODEL, model: await largeModel(console.log), ...large });
}
try {
  const figures: Figure[] = [];
  for (const one of cases) figures.push(...(await (stopped ? measureStopped(one, starts) : measure(one))));
  console.log(
    `\nload average ${loadavg()
      .map((load) => load.toFixed(2))
      .join(' ')} (1, 5, 15 minutes)`,
  );
  conclude('overhead', figures);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
