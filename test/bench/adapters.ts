/**
 * bench:adapters: low-rank adapters with llama.cpp.
 * 1. Attached against merged: the logits of builtin:small with the two shipped adapters. In f32 with exact attention sums alone
 *    are rounded in another order: at most matrices · n · u² of the logits' squares (u = 2^-24, n = 768 terms). In f16 each
 *    merged weight is rounded once more, by u/√3 at most in the mean: matrices · u²/3 (u = 2^-11).
 * 2. The perplexities of models/README.md on pages that the adapters were not trained on. The text is not in this repository: RIDGEPOINT_MATERIAL.
 * 3. Overhead per token at prefill and decode by rank and by number of adapters, interleaved; load time; memory.
 *
 *   node --import tsx test/bench/adapters.ts [--rounds=15] [--threads=2] [--large] [--only=logits|perplexity|overhead]
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { measureQuality } from '../../agent/quality/measure.js';
import { plainTable } from '../../cli/output/plain-table.js';
import { formatValue } from '../../core/metrics/format.js';
import { modelPath } from '../models/loading.js';
import { LARGE_MODEL, largeModel } from '../support/large-model.js';
import { type OverheadRow, overhead } from './adapters/overhead.js';
import { asked, type Parts, quiet, sameness } from './adapters/sameness.js';
import { conclude, type Figure } from './figure.js';

const argument = (name: string): string | undefined =>
  process.argv.find((a) => a.startsWith(`--${name}=`))?.slice(name.length + 3);
const rounds = Number(argument('rounds') ?? 15);
const threads = Number(argument('threads') ?? 2);
const only = argument('only');
const wanted = (part: string): boolean => only === undefined || only === part;
const say = (line: string): void => void process.stderr.write(`adapters: ${line}\n`);

const MATRICES = 56;
const LONGEST_SUM = 768;
const BOUND = { f32: MATRICES * LONGEST_SUM * 2 ** -48, f16: (MATRICES * 2 ** -22) / 3 } as const;
/** What merging may cost or gain in speed before it is more than noise. */
const SAME_SPEED = 0.05;

const shipped = (name: string) => join(import.meta.dirname, `../../models/adapters/small-pgdoc-${name}.gguf`);
const ADAPTERS: Readonly<Record<string, Parts>> = {
  r4: [{ path: shipped('r4'), scale: 1 }],
  r16: [{ path: shipped('r16'), scale: 1 }],
  'r4*0.5+r16': [
    { path: shipped('r4'), scale: 0.5 },
    { path: shipped('r16'), scale: 1 },
  ],
};
/** Perplexities that the adapters were published with (models/README.md), in llama-perplexity's windows. */
const PUBLISHED = [
  ['pgdoc-test.txt', 'none', 249.6],
  ['pgdoc-test.txt', 'r4', 67.6],
  ['pgdoc-test.txt', 'r16', 62.5],
  ['test.txt', 'r4', 64.1],
  ['test.txt', 'r16', 64.3],
] as const;

const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-bench-adapters-'));
const figures: Figure[] = [];
try {
  if (wanted('logits')) await logits();
  if (wanted('perplexity')) await perplexities();
  if (wanted('overhead')) await overheads();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
conclude('adapters', figures);

async function logits(): Promise<void> {
  const rows = [];
  for (const type of ['f32', 'f16'] as const) {
    for (const [name, parts] of Object.entries(ADAPTERS)) {
      say(`${name} attached and merged in ${type}`);
      const found = await sameness(type, parts, threads, folder);
      const { normalizedSquaredError: error, largestDifference, logitSpread, divergence } = found;
      const same = `${(100 * divergence.sameTop.value).toFixed(2)} %`;
      const digits = (value: number) => value.toPrecision(2);
      rows.push([
        name,
        type,
        digits(error),
        digits(largestDifference),
        digits(logitSpread),
        digits(divergence.kl.value),
        same,
      ]);
      figures.push({
        claim: `${name} attached and merged in ${type}: normalized squared error of the logits`,
        measured: digits(error),
        required: `at most ${digits(BOUND[type])}`,
        holds: error <= BOUND[type],
      });
    }
  }
  const headers = [
    'adapter',
    'base',
    'nmse',
    'largest difference',
    'spread of logits',
    'KLD, nats',
    'same top',
  ];
  console.log(`\n${plainTable(headers, rows)}`);
}

async function perplexities(): Promise<void> {
  const material = process.env.RIDGEPOINT_MATERIAL;
  for (const [text, name, published] of PUBLISHED) {
    const path = join(material ?? '', 'data', text);
    if (material === undefined || !existsSync(path)) {
      say(`without ${text} (RIDGEPOINT_MATERIAL): perplexity with ${name} is not measured`);
      continue;
    }
    say(`perplexity of ${text} with ${name}`);
    const model = asked(modelPath('small'), threads, ADAPTERS[name] ?? []);
    const windows = { scheme: 'llama', context: 512, stride: null } as const;
    const request = { text: { path, windows, basePrecision: 'llama' } as const, tasks: [] };
    const job = { model, base: null, request, trainedContext: 512, scorers: {} };
    const { text: outcome } = await measureQuality(job, quiet);
    const value = outcome?.perplexity.value ?? Number.NaN;
    figures.push({
      claim: `perplexity of ${text} with ${name}`,
      measured: value.toFixed(2),
      required: `${published} as published, to its last digit`,
      // Half a unit in the last digit, and as much for another CPU's kernels.
      holds: Math.abs(value - published) <= 0.1,
    });
  }
}

async function overheads(): Promise<void> {
  const common = { threads, rounds, promptTokens: 256, generateTokens: 64, folder, say };
  report('builtin:small (f16)', await overhead({ ...common, modelPath: modelPath('small') }), common, true);
  if (!process.argv.includes('--large')) return;
  const modelPathLarge = await largeModel(say);
  report(
    LARGE_MODEL,
    await overhead({ ...common, modelPath: modelPathLarge, generateTokens: 16 }),
    common,
    false,
  );
}

function report(
  model: string,
  rows: readonly OverheadRow[],
  { promptTokens }: { readonly promptTokens: number },
  small: boolean,
): void {
  const none = rows[0]!;
  const microseconds = (seconds: number) => Number((seconds * 1e6).toPrecision(4));
  const percent = (value: number, base: number) => `${(100 * (value / base - 1)).toFixed(1)} %`;
  const cells = rows.map((row) => [
    row.name,
    microseconds(row.prefillSeconds / promptTokens),
    percent(row.prefillSeconds, none.prefillSeconds),
    microseconds(row.decodeSeconds),
    percent(row.decodeSeconds, none.decodeSeconds),
    row.loadSeconds === null ? null : Number((row.loadSeconds * 1000).toPrecision(3)),
    row.adapterBytes === 0 ? '-' : formatValue(row.adapterBytes, 'B'),
    formatValue(Math.max(0, row.residentBytes), 'B'),
  ]);
  const headers = [
    'adapters',
    'prefill µs/token',
    'more',
    'decode µs/token',
    'more',
    'load ms',
    'files',
    'resident',
  ];
  console.log(`\n${model}, ${threads} threads\n${plainTable(headers, cells)}`);
  if (!small) return;
  const at = (name: string) => rows.find((row) => row.name === name)!;
  const ratio = at('merged r16').decodeSeconds / none.decodeSeconds;
  figures.push(
    {
      claim: 'a merged adapter costs nothing per token: decode, merged over none',
      measured: ratio.toFixed(3),
      required: `1 ± ${SAME_SPEED}`,
      holds: Math.abs(ratio - 1) <= SAME_SPEED,
    },
    {
      claim: 'an attached adapter costs more the larger its rank: prefill with r4 and with r256',
      measured: `${percent(at('r4').prefillSeconds, none.prefillSeconds)}, ${percent(at('r256').prefillSeconds, none.prefillSeconds)}`,
      required: 'the second above the first',
      holds: at('r256').prefillSeconds > at('r4').prefillSeconds,
    },
  );
}
