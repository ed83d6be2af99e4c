import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { sharedFolder } from '../support/folder.js';
import { recordsIn } from '../support/reading.js';
import { startRidge } from '../support/ridge.js';
import { ridgeHere } from '../support/ridge-here.js';
import { fakeSweep } from '../support/sweeps.js';

/** No gate may fire on a busy machine, since that is not the question. */
const CALM = `maxRepeats: 2, maxWarmups: 1`;
const POINTS = 2;

/** Each run of ridge takes some seconds. */
const SECONDS = 120_000;

const folder = sharedFolder();
const out = join(folder, 'out');
/** Writes a sweep file. @returns its path. */
function sweep(measure: string, name = 'several'): string {
  const file = join(folder, 'sweep.yaml');
  const placement = '{ blockSize: 1, driftControl: false }';
  writeFileSync(file, fakeSweep(POINTS, { name, placement, measure: `{ ${measure} }` }));
  return file;
}
/** Every trial of the last sweep that ran into the folder. */
const trials = (path = out) => recordsIn(path, 'trials.jsonl');

test(
  'three starts of each experiment, each in a block of its own, across a kill; then a fourth, and nothing else',
  async () => {
    const file = sweep(`starts: 3, ${CALM}`);
    const first = startRidge(['run', file, '--out', out]);
    await first.says(/rows, [2-9] of \d+ starts/);
    process.kill(first.process.pid ?? 0, 'SIGKILL');
    await first.ended;
    const second = await ridgeHere(['run', file, '--out', out]);
    expect(second.code, second.stderr).toBe(0);

    const experiments = new Set(trials().map(({ experimentId }) => experimentId));
    expect(experiments.size).toBe(POINTS);
    for (const id of experiments) {
      const starts = trials().filter(({ experimentId }) => experimentId === id);
      expect(starts.map((record) => record.sweep.start)).toEqual([1, 2, 3]);
      expect(new Set(starts.map((record) => record.sweep.block)).size).toBe(3);
    }
    const before = trials();
    const more = await ridgeHere(['run', sweep(`starts: 4, ${CALM}`), '--out', out]);
    expect(more.code, more.stderr).toBe(0);
    expect(more.stderr).not.toContain('under another');
    const after = trials();
    expect(after).toHaveLength(4 * POINTS);
    const known = new Set(before.map(({ trialId }) => trialId));
    const fresh = after.filter(({ trialId }) => !known.has(trialId));
    expect(fresh.map((record) => record.sweep.start)).toEqual(Array(POINTS).fill(4));

    const otherwise = await ridgeHere([
      'run',
      sweep(`starts: 1, maxRepeats: 1, ${CALM.slice(15)}`),
      '--out',
      out,
    ]);
    expect(otherwise.stderr).toMatch(/2 rows of these points were measured in .* under another `measure`/);
    expect(trials()).toHaveLength(POINTS);
  },
  SECONDS,
);

test(
  'rows that are disturbed count and end a run with 0; under --strict they are tried again, and end it with 4, each with its reasons',
  async () => {
    const file = sweep(
      'starts: 2, retryInvalid: 1, maxRepeats: 3, maxWarmups: 1, maxSpread: 0.000001',
      'noisy',
    );
    const path = join(folder, 'noisy');
    const first = await ridgeHere(['run', file, '--out', path]);
    expect(first.code, first.stderr).toBe(0);
    expect(first.stderr).toMatch(/^2 of 2 rows: 2 disturbed$/m);
    expect(first.stderr).toMatch(
      /^disturbed by .*high-spread \(2 rows\).*: these rows count.* docs\/noisy\.md/m,
    );
    expect(first.stdout).toContain('2 rows: 2 disturbed');
    // Nothing was tried again for it.
    expect(trials(path)).toHaveLength(2 * POINTS);

    const strict = await ridgeHere(['run', file, '--out', path, '--strict']);
    expect(strict.code, strict.stderr).toBe(4);
    expect(strict.stderr).toMatch(
      /^invalid by .*high-spread \(2 rows\).*: not to be compared\. .* The same command again/m,
    );
    // None of those is clean, so none is taken over: a first try of each point and one more.
    expect(trials(path)).toHaveLength(2 * POINTS);
    const again = await ridgeHere(['report', path, '--strict', '--format', 'csv']);
    expect(again.stdout.match(/,invalid,invalid,/g)).toHaveLength(POINTS);
  },
  SECONDS,
);
