import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { EXPORTERS } from '../../../cli/output/index.js';
import { readRun } from '../../../cli/report/run-folder.js';
import { buildReport } from '../../../report/build.js';
import { comparisonOf, matchRows } from '../../../report/compare.js';
import { quotedOf, reasonOf } from '../../../report/quoted.js';
import { experimentOf } from '../../support/experiments.js';
import { sharedFolder } from '../../support/folder.js';
import { completeTrial } from '../../support/records.js';

const folder = sharedFolder();

/** What llama-bench would have written of a run of ours, in each of its forms. */
const ours = ['f16', 'q4_k_m'].map((quantization) =>
  completeTrial({ experiment: experimentOf({ quantization, threads: 2 }) }),
);
const report = buildReport(ours, { sweepName: 's', objectives: [] });
const JSON_TEXT = EXPORTERS['llama-bench-json'](report).text;
const ROWS = JSON.parse(JSON_TEXT) as Record<string, unknown>[];
const FORMS = {
  'rows.json': JSON_TEXT,
  'rows.jsonl': ROWS.map((row) => `${JSON.stringify(row)}\n`).join(''),
  'rows.sql': EXPORTERS['llama-bench-sql'](report).text,
};
const read = (name: string, text: string) => {
  const path = join(folder, name);
  writeFileSync(path, text);
  const { records, request } = readRun(path);
  return buildReport(records, request);
};

test.each(Object.entries(FORMS))(
  '%s gives rows whose prefill and decode are those of the run',
  (name, text) => {
    const { rows } = read(name, text);
    expect(rows).toHaveLength(2);
    for (const [i, row] of rows.entries()) {
      expect(row.state).toBe('valid');
      expect(row.axes).toMatchObject({
        promptTokens: 256,
        generateTokens: 32,
        contextDepth: 0,
        threads: 2,
        kvCacheTypeK: 'f16',
      });
      for (const metric of ['prefillTokensPerSecond', 'decodeTokensPerSecond'])
        expect(quotedOf(row, metric)!.value / quotedOf(report.rows[i]!, metric)!.value).toBeCloseTo(1, 1);
      expect(reasonOf(row, 'peakResidentBytes')).toBe('llama-bench does not tell it');
    }
  },
);

test('two files of it are compared row by row', () => {
  const slower = JSON.stringify(
    ROWS.map((row) => ({ ...row, samples_ns: (row.samples_ns as number[]).map((ns) => 1.3 * ns) })),
  );
  const { pairs } = matchRows(read('a.json', JSON_TEXT), read('b.json', slower), new Set());
  const { changes } = comparisonOf(pairs, ['decodeTokensPerSecond'], { oneSitting: false });
  expect(pairs).toHaveLength(2);
  for (const { change } of changes) expect(change).toBeCloseTo(1 / 1.3, 2);
});

test('a plain tg ran in an empty context: it is a row of its own, and the prompt says why it has no decode', () => {
  const [pp, tg] = ROWS;
  const { rows } = read('plain.json', JSON.stringify([pp, { ...tg, n_depth: 0 }]));
  expect(rows.map(({ axes }) => [axes.promptTokens, axes.generateTokens])).toEqual([
    [256, 32],
    [0, 32],
  ]);
  expect(reasonOf(rows[0]!, 'decodeTokensPerSecond')).toMatch(
    /another context: -d 256 is that behind the prompt/,
  );
  expect(() => read('bad.json', JSON.stringify([{ ...pp, n_batch: 'many' }]))).toThrow(
    /row 1 of llama-bench: n_batch/,
  );
});
