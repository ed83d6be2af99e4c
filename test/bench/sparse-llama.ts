/**
 * A whole Llama whose weights were pruned decodes without its zeros, through custom ops of ggml: tokens a
 * second beside our own dense path and llama.cpp's types of the same file, in turn, on the same threads. The
 * shipped small model says that quality is equal; a random one, larger than the caches, says what that is
 * worth where memory is the limit. `--quick` takes a smaller one and one share of zeros. THREADS=1 for one
 * thread.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { measureQuality } from '../../agent/quality/opened/measure.js';
import { builtinFolder } from '../../artifacts/files/source.js';
import { writeSynthetic } from '../../artifacts/files/synthetic/model.js';
import { readSynthetic } from '../../core/models/synthetic.js';
import { median } from '../../statistics/quantile.js';
import { conclude, type Figure } from './figure.js';
import {
  type Candidate,
  candidatesOf,
  decodeInTurn,
  MOST_ROUNDS,
  pruned,
  type Timed,
} from './sparse-llama/candidates.js';

const quick = process.argv.includes('--quick');
const threads = Number(process.env.THREADS ?? Math.min(2, availableParallelism()));
const rounds = quick ? 5 : MOST_ROUNDS;
const shares = quick ? [60] : [50, 60, 70];
const source = `synthetic:llama?layers=${quick ? 4 : 16}&embedding=1024&kvHeads=8&vocabulary=32000&contextLength=512`;
/** Both compute the same: what differs is the order of sums and the rounding of f16 weights to bf16. */
const EQUAL_PERPLEXITY = 0.005;

const material = process.env.RIDGEPOINT_MATERIAL;
const unseen = material === undefined ? null : join(material, 'data/pgdoc-test.txt');
const sample = join(builtinFolder(), 'sample.txt');
const text = unseen !== null && existsSync(unseen) ? unseen : sample;

const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-sparse-llama-'));
const piece = join(folder, 'text.txt');
writeFileSync(piece, readFileSync(text, 'utf8').slice(0, quick ? 12_000 : 120_000));
const figures: Figure[] = [];
try {
  await small();
  const reading = readSynthetic(source);
  if (!reading.ok) throw new Error(reading.reason);
  const base = join(folder, 'base.gguf');
  await writeSynthetic(base, reading.model);
  for (const share of shares) {
    const own = join(folder, `${share}`);
    mkdirSync(own);
    const path = await pruned(own, base, `magnitude:${share}%`, null);
    const timed = await decodeInTurn(await candidatesOf(path, threads), rounds);
    show(`${source}, ${share} % zeros`, timed, null);
    if (share === 60) claim(timed);
    whereItDoesNotPay(timed, share);
    rmSync(own, { recursive: true });
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(
  `\n${threads} threads, medians of ${rounds} rounds in turn, 8 tokens each, contexts of 16 to 256 tokens`,
);
conclude('sparse-llama', figures);

/** Quality and speed of the shipped model, which lies in the caches. */
async function small(): Promise<void> {
  const calibrated = `wanda:60%${quick ? '?sequences=6&tokens=128' : ''}`;
  const path = await pruned(folder, join(builtinFolder(), 'small-f16.gguf'), calibrated, sample);
  const candidates = await candidatesOf(path, threads);
  const timed = await decodeInTurn(candidates, rounds);
  const perplexities = new Map<string, number>();
  for (const candidate of candidates) perplexities.set(candidate.name, await perplexity(candidate));
  show(`builtin:small, ${calibrated}: all of it in the caches`, timed, perplexities);
  const [ours, theirs] = [perplexities.get('sparse bf16')!, perplexities.get('llama.cpp f16')!];
  figures.push({
    claim: 'sparse bf16: perplexity of the pruned shipped model over llama.cpp’s from the same file',
    measured: (ours / theirs).toFixed(4),
    required: `within ${100 * EQUAL_PERPLEXITY} % of 1`,
    holds: Math.abs(ours / theirs - 1) <= EQUAL_PERPLEXITY,
  });
}

async function perplexity({ runnerKind, path, options }: Candidate): Promise<number> {
  const windows = { scheme: 'llama' as const, context: 256, stride: null };
  const outcome = await measureQuality(
    {
      model: { runnerKind, modelPath: path, options, deviceClass: 'cpu', deviceId: 'cpu0', cpus: [] },
      base: null,
      request: { text: { path: piece, windows, basePrecision: 'llama' }, tasks: [] },
      scorers: {},
      trainedContext: null,
    },
    { progress: () => {}, checkStop: async () => {} },
  );
  return outcome.text!.perplexity.value;
}

/** @returns how many times as fast one is as another: median over the rounds, in which both ran. */
function speedup(timed: readonly Timed[], name: string, over: string): number {
  const [a, b] = [name, over].map((wanted) => timed.find((one) => one.name === wanted)!.seconds);
  return median(a!.map((seconds, round) => b![round]! / seconds));
}

function show(title: string, timed: readonly Timed[], perplexities: Map<string, number> | null): void {
  console.log(`\n${title}\n`);
  const head = ['', 'weights MB', 'tokens/s', 'over dense', 'over llama.cpp f16', 'prompt tokens/s'];
  if (perplexities !== null) head.push('perplexity');
  const lines = timed.map(({ name, megabytes, seconds, promptSeconds }) => {
    const dense = name.startsWith('sparse') ? speedup(timed, name, name.replace('sparse', 'dense')) : null;
    const cells = [
      name,
      megabytes.toFixed(0),
      (1 / median(seconds)).toFixed(1),
      dense?.toFixed(2) ?? '',
      speedup(timed, name, 'llama.cpp f16').toFixed(2),
      (1 / median(promptSeconds)).toFixed(0),
    ];
    if (perplexities !== null) cells.push(perplexities.get(name)!.toFixed(3));
    return cells;
  });
  console.log([head, head.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n'));
}

function claim(timed: readonly Timed[]): void {
  for (const over of ['dense bf16', 'llama.cpp f16']) {
    const times = speedup(timed, 'sparse bf16', over);
    figures.push({
      claim: `sparse bf16 at 60 % zeros decodes faster than ${over}`,
      measured: `${times.toFixed(2)} times as fast`,
      required: 'more than 1',
      holds: times > 1,
    });
  }
}

/** Every pair in which leaving zeros out is no faster, in a sentence. */
function whereItDoesNotPay(timed: readonly Timed[], share: number): void {
  const bytes = (name: string) => timed.find((one) => one.name === name)!.megabytes;
  for (const [name, dense] of [
    ['sparse bf16', 'dense bf16'],
    ['sparse int8', 'dense int8'],
  ] as const) {
    for (const over of [dense, 'llama.cpp f16', 'llama.cpp bf16', 'llama.cpp q8_0', 'llama.cpp q4_k_m']) {
      const times = speedup(timed, name, over);
      if (times >= 1.02) continue;
      const reads = `${bytes(name).toFixed(0)} MB of weights against ${bytes(over).toFixed(0)} MB`;
      console.log(
        `does not pay here: ${name} at ${share} % zeros is ${times.toFixed(2)} times as fast as ${over} (${reads})`,
      );
    }
    const [own, theirs] = [name, 'llama.cpp f16'].map((wanted) =>
      median(timed.find((one) => one.name === wanted)!.promptSeconds),
    );
    const times = theirs! / own!;
    if (times < 1.02) {
      console.log(
        `does not pay for prompts: ${name} at ${share} % zeros reads 128 tokens ${times.toFixed(2)} times as fast as llama.cpp f16`,
      );
    }
  }
}
