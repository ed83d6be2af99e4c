import { expect, test } from 'vitest';
import type { ResultRecord } from '../../../core/result/result.js';
import { buildReport } from '../../../report/build.js';
import {
  changeSentences,
  driftCharts,
  lastOf,
  SITTING_SECONDS,
  unchangedSentence,
} from '../../../report/drift/charts.js';
import { experimentOf } from '../../support/experiments.js';
import { completeTrial } from '../../support/records.js';

const METRIC = 'decodeTokensPerSecond';
const request = {
  metrics: [METRIC],
  sittingSeconds: SITTING_SECONDS,
  labelOf: ({ experiment }: ResultRecord) => experiment.technique.quantization,
};

/** Two experiments on each of so many days, twice each; from the 12th on slower, by a newer engine. */
const days = (count: number, slower: number): ResultRecord[] =>
  Array.from({ length: count }, (_, day) =>
    ['f16', 'q8_0'].flatMap((quantization) =>
      [0, 1].map((start): ResultRecord => {
        const record = completeTrial({
          experiment: experimentOf({ quantization }),
          attempt: 2 * day + start + 1,
        });
        const at = new Date(Date.UTC(2026, 0, 1 + day, 3, 10 * start)).toISOString();
        const late = day >= 12;
        // What one day adds to another: ± 1 %, in a pattern that repeats in neither half alone.
        const noise = 1 + 0.01 * Math.sin(day * 2.4);
        const value = (quantization === 'f16' ? 100 : 180) * noise * (late ? 1 - slower : 1);
        return {
          ...record,
          startedAt: at,
          environment: { ...record.environment, engine: late ? 'b' : 'a' },
          measurements: {
            ...record.measurements,
            [METRIC]: { ...record.measurements[METRIC], value, unit: 'tokens/s' } as never,
          },
        };
      }),
    ),
  ).flat();

test('a chart of each experiment and one of all: sittings, limits, since when, and what changed with it', () => {
  const charts = driftCharts(days(24, 0.08), request);
  expect(charts.map(({ label, sittings }) => [label, sittings.length])).toEqual([
    ['all 2 experiments', 24],
    ['f16', 24],
    ['q8_0', 24],
  ]);
  expect(charts[1]!.sittings[0]).toMatchObject({ starts: 2, at: '2026-01-01T03:00:00.000Z' });
  for (const chart of charts) {
    expect(chart.changes).toHaveLength(1);
    expect(chart.changes[0]).toMatchObject({
      at: '2026-01-13T03:00:00.000Z',
      environment: ['engine: a → b'],
    });
    expect(chart.changes[0]!.ratio).toBeCloseTo(0.92, 2);
  }
  const [sentence] = changeSentences(charts);
  expect(sentence).toMatch(
    /all 2 experiments: decodeTokensPerSecond is \d\.\d % lower since 2026-01-13 03:00 \(p = 0\.00\d\); with it changed engine: a → b/,
  );
});

test('a steady machine is in control, and few sittings say that they are few', () => {
  const steady = driftCharts(days(11, 0), request);
  expect(changeSentences(steady)).toEqual([]);
  expect(steady.map(lastOf)).toEqual(['in control', 'in control', 'in control']);
  expect(unchangedSentence(steady)).toBe('no level changed');
  const few = driftCharts(days(3, 0), request);
  expect(few.map(lastOf)[0]).toBe('3 of 5 sittings');
  expect(unchangedSentence(few)).toMatch(/^cannot tell yet: 3 of 5 sittings\./);
});

test('changes of the drift control are headlines of the report, and so of the live view', () => {
  const controls = days(24, 0.2)
    .filter(({ experiment }) => experiment.technique.quantization === 'f16')
    .map((record): ResultRecord => ({ ...record, sweep: { ...record.sweep, purpose: 'control' } }));
  const { headlines } = buildReport(controls, { sweepName: 's', objectives: [] });
  expect(
    headlines.some((line) => /the drift control: decodeTokensPerSecond is .* lower since/.test(line)),
  ).toBe(true);
});
