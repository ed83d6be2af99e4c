/**
 * bench:onnx-attack: damaged ONNX files. The four decoders of test/fixtures/onnx, each with bytes changed,
 * cut out, doubled or cut off, are opened and run in a child. Every file runs or is refused by one sentence;
 * one that takes ONNX Runtime down takes the child along, and the same file as a trial is a failure with its
 * reason, while the parent goes on.
 *
 *   npm run bench -- onnx-attack [--files=300] [--seed=1]
 */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { PROFILE } from '../../agent/profile/job.js';
import { taskOf } from '../../process/isolation/job.js';
import { launch } from '../../process/isolation/launch.js';
import { conclude, type Figure } from './figure.js';

const { values: options } = parseArgs({
  options: { files: { type: 'string', default: '300' }, seed: { type: 'string', default: '1' } },
});
const FILES = Number(options.files);
const random = xoroshiro128plus(Number(options.seed));
const below = (limit: number) => uniformInt(random, 0, limit - 1);
/** A file that hangs ONNX Runtime is given up. */
const LIMIT_MILLISECONDS = 20_000;

const graphs = ['plain', 'cached', 'grouped', 'merged'].map((name) =>
  readFileSync(join(import.meta.dirname, '../fixtures/onnx', `${name}.onnx`)),
);

function mutated(): Buffer {
  let bytes = Buffer.from(graphs[below(graphs.length)]!);
  const changes = 1 + below(3);
  for (let i = 0; i < changes; i++) {
    // The graph is before its weights, and there damage tells.
    const at = below(below(2) === 0 ? Math.min(bytes.length, 4096) : bytes.length);
    const length = 1 + below(32);
    // Bytes that move make most files no protobuf at all: mostly they are changed in place.
    switch (below(10)) {
      case 0:
        bytes[at] = bytes[at]! ^ (1 << below(8));
        break;
      case 1:
        bytes[at] = below(256);
        break;
      case 2:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
        break;
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)]);
        break;
      default:
        if (below(40) === 0) bytes = bytes.subarray(0, Math.max(1, at));
        else bytes[at] = [0, 1, 2, bytes[at]! ^ 1, bytes[at]! + 1, bytes[at]! - 1][below(6)]! & 0xff;
    }
  }
  return bytes;
}

type Answer = { readonly code: string | null; readonly message: string };
let child: ChildProcess | null = null;

async function opened(): Promise<ChildProcess> {
  if (child !== null) return child;
  const started = fork(join(import.meta.dirname, 'onnx/mutated-child.ts'), {
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  await new Promise((resolve) => started.once('message', resolve));
  child = started;
  return started;
}

/** @returns null for a file that took the child down. */
async function ask(path: string): Promise<Answer | null> {
  const asked = await opened();
  return await new Promise((resolve) => {
    const timer = setTimeout(() => asked.kill('SIGKILL'), LIMIT_MILLISECONDS);
    const end = (answer: Answer | null) => {
      clearTimeout(timer);
      asked.removeAllListeners();
      if (answer === null) child = null;
      resolve(answer);
    };
    asked.once('message', (answer) => end(answer as Answer));
    asked.once('exit', () => end(null));
    asked.send(path);
  });
}

const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-onnx-attack-'));
const codes = new Map<string, number>();
const crashed: string[] = [];
let badSentences = 0;
try {
  for (let i = 0; i < FILES; i++) {
    const path = join(folder, `${i}.onnx`);
    writeFileSync(path, mutated());
    const answer = await ask(path);
    const code = answer === null ? 'took its process down' : (answer.code ?? 'ran');
    codes.set(code, (codes.get(code) ?? 0) + 1);
    if (answer === null) crashed.push(path);
    else if (answer.code !== null && (answer.code === 'internal' || !/^[^\n]+\.$/.test(answer.message))) {
      badSentences += 1;
      console.log(`${i}: ${answer.code}: ${answer.message}`);
    }
  }
  (child as ChildProcess | null)?.kill();
  console.log([...codes].map(([code, count]) => `${count} ${code}`).join(', '));
  let told = 0;
  for (const path of crashed) {
    const { failure } = await launch({
      task: taskOf(PROFILE, {
        runnerKind: 'onnx',
        model: { modelPath: path, options: { threads: 1 }, deviceClass: 'cpu', deviceId: 'cpu0', cpus: [] },
        workload: { promptTokens: 3, generateTokens: 1, parallel: 1, contextDepth: 0 },
      }),
      cpus: [],
      timeLimitSeconds: 20,
      memoryLimitBytes: null,
    }).ended;
    console.log(`as a trial: ${failure?.code}: ${failure?.message}`);
    if (failure !== null) told += 1;
  }
  const figures: Figure[] = [
    {
      claim: `of ${FILES} damaged files, those that neither ran, nor were refused by one sentence, nor ended a child alone`,
      measured: String(badSentences),
      required: '0',
      holds: badSentences === 0,
    },
    {
      claim:
        'files that took a child down and are failures with a reason as trials, while the parent goes on',
      measured: `${told} of ${crashed.length}`,
      required: 'all',
      holds: told === crashed.length,
    },
  ];
  conclude('onnx-attack', figures);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
