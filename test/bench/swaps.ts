/**
 * Masks by every method, and what swaps, layer ratios and DSnoT make of them.
 *
 * 1. Every swap of the native kernel is the best of all pairs by brute force, and the end has no better one
 *   (1,000 small rows).
 * 2. The output error of layers at 60 %, mean over layers and five calibration seeds, beside Wanda’s; the
 *   time of swaps for each weight beside that of the mask, in turns.
 * 3. One table: perplexity over that of the unpruned model at 50 to 80 %, 2:4 and 4:8, on both shipped
 *   models, with the interval of the paired difference to Wanda over five seeds.
 * 4. Synthetic layers of 256 to 4096 columns with outliers: whether DSnoT’s repair depends on width.
 *
 * Texts are those of RIDGEPOINT_MATERIAL (`calibration.txt` calibrates, `test.txt` is judged); without it
 * both are the text that ships. `--model=tiny` takes one model alone, `--part=rows|time|table|width` one
 * part. The table takes half an hour.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kernelsLibrary } from '../../engines/native/kernel-library.js';
import { median } from '../../statistics/quantile.js';
import { mean } from '../../statistics/summary.js';
import { ROOT } from '../support/ridge.js';
import { conclude, type Figure } from './figure.js';
import { bruteForce } from './swaps/brute-force.js';
import { CellChild, type Judged } from './swaps/cells.js';
import { intervalOf } from './swaps/interval.js';
import { type WideRow, widths } from './swaps/wide.js';

const named = (name: string) =>
  process.argv.find((word) => word.startsWith(`--${name}=`))?.slice(`--${name}=`.length);
const part = named('part');
const wants = (name: string) => part === undefined || part === name;
const models = named('model')?.split(',') ?? ['tiny', 'small'];
const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-bench-swaps-'));
const material = process.env.RIDGEPOINT_MATERIAL;
const textNamed = (name: string) =>
  material === undefined ? join(ROOT, 'models/sample.txt') : join(material, 'data', name);

const SEEDS = [0, 1, 2, 3, 4];
const CALIBRATION = 'sequences=16&tokens=256';
const WINDOWS = 24;
const PATTERNS = ['50%', '60%', '70%', '80%', '2:4', '4:8'];
/** A method, the settings that go with it, and whether it gives layers ratios of their own. */
const METHODS = [
  { name: 'Wanda', method: 'wanda', settings: '', allocates: false },
  { name: 'DSnoT', method: 'dsnot', settings: '', allocates: false },
  { name: 'SparseGPT', method: 'sparsegpt', settings: '', allocates: false },
  {
    name: 'SparseGPT, DSnoT',
    method: 'dsnot',
    settings: '&initial=sparsegpt&updates=true',
    allocates: false,
  },
  { name: 'Wanda, OWL', method: 'wanda', settings: '&allocation=owl', allocates: true },
  { name: 'Wanda, LSA', method: 'wanda', settings: '&allocation=lsa', allocates: true },
  { name: 'Wanda, swaps', method: 'wanda', settings: '&refine=swaps', allocates: false },
  { name: 'SparseGPT, swaps', method: 'sparsegpt', settings: '&refine=swaps', allocates: false },
] as const;

const children = [new CellChild(), new CellChild()] as const;
const figures: Figure[] = [];

async function judge(
  child: number,
  model: string,
  word: string,
  asked: { judged: boolean; threads: number },
) {
  return await children[child]!.judge({
    modelPath: join(ROOT, `models/${model}-f16.gguf`),
    outputPath: join(folder, `${child}.gguf`),
    word,
    calibrationPath: textNamed('calibration.txt'),
    judgedPath: asked.judged ? textNamed('test.txt') : null,
    windows: WINDOWS,
    threads: asked.threads,
  });
}

/** Cells of one model by their word, with the seed at its end. */
type Cells = ReadonlyMap<string, Judged>;
const wordOf = (settings: string, method: string, pattern: string, seed: number) =>
  `${method}:${pattern}?${CALIBRATION}${settings}&seed=${seed}`;

async function tableOf(model: string): Promise<Cells> {
  const cells = new Map<string, Judged>();
  const words = SEEDS.flatMap((seed) =>
    PATTERNS.flatMap((pattern) =>
      METHODS.filter(({ allocates }) => !allocates || pattern.endsWith('%')).map(({ method, settings }) =>
        wordOf(settings, method, pattern, seed),
      ),
    ),
  );
  const rest = words.values();
  const work = async (child: number) => {
    for (const word of rest) {
      cells.set(word, await judge(child, model, word, { judged: true, threads: 1 }));
      console.log(`${model} ${word} ${JSON.stringify(cells.get(word))}`);
    }
  };
  await Promise.all([work(0), work(1)]);
  return cells;
}

function printTable(model: string, cells: Cells, unpruned: number): void {
  console.log(`\n${model}, unpruned ${unpruned.toFixed(2)}; PPL ×, and × Wanda’s with its interval`);
  for (const { name, method, settings, allocates } of METHODS) {
    const row = PATTERNS.map((pattern) => {
      if (allocates && !pattern.endsWith('%')) return '–';
      const of = (some: string, by: string) =>
        SEEDS.map((seed) => cells.get(wordOf(some, by, pattern, seed))!.perplexity!);
      const [own, wandas] = [of(settings, method), of('', 'wanda')];
      const over = mean(own.map((ppl) => Math.log(ppl / unpruned)));
      const { mean: change, half } = intervalOf(own.map((ppl, i) => Math.log(ppl / wandas[i]!)));
      const paired = name === 'Wanda' ? '' : ` (× ${Math.exp(change).toFixed(3)} ± ${half.toFixed(3)})`;
      return `${Math.exp(over).toFixed(3)}${paired}`;
    });
    console.log(JSON.stringify([`${name}, ${model}`, ...row]));
  }
}

function layerErrors(model: string, cells: Cells): void {
  const errors = (settings: string, method: string) =>
    SEEDS.map((seed) => cells.get(wordOf(settings, method, '60%', seed))!.relativeOutputError!);
  const wandas = errors('', 'wanda');
  const lines = METHODS.map(({ name, method, settings }) => {
    const own = errors(settings, method);
    const { mean: change, half } = intervalOf(own.map((error, i) => error / wandas[i]! - 1));
    const low = `${(100 * change).toFixed(1)} ± ${(100 * half).toFixed(1)} %`;
    return {
      name,
      text: `${name} ${(100 * mean(own)).toFixed(1)} %${name === 'Wanda' ? '' : ` (${low})`}`,
      change,
    };
  });
  figures.push({
    claim: `${model}: relative output error at 60 %, mean over layers and five seeds`,
    measured: lines.map(({ text }) => text).join('; '),
    required: 'with swaps 30 % below Wanda',
    holds: lines.find(({ name }) => name === 'Wanda, swaps')!.change <= -0.3,
  });
}

/** Seconds of the mask step with and without swaps, in turns. */
async function times(model: string): Promise<void> {
  for (const pattern of ['60%', '2:4']) {
    const perWeight = { none: [] as number[], swaps: [] as number[] };
    for (let round = 0; round < 5; round++)
      for (const refine of ['none', 'swaps'] as const) {
        const word = wordOf(refine === 'swaps' ? '&refine=swaps' : '', 'wanda', pattern, 0);
        const { maskSeconds, weights } = await judge(0, model, word, { judged: false, threads: 2 });
        perWeight[refine].push((1e9 * maskSeconds) / weights);
      }
    const [alone, both] = [median(perWeight.none), median(perWeight.swaps)];
    console.log(
      `${model}, masks at ${pattern}, 2 threads: Wanda ${alone.toFixed(1)} ns a weight, with swaps ${both.toFixed(0)} ns: ${(both / alone).toFixed(0)} times (medians of 5 turns)`,
    );
  }
}

async function width(): Promise<void> {
  const rows = await widths([1, 2, 3, 4, 5]);
  const ratio = ({ change }: WideRow) => `× ${Math.exp(change.mean).toFixed(3)} ± ${change.half.toFixed(3)}`;
  for (const row of rows) console.log(JSON.stringify([row.columns, row.mode, row.exchanges, ratio(row)]));
  const published = (columns: number) =>
    rows.find((row) => row.columns === columns && row.mode === 'reference' && row.exchanges === 50)!;
  const [narrow, wide] = [published(256), published(4096)];
  figures.push({
    claim: 'DSnoT as published repairs Wanda’s mask at 60 % in wide rows, and harms narrow ones',
    measured: `output error over Wanda’s, 50 exchanges a row: ${ratio(narrow)} at 256 columns, ${ratio(wide)} at 4096`,
    required: 'above 1 at 256 and below 1 at 4096 by their intervals',
    holds: narrow.change.mean > narrow.change.half && wide.change.mean < -wide.change.half,
  });
}

if (kernelsLibrary() === null) {
  console.log('goes without the native kernels: node scripts/build-kernels.mjs');
  process.exit(1);
}
for (const model of models) if (!existsSync(join(ROOT, `models/${model}-f16.gguf`))) throw new Error(model);
try {
  if (wants('rows')) figures.push(await bruteForce(1000));
  if (wants('width')) await width();
  for (const model of models) {
    if (wants('time')) await times(model);
    if (!wants('table')) continue;
    const none = wordOf('', 'magnitude-row', '0%', 0).replace(/\?.*/, '');
    const unpruned = (await judge(0, model, none, { judged: true, threads: 2 })).perplexity!;
    const cells = await tableOf(model);
    printTable(model, cells, unpruned);
    layerErrors(model, cells);
  }
} finally {
  for (const child of children) child.end();
  rmSync(folder, { recursive: true, force: true });
}
conclude('swaps', figures);
