import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { EXPORTERS } from '../../../cli/output/index.js';
import { Database } from '../../../coordinator/log/sqlite/database.js';
import { warn } from '../../../core/result/warnings.js';
import { buildReport } from '../../../report/build.js';
import { experimentOf } from '../../support/experiments.js';
import { completeTrial, failedTrial } from '../../support/records.js';

const ddl = readFileSync(join(import.meta.dirname, '../../fixtures/llama-bench-v0.4.0.sql'), 'utf8');
const trial = completeTrial({ experiment: experimentOf({ contextDepth: 64, flashAttention: true }) });
const report = (records: Parameters<typeof buildReport>[0]) =>
  buildReport(records, { sweepName: 's', objectives: [] });

function load(sql: string) {
  const db = new Database(':memory:');
  db.exec(sql);
  return db;
}
const schemaOf = (db: ReturnType<typeof load>) => db.prepare('PRAGMA table_info(llama_bench)').rows();
type SqlRow = Record<string, string | number>;

describe('llama-bench formats', () => {
  test("the SQL makes the very table of llama-bench's own", () => {
    expect(schemaOf(load(EXPORTERS['llama-bench-sql'](report([trial])).text))).toEqual(schemaOf(load(ddl)));
  });

  test('one experiment is a prompt test and a generation test; the generation runs behind the prompt', () => {
    const db = load(EXPORTERS['llama-bench-sql'](report([trial])).text);
    const rows = db.prepare('SELECT * FROM llama_bench').rows() as SqlRow[];
    expect(rows.map((r) => [r.n_prompt, r.n_gen, r.n_depth])).toEqual([
      [256, 0, 64],
      [0, 32, 64 + 256],
    ]);
    expect(rows[0]).toMatchObject({
      build_commit: 'v0.4.0',
      backends: 'CPU',
      model_type: 'llama 1.24 B Q4_K_M',
      flash_attn: 1,
      n_threads: 4,
      n_gpu_layers: -1,
      test_time: '2026-11-02T09:00:01Z',
    });
  });

  test('the times are those of the phases: samples, mean and deviation agree with the record', () => {
    const [pp, tg] = JSON.parse(EXPORTERS['llama-bench-json'](report([trial])).text);
    const decode = trial.phases.filter((p) => p.name === 'decode').map((p) => p.endSeconds - p.startSeconds);
    expect(pp.samples_ns).toHaveLength(trial.repeats.count);
    tg.samples_ns.forEach((ns: number, i: number) => {
      expect(ns / 1e9).toBeCloseTo(decode[i] ?? Number.NaN, 8);
      expect(tg.samples_ts[i]).toBeCloseTo(32 / (decode[i] ?? Number.NaN), 4);
    });
    const measured = trial.measurements.decodeTokensPerSecond;
    expect(tg.avg_ts).toBeCloseTo(measured?.value === null ? Number.NaN : (measured?.mean ?? Number.NaN), 4);
    expect(tg.stddev_ts).toBeCloseTo(
      measured?.value === null ? Number.NaN : (measured?.stddev ?? Number.NaN),
      4,
    );
  });

  test('the JSON has the fields of the table in its order, then the samples', () => {
    const [first] = JSON.parse(EXPORTERS['llama-bench-json'](report([trial])).text);
    const fields = (schemaOf(load(ddl)) as { name: string }[]).map((c) => c.name);
    expect(Object.keys(first)).toEqual([...fields, 'samples_ns', 'samples_ts']);
    expect(typeof first.cpu_strict).toBe('boolean');
    expect(typeof first.no_op_offload).toBe('number');
  });

  test('a quote in a name stays inside its value', () => {
    const quoted = completeTrial({
      experiment: experimentOf({ model: "o'hara'); DROP TABLE llama_bench; --" }),
    });
    const db = load(EXPORTERS['llama-bench-sql'](report([quoted])).text);
    const [row] = db.prepare('SELECT model_filename FROM llama_bench').rows() as SqlRow[];
    expect(row?.model_filename).toContain("o'hara'); DROP TABLE");
  });

  test('what llama-bench cannot say is left out, and that is said', () => {
    const fake = experimentOf({ threads: 3 });
    const records = [
      trial,
      completeTrial({ experiment: experimentOf({ parallel: 4 }), position: 1 }),
      failedTrial({ experiment: experimentOf({ threads: 1 }), position: 2 }),
      completeTrial({
        experiment: experimentOf({ threads: 2 }),
        position: 3,
        warnings: [warn('provider-fallback', 'elsewhere')],
      }),
      completeTrial({ experiment: { ...fake, runner: { ...fake.runner, kind: 'fake' } }, position: 4 }),
    ];
    const { text, notes } = EXPORTERS['llama-bench-json'](report(records));
    expect(JSON.parse(text)).toHaveLength(2);
    expect(notes.join(' ')).toMatch(/parallel.*failed.*invalid.*llama-cpp runner/s);
  });

  test('nothing to say is an empty list and an empty table', () => {
    const none = report([]);
    expect(JSON.parse(EXPORTERS['llama-bench-json'](none).text)).toEqual([]);
    expect(load(EXPORTERS['llama-bench-sql'](none).text).prepare('SELECT * FROM llama_bench').rows()).toEqual(
      [],
    );
  });
});
