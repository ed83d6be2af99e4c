import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EXPORTERS } from '../../../cli/output/index.js';
import { renderTable } from '../../../cli/output/table.js';
import { columnsOf } from '../../../cli/output/text.js';
import { METRICS } from '../../../core/metrics/catalogue.js';
import type { Objective } from '../../../core/sweep/spec.js';
import { buildReport } from '../../../report/build.js';
import { COLUMN_SETS, EFFICIENT_LLM, readColumns } from '../../../report/column-sets.js';
import { shortWords } from '../../../report/columns.js';
import { pack, unpack } from '../../../report/payload.js';
import { quotedOf } from '../../../report/quoted.js';
import { halfOf, metricText, scaled } from '../../../report/scale.js';
import { forAll } from '../../support/for-all.js';
import { completeTrial } from '../../support/records.js';
import { techniqueRecords } from '../../support/technique-records.js';

const records = techniqueRecords();
const objectives: Objective[] = [
  { metric: 'decodeTokensPerSecond', better: 'max' },
  { metric: 'perplexity', better: 'min' },
  { metric: 'modelBytes', better: 'min' },
];
const build = (columns?: string, from = records) => {
  const reading = columns === undefined ? null : readColumns(columns);
  if (reading?.ok === false) throw new Error(reading.message);
  return buildReport(from, { sweepName: 'techniques', objectives, columns: reading?.columns ?? null });
};
const shown = (columns?: string) =>
  build(columns)
    .metrics.filter((m) => m.shown)
    .map((m) => m.name);
const table = (width: number, columns?: string) =>
  renderTable(build(columns), { width, color: false, unicode: true });

describe('columns', () => {
  test('quality is a column where it was measured, and no column where nobody asked for it', () => {
    expect(shown()).toEqual(
      expect.arrayContaining([
        'perplexity',
        'klDivergenceNats',
        'topAgreementRatio',
        'taskScoreRatio',
        'taskRetentionRatio',
      ]),
    );
    const bare = buildReport([completeTrial()], { sweepName: 's', objectives: objectives.slice(0, 1) });
    expect(bare.metrics.map((m) => m.name)).not.toContain('perplexity');
  });

  test('are those that were asked for, in that order, objectives or not', () => {
    expect(shown('perplexity,decodeTokensPerSecond')).toEqual(['perplexity', 'decodeTokensPerSecond']);
    expect(shown('default,bitsPerWeight')).toEqual([...shown(), 'bitsPerWeight']);
    expect(shown('all')).toEqual(build('all').metrics.map((m) => m.name));
    expect(shown('all').length).toBeGreaterThan(shown().length);
  });

  test('EfficientLLM’s six stay columns when one has no number, and the reason stands below', () => {
    expect(shown('efficientllm')).toEqual(Object.keys(EFFICIENT_LLM));
    const text = table(160, 'efficientllm');
    expect(text).toMatch(/ AMU .* PCU .* AL .* IT .* AEC .* MCR/);
    expect(text).toContain('AEC mean power');
    expect(text).toMatch(/^no energy: this node has no energy source/m);
    expect(EXPORTERS.md(build('efficientllm')).text).toMatch(/\| AMU.*\| MCR/);
  });

  test.each(COLUMN_SETS)('the set %s can be asked for', (name) => {
    expect(readColumns(name).ok).toBe(true);
  });

  test('the set energy has every metric of energy, power and carbon but those of kernels and graphs', () => {
    const units = ['J', 'J/token', 'tokens/J', 'J*s', 'W', 'g', 'g/token'];
    const wanted = METRICS.filter(({ unit }) => units.includes(unit)).map(({ name }) => name as string);
    const reading = readColumns('energy,kernels,inference,graphs');
    expect(reading.ok && wanted.filter((name) => !reading.columns.includes(name))).toEqual([]);
  });

  test('a word that is no column is refused with what was meant', () => {
    expect(readColumns('perplexty')).toMatchObject({ ok: false, suggestion: 'perplexity' });
    expect(readColumns('decodeTokensPerSecond,efficentllm')).toMatchObject({
      ok: false,
      message: expect.stringContaining('"efficentllm"'),
      suggestion: 'efficientllm',
    });
    expect(readColumns('').ok).toBe(false);
  });

  test('the page opens with the columns that were asked for', () => {
    const request = { sweepName: 's', objectives, columns: ['perplexity'] };
    const payload = pack(records, new Set(records.map((r) => r.trialId)), request);
    const again = buildReport(unpack(payload), payload);
    expect(again.metrics.filter((m) => m.shown).map((m) => m.name)).toEqual(['perplexity']);
    expect(again.rows[3]?.trial.quality).toEqual(records[3]?.quality);
    expect(again.rows[3]?.trial.artifact).toEqual(records[3]?.artifact);
  });
});

const around = (value: number, half: number) => [value - half, value + half] as const;

describe('numbers with an error', () => {
  test('show two digits of it, and the value as many decimals', () => {
    expect(metricText('perplexity', 36.2975, around(36.2975, 0.6428))).toBe('36.30 ± 0.64');
    expect(metricText('klDivergenceNats', 0.002838, around(0.002838, 0.000092))).toBe(
      '0.002838 ± 0.000092 nats',
    );
    expect(metricText('topAgreementRatio', 0.96123, around(0.96123, 0.0071))).toBe('96.12 ± 0.71 %');
    expect(metricText('taskScoreRatio', 0.6033, around(0.6033, 0.123))).toBe('60 ± 12 %');
    expect(metricText('compressionRatio', 3.70123)).toBe('3.70 ×');
    expect(metricText('klDivergenceNats', 0)).toBe('0 nats');
  });

  test('whose sides differ by a tenth or more show their ends', () => {
    expect(metricText('decodeTokensPerSecond', 1877, [1801, 1960])).toBe('1877 ± 83 t/s');
    expect(metricText('decodeTokensPerSecond', 1877, [1801, 1888])).toBe('1877 [1801, 1888] t/s');
  });

  test('a column of perplexities has the digits of its middle error', () => {
    const column = build().metrics.find((m) => m.name === 'perplexity');
    const row = build().rows[0];
    if (column === undefined || row === undefined) throw new Error('no perplexity');
    expect(scaled(quotedOf(row, 'perplexity')?.value ?? 0, column.scale)).toBe('36.30');
    expect(scaled(halfOf(quotedOf(row, 'perplexity')?.interval ?? null), column.scale)).toBe('0.65');
  });
});

describe('words of techniques', () => {
  test('keep what tells them apart and what fits', () => {
    expect(
      shortWords(['none', 'wanda:60%?dsnot=strict&tokens=256', 'wanda:60%?dsnot=reference&tokens=256']),
    ).toEqual(['none', 'wanda:60% dsnot=strict', 'wanda:60% dsnot=reference']);
    expect(shortWords(['none', 'adapters/deep/r4.gguf*0.5+builtin:small-pgdoc-r16?mode=merged'])).toEqual([
      'none',
      'r4*0.5+small-pgdoc-r16',
    ]);
    expect(shortWords(['iq2_xs?importance=texts/wiki.txt'])).toEqual(['iq2_xs importance=wiki.txt']);
    expect(shortWords(['a/r4.gguf', 'b/r4.gguf'])).toEqual(['a/r4.gguf', 'b/r4.gguf']);
  });

  test('different words never read the same', () => {
    const part = fc.constantFrom('a/r4.gguf', 'b/r4.gguf', 'r4', 'wanda:50%', 'q4_k_m');
    const setting = fc.constantFrom(
      '',
      '?x=1',
      '?x=2',
      '?x=1&y=deep/path',
      '?y=path',
      '?z=000000000000000000000000000',
    );
    const word = fc.tuple(part, setting).map((parts) => parts.join(''));
    forAll(100, [fc.uniqueArray(word, { maxLength: 12 })], (words) => {
      expect(new Set(shortWords(words)).size).toBe(words.length);
    });
  });

  test('fit the terminal at any width, and every export of data has them in full', () => {
    for (const width of [40, 60, 80, 120, 160]) {
      for (const columns of [undefined, 'efficientllm', 'quality', 'all']) {
        for (const line of table(width, columns).split('\n'))
          expect(columnsOf(line)).toBeLessThanOrEqual(width);
      }
    }
    expect(table(160)).toContain('wanda:60% dsnot=strict');
    const long = 'wanda:60%?dsnot=strict&tokens=256';
    expect(table(160)).not.toContain(long);
    expect(EXPORTERS.csv(build()).text).toContain(long);
    expect(EXPORTERS.json(build()).text).toContain(long);
    expect(build().rows.map((row) => row.label)).toContain('q4_k_m wanda:60% dsnot=strict');
  });
});
