import { fleissKappa, icc, kappa, kendallTau } from '../../../../statistics/agreement.js';
import { pearson, spearman } from '../../../../statistics/correlation.js';
import { bootstrapOf } from '../../../../statistics/interval.js';
import { mean } from '../../../../statistics/summary.js';
import { numbersOf } from '../classes.js';
import {
  absentFigure,
  figure,
  type Gathering,
  type MeasuredAnswer,
  type MeasureFigure,
  type MeasureSettings,
  taken,
} from './measure.js';

const INTERVAL = { draws: 500 };
/** Kendall's τ compares each with each. */
const MOST_PAIRED = 10_000;

/**
 * How far raters agree about the same answers: the share that is the same, Cohen's kappas over the full
 * scale, Fleiss' kappa of three and more; and what needs no scale: Pearson's, Spearman's and Kendall's
 * correlations, and ICC(2,1).
 */
export function agreement({ raters, scale }: MeasureSettings): Gathering {
  const things: number[][] = [];
  let left = 0;
  return {
    add(answer) {
      const given = raters.map((name) => ratingOf(name, answer));
      if (given.every((value) => value !== null)) things.push(given as number[]);
      else left += 1;
    },
    measured() {
      const n = things.length;
      if (n < 2)
        return {
          figures: [
            absentFigure('agreement', n, `${left} answers were not rated by all of ${raters.join(', ')}`),
          ],
          table: null,
        };
      const pairs = raters.flatMap((_, a) => raters.slice(a + 1).map((_, k) => [a, a + 1 + k] as const));
      const together =
        raters.length < 3
          ? []
          : [
              figure('Fleiss’ kappa', n, fleissKappa(things)),
              figure(
                'ICC(2,1) of all',
                n,
                icc(things),
                bootstrapOf(n, (places) => icc(taken(things, places)), INTERVAL),
              ),
            ];
      return {
        figures: [
          ...pairs.flatMap(([a, b]) => {
            const [x, y] = [things.map((one) => one[a]!), things.map((one) => one[b]!)];
            return pairFigures(`${raters[a]} and ${raters[b]}`, x, y, scale);
          }),
          ...together,
          ...(left > 0 ? [figure('answers without all ratings', n + left, left)] : []),
        ],
        table: null,
      };
    },
  };
}

function ratingOf(name: string, { record, score, outside }: MeasuredAnswer): number | null {
  if (name === 'score') return score;
  if (name === 'answer') return numbersOf(record).said;
  if (name === 'reference') return numbersOf(record).truth;
  return outside?.[name] ?? null;
}

function pairFigures(
  pair: string,
  x: readonly number[],
  y: readonly number[],
  scale: readonly number[] | null,
): MeasureFigure[] {
  const n = x.length;
  const agreementFigure = (
    name: string,
    statistic: (a: readonly number[], b: readonly number[]) => number | null,
  ) =>
    figure(
      `${name}, ${pair}`,
      n,
      statistic(x, y),
      bootstrapOf(n, (places) => statistic(taken(x, places), taken(y, places)), INTERVAL),
    );
  return [
    agreementFigure('same', (a, b) => mean(a.map((value, i) => Number(value === b[i])))),
    agreementFigure('kappa', (a, b) => kappa(a, b, scale === null ? {} : { scale })),
    ...(['linear', 'quadratic'] as const).map((weights) => {
      const name = weights === 'linear' ? 'linear kappa' : 'quadratic kappa (QWK)';
      const off = scale === null ? undefined : [...x, ...y].find((value) => !scale.includes(value));
      if (scale === null) return absentFigure(`${name}, ${pair}`, n, 'it needs all grades: --scale 1..10');
      if (off !== undefined) return absentFigure(`${name}, ${pair}`, n, `${off} is not on the scale`);
      return agreementFigure(name, (a, b) => kappa(a, b, { weights, scale }));
    }),
    agreementFigure('Pearson', pearson),
    agreementFigure('Spearman', spearman),
    n > MOST_PAIRED
      ? absentFigure(`Kendall’s τ-b, ${pair}`, n, `it is computed of ${MOST_PAIRED} answers at most`)
      : figure(`Kendall’s τ-b, ${pair}`, n, kendallTau(x, y)),
    agreementFigure('ICC(2,1)', (a, b) => icc(a.map((value, i) => [value, b[i]!]))),
  ];
}
