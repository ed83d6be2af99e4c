import { bootstrapInterval } from '../../../statistics/interval.js';
import { mean } from '../../../statistics/summary.js';
import { passAtK } from '../../pass-at-k.js';
import { absent, figure, type Gathering } from './measure.js';

const MOST_USUAL = [1, 2, 5, 10, 20, 50, 100];

/** pass@k: the chance that one of k answers is right (0.5 or more), from the answers that were drawn for each item. */
export function pass(): Gathering {
  const counts: { n: number; c: number }[] = [];
  return {
    add({ score }) {
      if (score !== null) counts.push({ n: 1, c: Number(score >= 0.5) });
    },
    measured() {
      const least = counts.reduce((a, { n }) => Math.min(a, n), Number.POSITIVE_INFINITY);
      if (counts.length === 0)
        return { figures: [absent('pass@1', 0, 'no answer has a score')], table: null };
      return {
        figures: MOST_USUAL.filter((k) => k <= least).map((k) => {
          const values = counts.map(({ n, c }) => passAtK(n, c, k)!);
          return figure(`pass@${k}`, counts.length, mean(values), bootstrapInterval(values));
        }),
        table: null,
      };
    },
  };
}
