import { bootstrapInterval } from '../../../../statistics/interval.js';
import { mean } from '../../../../statistics/summary.js';
import { absentFigure, figure, type Gathering, type MeasureSettings } from './measure.js';

/**
 * What share of the n-grams of answers and of references is found in a text that a model may have learned.
 */
export function leakage({ leakedShare }: MeasureSettings): Gathering {
  const found = { references: [] as number[], answers: [] as number[] };
  const add = (list: number[], words: string) => {
    const share = leakedShare?.(words) ?? null;
    if (share !== null) list.push(share);
  };
  return {
    add({ record: { answer, references } }) {
      if (answer !== null) add(found.answers, answer);
      if (references.length > 0) add(found.references, references.join('\n'));
    },
    measured: () => ({
      figures: Object.entries(found).map(([what, shares]) =>
        shares.length === 0
          ? absentFigure(`leaked n-grams of ${what}`, 0, 'none is as long as an n-gram')
          : figure(`leaked n-grams of ${what}`, shares.length, mean(shares), bootstrapInterval(shares)),
      ),
      table: null,
    }),
  };
}
