import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { printComparison } from '../../cli/compare/compare.js';
import { jsonLines } from '../../cli/output/jsonl.js';
import { readRun } from '../../cli/report/run-folder.js';
import type { Experiment } from '../../core/experiment/experiment.js';
import { experimentAt } from '../../core/sweep/expand.js';
import { parseSweep } from '../../core/sweep/parse.js';
import { planSpace } from '../../core/sweep/space.js';
import { runsApart } from '../../report/apart.js';
import { buildReport } from '../../report/build.js';
import { readGate } from '../../report/gate.js';
import { sharedFolder } from '../support/folder.js';
import { heard } from '../support/heard.js';
import { completeTrial } from '../support/records.js';

/** Rows as they lie on disk; what is measured again really runs, on the fake runner. */
const folder = sharedFolder();
afterEach(() => vi.restoreAllMocks());

function experimentOf(options: string): Experiment {
  const parsed = parseSweep(`
metadata: { name: again }
spec:
  models: "builtin:tiny"
  runners: [{ kind: fake, ${options} }]
  workloads: [{ kind: latency, promptTokens: 8, generateTokens: 4 }]
`);
  if (!parsed.ok) throw new Error(parsed.diagnostics.map(({ message }) => message).join());
  return experimentAt(planSpace(parsed.sweep), 0);
}

function side(name: string, options: string, engine = 'fake 1'): string {
  const experiment = experimentOf(options);
  const records = [0, 1].map((block) => ({
    ...completeTrial({ experiment, block, attempt: block + 1, sweepId: name, slower: 1 + 0.1 * block }),
    environment: { engine },
  }));
  const file = join(folder, `${name}.jsonl`);
  writeFileSync(file, jsonLines(records));
  return file;
}

interface Asked {
  readonly gate?: string;
  readonly fresh?: true;
  readonly within?: number;
}

async function again(a: string, b: string, out: string, { gate, fresh, within = 600 }: Asked = {}) {
  const said = heard();
  const reading = gate === undefined ? null : readGate(gate);
  const code = await printComparison(a, b, {
    format: 'json',
    again: true,
    within,
    models: [],
    out: join(folder, out),
    gate: reading?.ok === true ? [reading.value] : [],
    ...(fresh && { fresh }),
  });
  return { code, json: JSON.parse(said.stdout), stderr: said.stderr };
}
const recordsOf = (out: string, name: 'a' | 'b') => readRun(join(folder, out, name)).records;

const base = side('base', 'fakeDecodeTokensPerSecond: 2000');
const slow = side('slow', 'fakeDecodeTokensPerSecond: 60');

test('both sides are measured again in turns; the gate that was undecided is decided, and is not asked again', async () => {
  const gate = 'decodeTokensPerSecond:-1%';
  const { code, json, stderr } = await again(base, slow, 'gate', { gate, within: 20 });
  expect(json.gates).toMatchObject([{ outcome: 'red' }]);
  expect(code).toBe(3);
  expect(json.again).toMatchObject([{ decided: true, folder: join(folder, 'gate') }]);
  expect(stderr).toMatch(/^measuring .* again, A and B in turns, for 20 s at most$/m);
  const [a, b] = [recordsOf('gate', 'a'), recordsOf('gate', 'b')];
  expect(a.length).toBe(b.length);
  expect(json.again[0].starts).toEqual([a.length, b.length]);
  for (const { experiment, sweep } of [...a, ...b]) {
    expect(experiment.measure.maxSeconds).toBe(0.4);
    expect(sweep.id).toBe(a[0]!.sweep.id);
  }
  // One after the other, a start of each side in each turn.
  const inTime = [...a, ...b].sort((one, other) => (one.startedAt < other.startedAt ? -1 : 1));
  expect(inTime.map(({ sweep }) => sweep.block)).toEqual(a.flatMap((_, block) => [block, block]));
  // What lies there is a comparison like any other, of one sitting.
  const [left, right] = [a, b].map((records) => buildReport(records, { sweepName: 'again', objectives: [] }));
  expect(runsApart(left!, right!)).toBeNull();

  const second = await again(base, slow, 'gate', { gate, within: 20 });
  expect(second.json.gates).toMatchObject([{ outcome: 'red' }]);
  expect(recordsOf('gate', 'a')).toEqual(a);
  expect(second.stderr).not.toContain('measuring');
}, 120_000);

test('time ends what is not decided, and says so; --fresh measures it anew', async () => {
  const same = side('same', 'fakeDecodeTokensPerSecond: 2000');
  const { json, code, stderr } = await again(base, same, 'time', { within: 1 });
  expect(code).toBe(0);
  expect(json.again).toMatchObject([{ decided: false }]);
  expect(stderr).toMatch(/still open: --fresh with a longer --within measures it anew$/m);
  expect(JSON.parse(readFileSync(join(folder, 'time/again.json'), 'utf8'))).toEqual({
    looks: 4,
    decided: false,
  });
  const [first] = recordsOf('time', 'a');
  await again(base, same, 'time', { within: 1, fresh: true });
  expect(recordsOf('time', 'a').map(({ startedAt }) => startedAt)).not.toContain(first!.startedAt);
}, 120_000);

test('an engine that is no longer here is a sentence, and so is a device', async () => {
  const old = side('old', 'fakeDecodeTokensPerSecond: 2000', 'fake 0');
  await expect(again(old, slow, 'old')).rejects.toMatchObject({
    exitCode: 2,
    message: 'A was measured with fake 0, which is no longer on this machine: what is here is fake 1',
  });
  const records = readRun(slow).records.map((record) => ({
    ...record,
    experiment: { ...record.experiment, device: 'cuda:none' },
  }));
  const elsewhere = join(folder, 'elsewhere.jsonl');
  writeFileSync(elsewhere, jsonLines(records));
  await expect(again(base, elsewhere, 'elsewhere')).rejects.toMatchObject({
    exitCode: 2,
    message: expect.stringMatching(
      / of B cannot be measured again here: it needs a device of class cuda:none/,
    ),
  });
}, 120_000);

test('which rows is asked for where nothing says it', async () => {
  const two = join(folder, 'two.jsonl');
  writeFileSync(two, jsonLines([...readRun(base).records, ...readRun(slow).records]));
  await expect(again(two, two, 'two')).rejects.toMatchObject({
    exitCode: 2,
    message: '--again measures what a gate leaves undecided, or rows that you choose',
  });
});
