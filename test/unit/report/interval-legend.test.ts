import { expect, test } from 'vitest';
import { buildReport } from '../../../report/build.js';
import { intervalLegend } from '../../../report/interval-legend.js';
import { experimentOf } from '../../support/experiments.js';
import { completeTrial } from '../../support/records.js';

test('the legend says of what each interval is', () => {
  const starts = [1, 1.1, 1.05].map((slower, block) =>
    completeTrial({
      experiment: experimentOf({}),
      position: 0,
      slower,
      repeats: 8,
      block,
      attempt: block + 1,
    }),
  );
  const { rows } = buildReport(starts, { sweepName: 's', objectives: [] });
  const legend = (...metrics: { name: string; label: string }[]) => intervalLegend(rows, metrics);
  const decode = { name: 'decodeTokensPerSecond', label: 'decode' };
  const bytes = { name: 'modelBytes', label: 'model' };
  expect(legend(decode)).toBe(
    '± and [low, high] are 95 % intervals of where further starts would put the number, narrower with more `measure.starts`',
  );
  expect(legend(bytes)).toBe(null);

  const banded = rows.map((row) => ({
    ...row,
    trial: {
      ...row.trial,
      measurements: {
        ...row.trial.measurements,
        perplexity: { ...row.trial.measurements.decodeTokensPerSecond!, ci95: [10, 12] },
        predictedTimePerOutputTokenSeconds: {
          ...row.trial.measurements.decodeTokensPerSecond!,
          ci95: [1, 2],
        },
      },
    },
  })) as typeof rows;
  const shown = [
    { name: 'perplexity', label: 'PPL' },
    { name: 'predictedTimePerOutputTokenSeconds', label: 'predicted' },
  ];
  expect(intervalLegend(banded, shown)).toBe(
    '± and [low, high] are 95 % intervals for PPL, of another text of the same kind; for predicted, of how far such predictions have been off',
  );
});
