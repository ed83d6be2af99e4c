import { expect, test } from 'vitest';
import type { TrialReport } from '../../../agent/trial/job.js';
import { trialCores } from '../../../agent/trial/run.js';
import type { CoresFound } from '../../../engines/native/cores.js';

const near: CoresFound = { widths: [9.7, 9.7], latencies: [1e-7] };
const far: CoresFound = { widths: [9.7, 9.7], latencies: [5e-7] };
const shared: CoresFound = { widths: [9.7, 4.9], latencies: [1e-7] };
const oneCore: CoresFound = { widths: [4.9, 4.9], latencies: [0.5e-7] };

/** Looks once where the cores lie so, after one reading after the other and the last for ever. */
async function look(found: readonly CoresFound[], request: object = { usualLatencies: [1e-7] }) {
  const sent: TrialReport[] = [];
  let asked = 0;
  const tell = await trialCores(
    { cpus: [0, 1], ...request },
    { send: (report) => void sent.push(report) },
    async () => () => found[Math.min(asked++, found.length - 1)]!,
  );
  tell();
  return { asked, sent };
}

test.each([
  ['somebody else has of a core', shared],
  ['the host has moved elsewhere', far],
])('what %s is told as it is seen first: nothing is waited for', async (_, found) => {
  expect(await look([found, near])).toMatchObject({ asked: 1, sent: [{ type: 'cores', ...found }] });
});

test('CPUs on one core, for one of them just woke up, are asked again, and a few times at most', async () => {
  expect(await look([oneCore, oneCore, near])).toMatchObject({
    asked: 3,
    sent: [{ type: 'cores', ...near }],
  });
  expect(await look([oneCore])).toMatchObject({ asked: 5, sent: [{ type: 'cores', ...oneCore }] });
});

test('where nothing is known yet, one look has to do', async () => {
  for (const usualLatencies of [[], [null]])
    expect(await look([oneCore], { usualLatencies })).toMatchObject({ asked: 1, sent: [oneCore] });
});

test('nothing is asked where nothing is to be', async () => {
  expect(await look([far], {})).toMatchObject({ asked: 0, sent: [] });
});
