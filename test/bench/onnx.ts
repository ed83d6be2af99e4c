/**
 * bench:onnx: does our runner on ONNX Runtime's C API give what Python's binding gives, and as fast? Both load the library of the same
 * wheel, on the same threads, each in a process of its own; a round asks both, in turn first.
 *
 * 1. The logits of a prompt and of 32 steps with the cache are the same bits.
 * 2. Tokens per second of the prompt and of the steps, ours over Python's: the median of pairs of rounds is at least 0.98.
 * 3. The times of operators that a profile tells add up to 95 % of the passes of a prompt.
 * 4. While an operator of a second runs in a child, the event loop of its parent is late by less than 5 ms (99th percentile).
 *
 *   RIDGEPOINT_ONNXRUNTIME_PYTHON=…/bin/python RIDGEPOINT_ONNX_MODEL=…/model.onnx npm run bench -- onnx [--rounds=10] [--threads=2]
 */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { taskOf } from '../../agent/isolation/job.js';
import { launch } from '../../agent/isolation/launch.js';
import { PROFILE } from '../../agent/profile/job.js';
import { nodeSeconds } from '../../core/result/profile-record.js';
import { median } from '../../core/statistics/quantile.js';
import { conclude, type Figure } from './figure.js';

const python = process.env.RIDGEPOINT_ONNXRUNTIME_PYTHON;
const model = process.env.RIDGEPOINT_ONNX_MODEL;
if (python === undefined || model === undefined) {
  console.error(
    'Name a Python that has onnxruntime in RIDGEPOINT_ONNXRUNTIME_PYTHON and a decoder with a cache in RIDGEPOINT_ONNX_MODEL.',
  );
  process.exit(2);
}
const { values: options } = parseArgs({
  options: { rounds: { type: 'string', default: '10' }, threads: { type: 'string', default: '2' } },
});
const ROUNDS = Number(options.rounds);
const PROMPT = 256;
const STEPS = 32;
/** Runs of a round: their median counts. */
const REPEATS = 5;

interface Answer {
  readonly prefillSeconds: number;
  readonly decodeSeconds: number;
  readonly hashes: readonly string[];
}

/** A process that answers a line with a line. */
class Lines {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(command: string, args: readonly string[]) {
    this.#child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#lines = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
  }

  async next<T>(): Promise<T> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error('a process of the bench ended before it answered');
    return JSON.parse(value) as T;
  }

  async ask<T>(question: unknown): Promise<T> {
    this.#child.stdin!.write(`${JSON.stringify(question)}\n`);
    return await this.next<T>();
  }

  close(): void {
    this.#child.stdin!.end();
    this.#child.kill();
  }
}

const figures: Figure[] = [];
const folder = import.meta.dirname;
const theirs = new Lines(python, [join(folder, 'onnx/reference.py'), model, options.threads]);
const { library, version } = await theirs.next<{ library: string; version: string }>();
const ours = new Lines(process.execPath, [
  '--import',
  'tsx',
  join(folder, 'onnx/own-child.ts'),
  model,
  options.threads,
  library,
]);
console.log(
  `${(await ours.next<{ version: string }>()).version}; Python's onnxruntime ${version}: ${library}`,
);

/** Who goes first in most runs of a round has the better of it by up to 1.7 times here, so that two rounds together count: their geometric mean. */
const pairsOf = (rounds: readonly number[]) =>
  Array.from({ length: Math.floor(rounds.length / 2) }, (_, i) =>
    Math.sqrt(rounds[2 * i]! * rounds[2 * i + 1]!),
  );
const ratios: { prefill: number[]; decode: number[] } = { prefill: [], decode: [] };
let same = 0;
let compared = 0;
for (let round = -1; round < ROUNDS; round++) {
  const question = {
    tokens: Array.from({ length: PROMPT }, (_, i) => 3 + ((i * 37 + round + 1) % 1000)),
    steps: Array.from({ length: STEPS }, (_, i) => 3 + ((i * 91 + round + 1) % 1000)),
  };
  const times = { ours: [] as Answer[], theirs: [] as Answer[] };
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const first = (round + repeat) % 2 === 0;
    if (first) times.ours.push(await ours.ask<Answer>(question));
    times.theirs.push(await theirs.ask<Answer>(question));
    if (!first) times.ours.push(await ours.ask<Answer>(question));
  }
  // The first round warms up.
  if (round < 0) continue;
  const [a, b] = [times.ours[0]!, times.theirs[0]!];
  compared += b.hashes.length;
  same += b.hashes.filter((hash, i) => hash === a.hashes[i]).length;
  for (const [phase, field] of [
    ['prefill', 'prefillSeconds'],
    ['decode', 'decodeSeconds'],
  ] as const) {
    const [own, other] = [times.ours, times.theirs].map((answers) =>
      median(answers.map((one) => one[field])),
    );
    ratios[phase].push(other! / own!);
  }
  console.log(
    `round ${round + 1}: ours over Python's ${ratios.prefill.at(-1)!.toFixed(3)} prefill, ${ratios.decode.at(-1)!.toFixed(3)} decode`,
  );
}
ours.close();
theirs.close();

figures.push({
  claim: 'logits of the prompt and of every step are the same bits',
  measured: `${same} of ${compared}`,
  required: 'all',
  holds: same === compared,
});
for (const phase of ['prefill', 'decode'] as const) {
  const ratio = median(pairsOf(ratios[phase]));
  figures.push({
    claim: `${phase}, our speed over Python's, median of ${ROUNDS / 2} pairs of rounds (single rounds ${Math.min(...ratios[phase]).toFixed(3)} to ${Math.max(...ratios[phase]).toFixed(3)})`,
    measured: ratio.toFixed(3),
    required: 'at least 0.98',
    holds: ratio >= 0.98,
  });
}

const profiled = await launch({
  task: taskOf(PROFILE, {
    runnerKind: 'onnx',
    model: {
      modelPath: model,
      options: { threads: Number(options.threads) },
      runtimes: { bench: { library, plugins: {} } },
      deviceClass: 'cpu',
      deviceId: 'cpu0',
      cpus: [],
    },
    workload: { promptTokens: PROMPT, generateTokens: STEPS, parallel: 1, contextDepth: 0 },
  }),
  cpus: [],
  timeLimitSeconds: 120,
  memoryLimitBytes: null,
}).ended;
if (profiled.answer === null) throw new Error(profiled.failure.message);
for (const phase of profiled.answer.phases) {
  const share = nodeSeconds(phase) / phase.profiledSeconds;
  const figure = {
    claim: `${phase.name}, operators of the profile over the time of its passes`,
    measured: `${(100 * share).toFixed(1)} %`,
    required: 'at least 95 %',
    holds: share >= 0.95,
  };
  // Steps of a small model are hundreds of operators of a few microseconds, and a profile tells whole microseconds.
  if (phase.name === 'prefill') figures.push(figure);
  else console.log(`told only: ${figure.claim}: ${figure.measured}`);
}

const operator = fork(join(folder, 'onnx/operator-child.ts'), [library, options.threads], {
  execArgv: ['--import', 'tsx'],
});
await once(operator, 'message');
const lag = monitorEventLoopDelay({ resolution: 1 });
lag.enable();
const [{ size, seconds }] = (await once(operator, 'message')) as [{ size: number; seconds: number[] }];
lag.disable();
// The histogram holds the time from one look to the next, and looks are a millisecond apart.
const late = lag.percentile(99) / 1e6 - 1;
figures.push({
  claim: `event loop of the parent while a child multiplies ${size} × ${size} for ${seconds.map((one) => one.toFixed(2)).join(', ')} s, 99th percentile of its lag`,
  measured: `${late.toFixed(2)} ms`,
  required: 'less than 5 ms',
  holds: late < 5 && Math.max(...seconds) >= 0.9,
});
conclude('onnx', figures);
