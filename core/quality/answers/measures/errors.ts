import { errorsOf } from '../../../../statistics/classification.js';
import { bootstrapOf } from '../../../../statistics/interval.js';
import { numbersOf } from '../classes.js';
import { absentFigure, figure, type Gathering, taken } from './measure.js';

/**
 * The number that was said against the one that is right: root mean squared, mean absolute and mean error.
 */
export function errors(): Gathering {
  const [truth, said]: [number[], number[]] = [[], []];
  let unread = 0;
  return {
    add({ record }) {
      const { said: own, truth: right } = numbersOf(record);
      if (right === null) return;
      if (own === null) unread += 1;
      else {
        truth.push(right);
        said.push(own);
      }
    },
    measured() {
      const n = truth.length;
      if (n === 0)
        return { figures: [absentFigure('RMSE', 0, 'no answer and reference have numbers')], table: null };
      const whole = errorsOf(truth, said);
      const figures = (['rmse', 'mae', 'bias'] as const).map((name) =>
        figure(
          name === 'bias' ? 'mean error' : name.toUpperCase(),
          n,
          whole[name],
          bootstrapOf(n, (places) => errorsOf(taken(truth, places), taken(said, places))[name]),
        ),
      );
      return { figures: [...figures, figure('answers without a number', n + unread, unread)], table: null };
    },
  };
}
