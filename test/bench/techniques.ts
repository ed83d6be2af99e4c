/**
 * One sweep file, docs/examples/techniques.yaml, crosses techniques on the shipped model: `ridge run` must
 * end within ten minutes on two cores with every row complete, and each row must carry speed, memory, energy
 * (or why not) and quality. EfficientLLM's six metrics must be columns, its compression rate that of the real
 * bytes of the files, and the report's front that of every pair compared.
 *
 * `--loose` lifts the limits on what the rest of the machine may do, for a look at a busy one; the time then
 * says nothing. `--sweep=FILE` takes another file.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { parse, stringify } from 'yaml';
import type { ResultRecord } from '../../core/result/result.js';
import { EFFICIENT_LLM } from '../../report/column-sets.js';
import { ROOT, ridge } from '../support/ridge.js';
import { conclude, type Figure } from './figure.js';
import { compressionRate, filesByDigest, frontOf, type Goal, lacking } from './techniques/checks.js';

const LIMIT_SECONDS = 600;

const loose = process.argv.includes('--loose');
const named = process.argv.find((word) => word.startsWith('--sweep='))?.slice('--sweep='.length);
const file = resolve(named ?? join(ROOT, 'docs/examples/techniques.yaml'));
const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-techniques-'));
const out = join(folder, 'out');
// A cache of its own: nothing is made yet, and every file that is made is found here.
const env = { XDG_CACHE_HOME: join(folder, 'cache') };

interface Shown {
  readonly objectives: readonly Goal[];
  readonly rows: readonly { readonly experimentId: string; readonly onParetoFront: boolean }[];
}

const began = performance.now();
const run = await ridge(['run', sweepFile(), '--models', dirname(file), '--out', out], { env });
const seconds = (performance.now() - began) / 1000;
console.log(run.stdout);
if (run.code !== 0) console.log(run.stderr);

const records = readFileSync(join(out, 'results.jsonl'), 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line) as ResultRecord);
const plan = JSON.parse((await ridge(['plan', sweepFile(), '--json'], { env })).stdout) as { points: number };
const shown = JSON.parse((await ridge(['report', out, '--json'], { env })).stdout) as Shown;
const six = (await ridge(['report', out, '--columns', 'efficientllm', '-f', 'md'], { env })).stdout;
const again = JSON.parse((await ridge(['report', out, '--recompute', '--json'], { env })).stdout) as unknown;
const made = await filesByDigest([
  join(ROOT, 'models'),
  join(ROOT, 'models/adapters'),
  join(env.XDG_CACHE_HOME, 'ridgepoint/artifacts'),
]);

const complete = records.filter((record) => record.status === 'complete');
const valid = complete.filter((record) => record.valid);
const lacks = complete.flatMap((record) => lacking(record).map((name) => `${record.experimentId} ${name}`));
const rates = complete.map((record) => [
  record.measurements.modelCompressionRate?.value ?? Number.NaN,
  compressionRate(record, made) ?? Number.NaN,
]);
const worst = Math.max(...rates.map(([told, real]) => Math.abs(told! / real! - 1)));
const recomputed = frontOf(records, shown.objectives).sort();
const marked = shown.rows
  .filter((row) => row.onParetoFront)
  .map((row) => row.experimentId)
  .sort();
const page = readFileSync(join(out, 'report.html'), 'utf8');
const onPage = records.filter(({ trialId }) => page.includes(trialId)).length;
const same = JSON.stringify(again) === JSON.stringify(shown);

const figures: Figure[] = [
  {
    claim: `${basename(file)} ends${loose ? ' (loose: the time says nothing)' : ''}`,
    measured: `${seconds.toFixed(0)} s, exit code ${run.code}`,
    required: `at most ${LIMIT_SECONDS} s, exit code 0`,
    holds: run.code === 0 && (loose || seconds <= LIMIT_SECONDS),
  },
  {
    claim: 'every row is complete',
    measured: `${complete.length} of ${plan.points} complete, ${valid.length} valid`,
    required: `all ${plan.points} complete`,
    holds: plan.points > 0 && complete.length === plan.points,
  },
  {
    claim: 'each has speed, memory, quality, and energy or the reason why not',
    measured: lacks.length === 0 ? 'nothing lacks' : lacks.slice(0, 5).join('; '),
    required: 'nothing lacks',
    holds: complete.length > 0 && lacks.length === 0,
  },
  {
    claim: 'EfficientLLM’s six metrics are columns',
    measured: Object.values(EFFICIENT_LLM)
      .filter((word) => headOf(six).includes(word))
      .join(' '),
    required: Object.values(EFFICIENT_LLM).join(' '),
    holds: Object.values(EFFICIENT_LLM).every((word) => headOf(six).includes(word)),
  },
  {
    claim: 'the compression rate is that of the real bytes of the files',
    measured: `${rates.length} rows, largest difference ${(100 * worst).toExponential(1)} %, rates ${spanOf(rates.map(([told]) => told!))}`,
    required: 'at most 1e-6 %',
    holds: rates.length > 0 && worst <= 1e-8,
  },
  {
    claim: 'the report’s front is that of every pair compared',
    measured: `${marked.length} of ${valid.length} valid rows on the front of ${shown.objectives.map(({ metric }) => metric).join(', ')}; ${recomputed.length} found again`,
    required: 'the same rows, more than one',
    holds: marked.length > 1 && marked.join() === recomputed.join(),
  },
  {
    claim: 'the page and the recomputed report carry the same',
    measured: `${onPage} rows on the page, recomputed ${same ? 'equal' : 'different'}`,
    required: `${records.length} rows, equal`,
    holds: onPage === records.length && same,
  },
];
conclude('techniques', figures);
rmSync(folder, { recursive: true, force: true });

/** @returns the sweep to run: the file itself, or a copy that forgives a busy machine. */
function sweepFile(): string {
  if (!loose) return file;
  const document = parse(readFileSync(file, 'utf8')) as { spec: Record<string, Record<string, unknown>> };
  const { spec } = document;
  spec.measure = {
    ...spec.measure,
    starts: 1,
    maxRepeats: 3,
    maxWarmups: 1,
  };
  spec.placement = { ...spec.placement, driftControl: false };
  const runners = [spec.runners].flat() as Record<string, unknown>[];
  // Two threads on a busy machine wait for each other most of the time.
  spec.runners = runners.map((runner) => ({ ...runner, threads: 1 })) as never;
  const copy = join(folder, 'techniques.yaml');
  writeFileSync(copy, stringify(document));
  return copy;
}

function headOf(markdown: string): string {
  return markdown.split('\n').find((line) => line.startsWith('|')) ?? '';
}

function spanOf(values: readonly number[]): string {
  return `${Math.min(...values).toFixed(2)} to ${Math.max(...values).toFixed(2)}`;
}
