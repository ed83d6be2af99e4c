import { join } from 'node:path';
import { expect, test } from 'vitest';
import { sharedFolder } from '../support/folder.js';
import { recordsIn } from '../support/reading.js';
import { ridge } from '../support/ridge.js';
import { ridgeHere } from '../support/ridge-here.js';

const folder = sharedFolder();

const FLAGS = ['-m', 'builtin:tiny', '-p', '16', '-n', '4', '-t', '1', '-fa', '0,1', '-r', '2'];

const recordsOf = (name: string) => recordsIn(join(folder, 'out'), name);

test('ridge bench runs what its flags say, and the saved file is the same sweep, of which no valid row is measured again', {
  timeout: 180_000,
}, async () => {
  const out = join(folder, 'out');
  const benched = await ridge(['bench', ...FLAGS, '-o', 'csv', '--out', out]);
  // 4: the machine was too busy for a row. How calm it is is not the question here.
  expect([0, 4], benched.stderr).toContain(benched.code);
  expect(benched.stdout.trimEnd().split('\n')).toHaveLength(3);
  const records = recordsOf('results.jsonl');
  expect(new Set(records.map(({ failure }) => failure))).toEqual(new Set([null]));
  const attention = new Set(records.map(({ experiment }) => experiment.runner.options.flashAttention));
  expect([...attention].sort()).toEqual([false, true]);

  const trials = recordsOf('trials.jsonl');
  const file = join(folder, 'sweep.yaml');
  const saved = await ridgeHere(['bench', ...FLAGS, '--save', file]);
  expect(saved.stderr).toContain(`ridge run ${file} runs it`);
  const run = await ridgeHere(['run', file, '--out', out]);
  expect([0, 4], run.stderr).toContain(run.code);
  const again = recordsOf('trials.jsonl');
  expect(again.slice(0, trials.length)).toEqual(trials);
  expect(new Set(again.map(({ sweep }) => sweep.id)).size).toBe(1);
  const measured = new Set(trials.filter(({ valid }) => valid).map(({ experimentId }) => experimentId));
  const further = again.slice(trials.length).map(({ experimentId }) => experimentId);
  expect(further.filter((id) => measured.has(id))).toEqual([]);
});
