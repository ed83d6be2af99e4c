import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { parse } from 'yaml';
import { json } from '../../../cli/output/json.js';
import { jsonLines } from '../../../cli/output/jsonl.js';
import { createProgram } from '../../../cli/program.js';
import { METRICS } from '../../../core/metrics/catalogue.js';
import { buildReport } from '../../../report/build.js';
import { csvText } from '../../../report/csv.js';
import { quotedOf } from '../../../report/quoted.js';
import { sharedFolder } from '../../support/folder.js';
import { sweepRecords } from '../../support/sweep-records.js';

/**
 * An interpreter with mlflow-skinny, pyarrow and wandb, where somebody names one: the formats are read by
 * their own libraries then.
 */
const python = process.env.RIDGEPOINT_PYTHON;

const records = sweepRecords({ experiments: 24 });
const report = buildReport(records, { sweepName: 'reference', objectives: [] });
const [first, failed] = [report.rows[0]!, report.rows.find(({ state }) => state === 'failed')!];
const numbers = METRICS.filter(({ name }) => quotedOf(first, name) !== null);

const folder = sharedFolder();
let source: string;
let file: string;
let store: string;

async function exported(...words: string[]): Promise<string> {
  const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  try {
    await (await createProgram()).parseAsync(['node', 'ridge', 'report', source, ...words]);
    return said.mock.calls.map(([text]) => text).join('');
  } finally {
    said.mockRestore();
  }
}

beforeAll(async () => {
  source = join(folder, 'reference.jsonl');
  writeFileSync(source, jsonLines(records));
  file = join(folder, 'rows.parquet');
  store = join(folder, 'mlruns');
  await exported('--format', 'parquet', '--output', file);
  await exported('--format', 'mlflow', '--output', store);
});

describe('parquet', () => {
  test('has the columns of the CSV, and a row for each of its lines', async () => {
    const buffer = await asyncBufferFromFile(file);
    const { schema, num_rows } = await parquetMetadataAsync(buffer);
    const head = csvText(report).split('\r\n')[0]!.split(',');
    expect(schema.slice(1).map(({ name }) => name)).toEqual(head);
    expect(num_rows).toBe(24n);
    const types = Object.fromEntries(
      schema.map(({ name, type, converted_type }) => [name, [type, converted_type]]),
    );
    expect(types).toMatchObject({
      number: ['INT32', undefined],
      experimentId: ['BYTE_ARRAY', 'UTF8'],
      onParetoFront: ['BOOLEAN', undefined],
      startedAt: ['INT64', 'TIMESTAMP_MILLIS'],
      quantization: ['BYTE_ARRAY', 'UTF8'],
      parallel: ['DOUBLE', undefined],
      flashAttention: ['BOOLEAN', undefined],
      decodeTokensPerSecondCi95High: ['DOUBLE', undefined],
    });
  });

  test('numbers are whole, times are times, and what is missing is null', async () => {
    const rows = await parquetReadObjects({ file: await asyncBufferFromFile(file) });
    for (const { name } of numbers) expect(rows[0]![name], name).toBe(quotedOf(first, name)?.value ?? null);
    expect(rows[0]).toMatchObject({
      experimentId: first.experimentId,
      startedAt: new Date(first.trial.startedAt),
      energyJoules: null,
      failure: null,
      parallel: first.axes.parallel,
    });
    expect(rows[failed.number - 1]).toMatchObject({ state: 'failed', failure: 'out-of-memory', starts: 0 });
  });
});

describe('mlflow', () => {
  const experiment = () => join(store, readdirSync(store)[0]!);
  const runOf = (row: typeof first) => {
    const runs = readdirSync(experiment()).filter((name) => name !== 'meta.yaml');
    const of = (run: string) => readFileSync(join(experiment(), run, 'tags/ridgepoint.experimentId'), 'utf8');
    return join(experiment(), runs.find((run) => of(run) === row.experimentId)!);
  };
  const read = (row: typeof first, name: string) => readFileSync(join(runOf(row), name), 'utf8');

  test('is an experiment of the sweep’s name with a run for each row', () => {
    expect(readdirSync(store)).toEqual([expect.stringMatching(/^\d{18}$/)]);
    const meta = parse(readFileSync(join(experiment(), 'meta.yaml'), 'utf8'));
    expect(meta).toMatchObject({ name: 'reference', lifecycle_stage: 'active' });
    expect(join(store, meta.experiment_id)).toBe(experiment());
    expect(readdirSync(experiment())).toHaveLength(25);
    expect(parse(read(first, 'meta.yaml'))).toMatchObject({
      run_id: runOf(first).split('/').at(-1),
      run_name: first.label,
      status: 3,
      start_time: Date.parse(first.trial.startedAt),
      experiment_id: meta.experiment_id,
    });
    expect(parse(read(failed, 'meta.yaml')).status).toBe(4);
    expect(read(first, 'params/quantization')).toBe(first.axes.quantization);
    expect(read(first, 'metrics/decodeTokensPerSecond')).toBe(
      `${Date.parse(first.starts.at(-1)!.endedAt)} ${quotedOf(first, 'decodeTokensPerSecond')?.value ?? null} 0\n`,
    );
    expect(readdirSync(join(runOf(failed), 'metrics'))).not.toContain('decodeTokensPerSecond');
    expect(read(failed, 'tags/ridgepoint.state')).toBe('failed');
  });

  test('written again it is the same; in a store that has the experiment it goes there', async () => {
    const before = readdirSync(experiment());
    await exported('--format', 'mlflow', '--output', store);
    expect(readdirSync(store)).toHaveLength(1);
    expect(readdirSync(experiment())).toEqual(before);
    const other = join(folder, 'theirs');
    mkdirSync(join(other, '7'), { recursive: true });
    writeFileSync(join(other, '7/meta.yaml'), "experiment_id: '7'\nname: reference\n");
    await exported('--format', 'mlflow', '--output', other);
    expect(readdirSync(other)).toEqual(['7']);
    expect(readdirSync(join(other, '7'))).toHaveLength(25);
    expect(readFileSync(join(other, '7/meta.yaml'), 'utf8')).toBe("experiment_id: '7'\nname: reference\n");
  });
});

test.each([
  [['--format', 'parquet'], /parquet is no text/],
  [['--format', 'mlflow'], /mlflow is no text/],
  [['--format', 'mlflow', '--output', 'package.json'], /package\.json is not a folder/],
  [['--format', 'parquet', '--output', 'no/such/rows.parquet'], /there is no folder/],
])('%j is refused', async (words, why) => {
  await expect(exported(...words)).rejects.toThrow(why);
  expect(existsSync('no')).toBe(false);
});

test.skipIf(python === undefined)(
  'MLflow and pyarrow read them (needs RIDGEPOINT_PYTHON with mlflow-skinny and pyarrow)',
  { timeout: 120_000 },
  () => {
    const script = join(import.meta.dirname, '../../fixtures/exports.py');
    const { stdout, stderr } = spawnSync(python!, ['-I', script, store, file], {
      encoding: 'utf8',
      maxBuffer: 2 ** 26,
    });
    const said = stdout.startsWith('{') ? JSON.parse(stdout) : expect.unreachable(stderr);
    expect(said.experiments).toEqual(['reference']);
    expect(said.runs).toHaveLength(24);
    const run = said.runs.find(({ name }: { name: string }) => name === first.label);
    expect(run).toMatchObject({
      status: 'FINISHED',
      start: Date.parse(first.trial.startedAt),
      params: { quantization: first.axes.quantization, parallel: String(first.axes.parallel) },
      tags: { 'ridgepoint.experimentId': first.experimentId, 'ridgepoint.state': first.state },
      history: [[quotedOf(first, 'decodeTokensPerSecond')?.value ?? null, 0]],
    });
    for (const { name } of numbers)
      expect(run.metrics[name], name).toBe(quotedOf(first, name)?.value ?? null);
    const statuses = said.runs.filter(({ status }: { status: string }) => status === 'FAILED');
    expect(statuses).toHaveLength(report.rows.filter(({ state }) => state === 'failed').length);
    expect(said.schema).toMatchObject({
      number: 'int32',
      startedAt: expect.stringMatching(/^timestamp\[ms/),
      onParetoFront: 'bool',
      experimentId: 'string',
      parallel: 'double',
      decodeTokensPerSecond: 'double',
    });
    expect(said.rows).toHaveLength(24);
    for (const { name } of numbers)
      expect(said.rows[0][name], name).toBe(quotedOf(first, name)?.value ?? null);
    expect(said.rows[0].energyJoules).toBeNull();
  },
);

test.skipIf(python === undefined)(
  'the script for Weights & Biases makes a run of each row (needs RIDGEPOINT_PYTHON with wandb)',
  { timeout: 240_000 },
  () => {
    const page = readFileSync(join(import.meta.dirname, '../../../docs/exports.md'), 'utf8');
    const script = join(folder, 'to_wandb.py');
    writeFileSync(script, /^```python\n([\s\S]*?)^```/m.exec(page)?.[1] ?? '');
    const few = buildReport(
      records.filter(({ sweep }) => sweep.position < 3 || sweep.position === failed.number - 1),
      { sweepName: 'reference', objectives: [] },
    );
    const { status, stderr } = spawnSync(python!, ['-I', script, 'efficiency'], {
      encoding: 'utf8',
      input: json(few).text,
      env: { ...process.env, WANDB_MODE: 'offline', WANDB_DIR: folder, WANDB_SILENT: 'true', HOME: folder },
    });
    expect(status, stderr).toBe(0);
    const runs = readdirSync(join(folder, 'wandb')).filter((name) => name.startsWith('offline-run-'));
    const ids = few.rows.map(({ experimentId }) => `reference-${experimentId}`);
    expect(runs.map((name) => name.replace(/^offline-run-\d+_\d+-/, '')).sort()).toEqual(ids.sort());
    const bytes = runs.map((name) =>
      readFileSync(join(folder, 'wandb', name, `run-${name.split('-').slice(3).join('-')}.wandb`)),
    );
    expect(bytes.filter((file) => file.includes('decodeTokensPerSecond')).length).toBe(
      few.rows.filter(({ state }) => state !== 'failed').length,
    );
  },
);
