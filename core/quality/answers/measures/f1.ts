import { classification } from '../../../../statistics/classification.js';
import { bootstrapOf } from '../../../../statistics/interval.js';
import { classOf } from '../classes.js';
import { absentFigure, figure, type Gathering, taken } from './measure.js';

/** Confusion of so many classes is printed; of more, only the figures. */
const MOST_SHOWN = 30;

/**
 * What was said and what is right as classes: F1 of each, their mean and their weighted mean, and what was
 * taken for what.
 */
export function f1(): Gathering {
  const [truth, said]: [string[], string[]] = [[], []];
  return {
    add({ record }) {
      const right = classOf(record, record.references[0] ?? null);
      if (right === '') return;
      truth.push(right);
      said.push(classOf(record, record.extracted ?? record.answer));
    },
    measured() {
      const n = truth.length;
      if (n === 0)
        return { figures: [absentFigure('macro F1', 0, 'no answer has a reference')], table: null };
      const whole = classification(truth, said);
      const figureOf = (name: string, value: 'macroF1' | 'weightedF1' | 'balancedAccuracy' | 'accuracy') => {
        const drawn = (places: Uint32Array) =>
          classification(taken(truth, places), taken(said, places))[value];
        return figure(name, n, whole[value], bootstrapOf(n, drawn, n > 20_000 ? { draws: 50 } : {}));
      };
      const many = whole.classes.length > MOST_SHOWN;
      return {
        figures: [
          figureOf('accuracy', 'accuracy'),
          figureOf('balanced accuracy', 'balancedAccuracy'),
          figureOf('macro F1', 'macroF1'),
          figureOf('weighted F1', 'weightedF1'),
          ...(many ? [] : whole.figures.map((one) => figure(`F1 of ${one.name}`, one.support, one.f1))),
        ],
        table: many
          ? null
          : {
              head: ['true \\ said', ...whole.classes.map((name) => (name === '' ? '(nothing)' : name))],
              rows: whole.figures.map(({ name }, i) => [name, ...whole.confusion[i]!]),
            },
      };
    },
  };
}
