import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { recompute } from '../../batching/judge.js';
import type { ResultRecord } from '../../core/result/result.js';
import { sharedFolder } from '../support/folder.js';
import { recordsIn } from '../support/reading.js';
import { ridgeHere } from '../support/ridge-here.js';
import { fakeSweep } from '../support/sweeps.js';

const folder = sharedFolder();

async function run(name: string, points: number, ...options: string[]) {
  writeFileSync(join(folder, `${name}.yaml`), fakeSweep(points, { name }));
  const ended = await ridgeHere(['run', `${name}.yaml`, ...options], { cwd: folder });
  expect(ended.code, ended.stderr).toBe(0);
  return { ...ended, records: recordsIn(join(folder, 'ridge-out', name)) };
}

const isReused = ({ warnings }: ResultRecord) => warnings.some(({ code }) => code === 'reused');

test('--reuse takes over what another run here measured, once, and rows say so', {
  timeout: 180_000,
}, async () => {
  const first = await run('first', 2);
  expect(first.records.filter(isReused)).toEqual([]);
  const second = await run('second', 3, '--reuse');
  expect(second.stderr).toContain('reused: 2 starts of 2 experiments, measured in ');
  expect(second.stdout).toMatch(/reused \(2 rows\)/);
  expect(second.records).toHaveLength(3);
  const taken = second.records.filter(isReused);
  expect(taken.map(({ trialId }) => trialId).sort()).toEqual(
    first.records.map(({ trialId }) => trialId).sort(),
  );
  for (const record of taken) expect(isReused(recompute(record))).toBe(true);
  const again = await run('second', 3, '--reuse');
  expect(again.stderr).not.toContain('reused: ');
  expect(again.records).toEqual(second.records);
});
