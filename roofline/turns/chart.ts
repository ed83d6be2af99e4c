import type { SweepChart } from '../analysis/chart.js';
import type { AnsweredTurn } from './questions.js';

/** How many times as much each way yields, over the sequences that run at once, beside as much. */
export function turnsChart(title: string, answers: readonly AnsweredTurn[]): SweepChart {
  const all = answers.flatMap(({ gains }) => gains.map(({ sequences }) => sequences));
  const values = [...new Set(all)].sort((a, b) => a - b);
  return {
    kind: 'sweep',
    title,
    x: { name: 'sequences at once', values, numeric: true },
    y: { name: 'tokens a second and device', unit: 'ratio' },
    lines: [
      ...answers.map(({ way, instead, gains }) => {
        const ratios = new Map(gains.map(({ sequences, ratio }) => [sequences, ratio]));
        return { name: `${way} / ${instead}`, values: values.map((load) => ratios.get(load) ?? null) };
      }),
      { name: 'as much', values: values.map(() => 1) },
    ],
  };
}
