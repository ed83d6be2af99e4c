import { rocAuc } from '../../../../statistics/classification.js';
import { bootstrapOf } from '../../../../statistics/interval.js';
import { numbersOf, optionProbabilities } from '../classes.js';
import { figure, type Gathering, type MeasuredAnswer, taken } from './measure.js';

/**
 * Areas under ROC curves: of items with two options, how well the probability of the second tells whether it
 * is right; of numbers, how well the one that was said tells 1 from 0; and how well the probability of the
 * option that was taken tells right answers from wrong ones.
 */
export function auc(): Gathering {
  const curves = {
    'AUC of the second option': curve(({ record }) => {
      const shares = optionProbabilities(record);
      return shares?.length === 2 ? [shares[1]!, record.right?.includes(1) ?? false] : null;
    }),
    'AUC of the number said': curve(({ record }) => {
      const { said, truth } = numbersOf(record);
      return record.options === null && said !== null && (truth === 0 || truth === 1)
        ? [said, truth === 1]
        : null;
    }),
    'AUC of confidence': curve(({ record, score }) => {
      const shares = optionProbabilities(record);
      return shares === null || score === null ? null : [Math.max(...shares), score >= 0.5];
    }),
  };
  return {
    add(answer) {
      for (const one of Object.values(curves)) one.add(answer);
    },
    measured: () => ({
      figures: Object.entries(curves).flatMap(([name, { scores, positive }]) => {
        const n = scores.length;
        if (n === 0) return [];
        const interval = bootstrapOf(n, (places) => rocAuc(taken(scores, places), taken(positive, places)));
        return [figure(name, n, rocAuc(scores, positive), interval)];
      }),
      table: null,
    }),
  };
}

function curve(of: (answer: MeasuredAnswer) => readonly [number, boolean] | null) {
  const [scores, positive]: [number[], boolean[]] = [[], []];
  return {
    scores,
    positive,
    add(answer: MeasuredAnswer) {
      const point = of(answer);
      if (point === null) return;
      scores.push(point[0]);
      positive.push(point[1]);
    },
  };
}
