import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { layOut } from '../../../cli/output/layout.js';
import { renderTable } from '../../../cli/output/table.js';
import { columnsOf, cut, wrap } from '../../../cli/output/text.js';
import { warn } from '../../../core/result/warnings.js';
import { buildReport } from '../../../report/build.js';
import { experimentOf } from '../../support/experiments.js';
import { forAll } from '../../support/for-all.js';
import { completeTrial } from '../../support/records.js';
import { sweepRecords } from '../../support/sweep-records.js';

const report = buildReport(sweepRecords({ experiments: 24, watts: 80 }), {
  sweepName: 'reference',
  objectives: [
    { metric: 'decodeTokensPerSecond', better: 'max' },
    { metric: 'modelBytes', better: 'min' },
  ],
});
const plain = (width: number, unicode = true) => renderTable(report, { width, color: false, unicode });
// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is looked for
const ESCAPES = /\x1b\[[0-9;]*m/g;

describe('terminal table', () => {
  test('no line is wider than the terminal, at any width', () => {
    for (let width = 40; width <= 200; width += 3) {
      for (const unicode of [true, false]) {
        for (const line of plain(width, unicode).split('\n'))
          expect(columnsOf(line)).toBeLessThanOrEqual(width);
      }
    }
  });

  test('colour changes no text, and without colour there is no escape sequence', () => {
    const coloured = renderTable(report, { width: 120, color: true, unicode: true });
    expect(coloured).toMatch(ESCAPES);
    expect(coloured.replace(ESCAPES, '').replaceAll(/ +$/gm, '')).toBe(plain(120));
    expect(plain(120)).not.toMatch(ESCAPES);
  });

  test('ASCII means ASCII', () => {
    expect(plain(100, false)).toMatch(/^[\n -~]*$/);
    expect(plain(100, false)).toContain(' * ');
  });

  test('every experiment has one line, wide terminals show every column, narrow ones name what they left out', () => {
    const lines = (width: number) =>
      plain(width)
        .split('\n')
        .filter((line) => /^ [★! ][~ ] {2}\S/.test(line));
    expect(lines(160).filter((line) => /^ .{4}(f16|q\d)/.test(line))).toHaveLength(24);
    expect(plain(170)).not.toContain('no room here');
    expect(plain(170)).toMatch(/energy\/out/);
    expect(plain(80)).toMatch(/no room here for .*ITL p99/s);
    // The objectives are the last to go.
    expect(plain(60)).toMatch(/ decode /);
  });

  test('what binds a row goes before an objective does, and is named', () => {
    const column = (name: string) => ({ head: [name, ''] as const, cells: [], align: 'left' as const });
    const marks = { first: column('*'), bound: column('b'.repeat(30)), last: column('!') };
    const names = (width: number) => {
      const { columns, dropped } = layOut(report, width, (s) => s, marks);
      return { shown: columns.map(({ head }) => head[0]), dropped };
    };
    const goals = report.metrics.filter((m) => m.shown && m.objective).map(({ label }) => label);
    expect(goals.length).toBeGreaterThan(1);
    expect(names(200).shown).toContain(marks.bound.head[0]);
    const { shown, dropped } = names(80);
    expect(shown).toEqual(expect.arrayContaining(goals));
    expect(shown).not.toContain(marks.bound.head[0]);
    expect(dropped).toContain(marks.bound.head[0]);
  });

  test('80 columns show what rows are read for with intervals, as shares and beside short axes; what else there is has to be wider', () => {
    const latency = buildReport(sweepRecords({ experiments: 24 }), {
      sweepName: 'reference',
      objectives: [{ metric: 'decodeTokensPerSecond', better: 'max' }],
    });
    const rows = (width: number) =>
      renderTable(latency, { width, color: false, unicode: true })
        .split('\n')
        .filter((line) => line.includes(' ± ') || line.includes('['));
    expect(rows(80)[0]).toMatch(/f16 +true +1 +7\.99 ± 27 % +97\.1 ± 16 % +2\.64 ± 16 %$/);
    expect(rows(120)[0]).toMatch(/± 27 % .*± 16 % .*± 16 % .* 2\.792$/);
    expect(rows(200)[0]).toMatch(/7\.99 \[6\.31, 10\.12\]/);
  });

  test('an interval that has no room is named, as columns are', () => {
    const names = report.axes.map(({ name }) => name);
    expect(names.length).toBeGreaterThan(2);
    expect(plain(40)).not.toMatch(/[±[]\d/);
    expect(plain(40).replaceAll(/\s+/g, ' ')).toMatch(/no room here for .*its interval/);
  });

  test('an axis that repeats another one is left out where room is short, and named', () => {
    const records = ['f16', 'q8_0', 'q4_k_m'].map((type, position) =>
      completeTrial({
        experiment: experimentOf({ model: type, quantization: type, threads: position + 1 }),
        position,
      }),
    );
    const twins = buildReport(records, { sweepName: 's', objectives: [] });
    const table = (width: number) => renderTable(twins, { width, color: false, unicode: true });
    expect(table(120)).toMatch(/model +quantization/);
    expect(table(60)).not.toMatch(/model +quant/);
    expect(table(60).replaceAll(/\s+/g, ' ')).toMatch(/no room here for quantization/);
  });

  test('failed rows say why below themselves; disturbed ones bear their sign, invalid ones theirs, and point to their footnotes', () => {
    expect(plain(120)).toContain(
      '└ failed (out-of-memory): the trial needed 12.4 GB and the node allows 8.0 GB',
    );
    expect(plain(120)).toMatch(/^ ! .* a\w*$/m);
    expect(plain(120)).toMatch(/^ {2}~ .* [bc]\w*$/m);
    expect(plain(120)).toMatch(/^[bc] cpu-steal \(3 rows, disturbed\)/m);
    expect(plain(120)).toContain('~ disturbed: something else used the machine during the row; it counts');
    expect(plain(120)).toMatch(/24 rows: 19 clean, 3 disturbed, 1 invalid, 1 failed/);
    expect(plain(120)).toMatch(/^[ab] provider-fallback \(1 row, invalid\)/m);
    expect(plain(120)).toContain('! not to be compared: invalid or failed');
  });

  test('a note of every row is told once, and marks none', () => {
    const records = [0, 1].map((position) =>
      completeTrial({
        experiment: experimentOf({ threads: position + 1 }),
        position,
        warnings: [warn('fake-runner', 'fake'), ...(position === 0 ? [warn('clock-change', 'moved')] : [])],
      }),
    );
    const table = renderTable(buildReport(records, { sweepName: 's', objectives: [] }), {
      width: 120,
      color: false,
      unicode: true,
    });
    expect(table).toContain('every row, fake-runner: the runner of the row only pretends');
    expect(table).toMatch(/^a clock-change \(1 row\)/m);
  });

  test('footnotes explain the letters', () => {
    expect(plain(120)).toMatch(/^\w clock-change \(\d rows\): the CPU or device clock moved/m);
    expect(plain(120)).toContain('each row is one start');
  });

  test('a name cannot move the cursor or break the line', () => {
    const evil = completeTrial({ experiment: experimentOf({ model: 'a\x1b[2J\nb\u202ec' }), sweepName: 'x' });
    const other = completeTrial({ experiment: experimentOf({ model: '模型-large' }), position: 1 });
    const table = renderTable(buildReport([evil, other], { sweepName: 'n\x07ame', objectives: [] }), {
      width: 80,
      color: false,
      unicode: true,
    });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
    expect(table).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f\u202e]/);
    expect(table).toContain('模型-large');
  });

  test('no results is a sentence', () => {
    expect(
      renderTable(buildReport([], { sweepName: 's', objectives: [] }), {
        width: 80,
        color: false,
        unicode: true,
      }),
    ).toContain('No results yet.');
  });
});

test('text: cut and wrap keep to their width for any text', () => {
  forAll(100, [fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 60 })], (text, columns) => {
    expect(columnsOf(cut(text, columns))).toBeLessThanOrEqual(columns);
    for (const line of wrap(text, columns)) expect(columnsOf(line)).toBeLessThanOrEqual(columns);
  });
});
