import { describe, expect, test } from 'vitest';
import { EXPORTERS } from '../../../cli/output/index.js';
import { METRICS } from '../../../core/metrics/catalogue.js';
import { type ResultRecord, resultSchema } from '../../../core/result/result.js';
import { buildReport } from '../../../report/build.js';
import { experimentOf } from '../../support/experiments.js';
import { jsonLines } from '../../support/reading.js';
import { completeTrial } from '../../support/records.js';
import { sweepRecords } from '../../support/sweep-records.js';

const records = sweepRecords({ experiments: 24 });
const report = buildReport(records, {
  sweepName: 'reference',
  objectives: [{ metric: 'decodeTokensPerSecond', better: 'max' }],
});

/** RFC 4180, strictly: every field bare or quoted, CRLF after every record. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = [[]];
  const field = /("(?:[^"]|"")*"|[^",\r\n]*)(,|\r\n)/y;
  while (field.lastIndex < text.length) {
    const match = field.exec(text);
    if (match === null) throw new Error(`not RFC 4180 near ${text.slice(field.lastIndex, 40)}`);
    const raw = match[1] ?? '';
    rows.at(-1)?.push(raw.startsWith('"') ? raw.slice(1, -1).replaceAll('""', '"') : raw);
    if (match[2] === '\r\n' && field.lastIndex < text.length) rows.push([]);
  }
  return rows;
}

describe('csv', () => {
  test('has the metrics that were asked for, in that order, with their intervals, where anybody asked', () => {
    const asked = buildReport(sweepRecords({ experiments: 2 }), {
      sweepName: 's',
      objectives: [],
      columns: ['peakResidentBytes', 'perplexity'],
    });
    const [named = [], first = []] = parseCsv(EXPORTERS.csv(asked).text);
    const metrics = named.slice(named.indexOf('failure') + 1);
    expect(metrics).toEqual(
      ['peakResidentBytes', 'perplexity'].flatMap((name) => [name, `${name}Ci95Low`, `${name}Ci95High`]),
    );
    expect(Number(first[named.indexOf('peakResidentBytes')])).toBeGreaterThan(0);
    expect(first).toHaveLength(named.length);
  });

  const [head = [], ...rows] = parseCsv(EXPORTERS.csv(report).text);
  const column = (name: string) => head.indexOf(name);

  test('one record per experiment, full precision, missing is empty', () => {
    expect(rows).toHaveLength(24);
    for (const row of rows) expect(row).toHaveLength(head.length);
    const first = report.rows[0];
    expect(Number(rows[0]?.[column('decodeTokensPerSecond')])).toBe(
      first?.trial.measurements.decodeTokensPerSecond?.value,
    );
    expect(rows[0]?.[column('energyJoules')]).toBe('');
    expect(rows.at(-1)?.[column('failure')]).toBe('out-of-memory');
    expect(rows.at(-1)?.[column('decodeTokensPerSecond')]).toBe('');
  });

  test('the header is the same whichever axes vary and whatever was measured', () => {
    const one = buildReport([completeTrial({ watts: 50 })], { sweepName: 's', objectives: [] });
    expect(parseCsv(EXPORTERS.csv(one).text)[0]).toEqual(head);
    for (const metric of METRICS) expect(head).toContain(metric.name);
  });

  test('a name is never a formula, and quotes, commas and line breaks survive', () => {
    const names = ['=HYPERLINK("http://x")', '+1', '-2', '@x', '\tq', 'a,"b"\r\nc', 'plain'];
    const hostile = names.map((model, position) =>
      completeTrial({ experiment: experimentOf({ model }), position }),
    );
    const text = EXPORTERS.csv(buildReport(hostile, { sweepName: 's', objectives: [] })).text;
    const parsed = parseCsv(text)
      .slice(1)
      .map((row) => row[column('model')]);
    expect(parsed).toEqual(names.map((name) => (/^[=+\-@\t]/.test(name) ? `'${name}` : name)));
  });
});

describe('markdown', () => {
  test('every line of the table has the same cells, whatever names hold', () => {
    const names = ['a|b', '<img src=x onerror=alert(1)>', '![x](http://evil)', 'back\\slash', 'two\nlines'];
    const hostile = names.map((model, position) =>
      completeTrial({ experiment: experimentOf({ model }), position }),
    );
    const text = EXPORTERS.md(buildReport(hostile, { sweepName: '<b>s</b>', objectives: [] })).text;
    const lines = text.split('\n').filter((line) => line.startsWith('|'));
    expect(lines).toHaveLength(names.length + 2);
    const cells = lines.map((line) => line.replaceAll(/\\[\\|]/g, '').split('|').length);
    expect(new Set(cells).size).toBe(1);
    expect(text).not.toMatch(/<(img|b)/);
    expect(text).not.toMatch(/(?<!\\)\[x\]/);
  });

  test('units are in the header, the front is marked, the failure has its reason', () => {
    const text = EXPORTERS.md(report).text;
    expect(text).toMatch(/\| decode \(t\/s\) \|/);
    expect(text).toMatch(/^\| ★ \|/m);
    expect(text).toMatch(/failed: the trial needed 12\.4 GB/);
    expect(text).toMatch(/no energy: this node has no energy source/);
  });
});

describe('json and jsonl', () => {
  test('jsonl gives back the records that count of each experiment, each as its schema wants it', () => {
    const lines = jsonLines<ResultRecord>(EXPORTERS.jsonl(report).text);
    const counted = report.rows.flatMap(({ starts }) => starts.map(({ trialId }) => trialId));
    expect(lines.map((line) => line.trialId)).toEqual(counted);
    for (const line of lines) expect(resultSchema.parse(line)).toEqual(line);
    const byId = new Map(records.map((r) => [r.trialId, r]));
    for (const line of lines) expect(line).toEqual(byId.get(line.trialId));
  });

  test('json says null with a reason, never 0', () => {
    const document = JSON.parse(EXPORTERS.json(report).text);
    expect(document.schema).toBe('ridgepoint.dev/report/v1');
    expect(document.rows).toHaveLength(24);
    expect(document.rows[0].measurements.energyJoules).toEqual({
      value: null,
      unit: 'J',
      reason: expect.stringContaining('powercap'),
    });
    expect(document.rows[23].failure.code).toBe('out-of-memory');
  });
});

test('every exporter ends its file with a line break', () => {
  for (const [name, exporter] of Object.entries(EXPORTERS)) {
    // Of rows that asked no server there is no request, and no line.
    expect(exporter(report).text).toMatch(name === 'requests' ? /^$/ : /\n$/);
  }
});
