import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { resultSchema } from '../../core/result/result.js';
import { ridge } from '../support/ridge.js';

const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-bench-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const FLAGS = ['-m', 'builtin:tiny', '-p', '16', '-n', '4', '-t', '1', '-fa', '0,1', '-r', '2'];

const textOf = (name: string) => readFileSync(join(folder, 'out', name), 'utf8');

test('ridge bench runs what its flags say, and the saved file has nothing left to run', {
  timeout: 180_000,
}, async () => {
  const out = join(folder, 'out');
  const benched = await ridge(['bench', ...FLAGS, '-o', 'csv', '--out', out]);
  expect(benched.code, benched.stderr).toBe(0);
  expect(benched.stdout.trimEnd().split('\n')).toHaveLength(3);
  const records = textOf('results.jsonl')
    .trimEnd()
    .split('\n')
    .map((line) => resultSchema.parse(JSON.parse(line)));
  expect(records.map(({ failure }) => failure)).toEqual([null, null]);
  const attention = records.map(({ experiment }) => experiment.runner.options.flashAttention);
  expect(attention.sort()).toEqual([false, true]);

  const trials = textOf('trials.jsonl');
  const file = join(folder, 'sweep.yaml');
  const saved = await ridge(['bench', ...FLAGS, '--save', file]);
  expect(saved.stderr).toContain(`ridge run ${file} runs it`);
  const run = await ridge(['run', file, '--out', out]);
  expect(run.code, run.stderr).toBe(0);
  expect(textOf('trials.jsonl')).toBe(trials);
});
