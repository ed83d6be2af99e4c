/**
 * bench:onnx: does our runner on ONNX Runtime's C API give what Python's binding gives, and as fast? Both
 * load the library of the same wheel, on the same threads, each in a process of its own.
 *
 * 1. The logits of a prompt and of 32 steps with the cache are the same bits.
 * 2. Tokens per second of the prompt and of the steps, ours over Python's: the median of rounds is at least
 *   0.98. A round asks ours, theirs, theirs, ours, the next one the other way round; each answer is of
 *   several runs, before which one is not counted, for whoever comes to a machine that another has just left
 *   is slower at first.
 * 3. The times of operators that a profile tells add up to 95 % of the very passes that were profiled.
 * 4. While an operator of a second runs in a child, the event loop of its parent is late by less than 5 ms
 *   (99th percentile).
 *
 *   RIDGEPOINT_ONNXRUNTIME_PYTHON=…/bin/python RIDGEPOINT_ONNX_MODEL=…/model.onnx npm run bench -- onnx
 *   [--rounds=10] [--threads=2]
 */

import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { PROFILE } from '../../agent/profile/job.js';
import { ggufToOnnx } from '../../artifacts/conversions/gguf-to-onnx/converter.js';
import { nodeSeconds, profileCost } from '../../core/result/profile-record.js';
import { NO_ENGINES } from '../../engines/config.js';
import { taskOf } from '../../process/isolation/job.js';
import { launch } from '../../process/isolation/launch.js';
import { median } from '../../statistics/quantile.js';
import { ROOT } from '../support/ridge.js';
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
/** Timed runs of an answer, of which a round has two of each. */
const RUNS = 4;

/** Seconds of each run. */
interface Times {
  readonly prefill: readonly number[];
  readonly decode: readonly number[];
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

const ratios: { prefill: number[]; decode: number[] } = { prefill: [], decode: [] };
let same = 0;
let compared = 0;
for (let round = 0; round < ROUNDS; round++) {
  const question = {
    tokens: Array.from({ length: PROMPT }, (_, i) => 3 + ((i * 37 + round) % 1000)),
    steps: Array.from({ length: STEPS }, (_, i) => 3 + ((i * 91 + round) % 1000)),
  };
  const [own, other] = [
    await ours.ask<{ hashes: string[] }>({ ...question, runs: 0 }),
    await theirs.ask<{ hashes: string[] }>({ ...question, runs: 0 }),
  ];
  compared += other.hashes.length;
  same += other.hashes.filter((hash, i) => hash === own.hashes[i]).length;
  const times = { ours: [] as Times[], theirs: [] as Times[] };
  for (const turn of [0, 1, 1, 0]) {
    const mine = (turn + round) % 2 === 0;
    const asked = await (mine ? ours : theirs).ask<Times>({ ...question, runs: RUNS });
    times[mine ? 'ours' : 'theirs'].push(asked);
  }
  for (const phase of ['prefill', 'decode'] as const) {
    const [mine, its] = [times.ours, times.theirs].map((answers) =>
      median(answers.flatMap((one) => one[phase])),
    );
    ratios[phase].push(its! / mine!);
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
  const ratio = median(ratios[phase]);
  figures.push({
    claim: `${phase}, our speed over Python's, median of ${ROUNDS} rounds (${Math.min(...ratios[phase]).toFixed(3)} to ${Math.max(...ratios[phase]).toFixed(3)})`,
    measured: ratio.toFixed(3),
    required: 'at least 0.98',
    holds: ratio >= 0.98,
  });
}

/** Profiles a graph, and says what its operators took of the passes that were profiled. */
async function profiledShare(graph: string, what: string): Promise<void> {
  const { answer, failure } = await launch({
    task: taskOf(PROFILE, {
      runnerKind: 'onnx',
      model: {
        modelPath: graph,
        options: { threads: Number(options.threads) },
        engines: { ...NO_ENGINES, onnxRuntimes: { bench: { library, plugins: {} } } },
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
  if (answer === null) throw new Error(failure.message);
  for (const phase of answer.phases) {
    const { name, profiledSeconds, operators, passes } = phase;
    const share = nodeSeconds(phase) / profiledSeconds;
    const calls = operators.reduce((sum, one) => sum + one.calls, 0);
    const between = (1e6 * (profiledSeconds - nodeSeconds(phase))) / calls;
    const figure = {
      claim: `${name} of ${what}, ${calls / passes} operators with ${between.toFixed(1)} µs after each, of ${((1e3 * profiledSeconds) / passes).toFixed(1)} ms a pass (looking on cost ${(100 * profileCost(phase)).toFixed(1)} %): share of operators`,
      measured: `${(100 * share).toFixed(1)} %`,
      required: 'at least 95 %',
      holds: share >= 0.95,
    };
    // Steps of a small model are hundreds of operators of a few microseconds: a stamp takes longer than one,
    // and tells whole microseconds.
    if (name === 'prefill') figures.push(figure);
    else console.log(`told only: ${figure.claim}: ${figure.measured}`);
  }
}
await profiledShare(model, 'the named graph');
const made = mkdtempSync(join(tmpdir(), 'ridgepoint-bench-onnx-'));
try {
  const request = { inputPath: join(ROOT, 'models/small-f16.gguf'), outputPath: made };
  await ggufToOnnx.convert({ ...request, type: null, dequantize: false }, () => {});
  await profiledShare(made, 'our graph of small');
} finally {
  rmSync(made, { recursive: true, force: true });
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
