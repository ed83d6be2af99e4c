import { bootstrapOf } from '../../../../statistics/interval.js';
import { addBleu, type BleuCounts, bleuCounts, bleuOf } from '../../scorers/bleu.js';
import { addChrf, bestChrf, type ChrfCounts, chrfOf } from '../../scorers/chrf.js';
import { DistinctGrams } from '../../text-overlap.js';
import { absentFigure, figure, type Gathering, taken } from './measure.js';

/**
 * What answers are as one text: BLEU and chrF of the corpus (no means of sentences), as sacreBLEU computes
 * them, from 0 to 1; and how many of their n-grams are different.
 */
export function text(): Gathering {
  const bleu: BleuCounts[] = [];
  const [chrf, chrfWords]: [ChrfCounts[], ChrfCounts[]] = [[], []];
  const distinct = [1, 2, 3].map((n) => ({ n, grams: new DistinctGrams(n) }));
  let answers = 0;
  return {
    add({ record: { answer, references } }) {
      if (answer === null) return;
      answers += 1;
      for (const { grams } of distinct) grams.add(answer);
      if (references.length === 0) return;
      bleu.push(bleuCounts(answer, references));
      chrf.push(bestChrf(answer, references, false));
      chrfWords.push(bestChrf(answer, references, true));
    },
    measured() {
      if (answers === 0) return { figures: [absentFigure('BLEU', 0, 'nothing was generated')], table: null };
      const corpus = <T>(
        name: string,
        counts: readonly T[],
        add: (a: T, b: T) => T,
        of: (sum: T) => number,
      ) =>
        counts.length === 0
          ? absentFigure(name, 0, 'no answer has a reference')
          : figure(
              name,
              counts.length,
              of(counts.reduce(add)),
              bootstrapOf(counts.length, (places) => of(taken(counts, places).reduce(add)), { draws: 200 }),
            );
      return {
        figures: [
          corpus('BLEU', bleu, addBleu, (sum) => bleuOf(sum, false)),
          corpus('chrF2', chrf, addChrf, chrfOf),
          corpus('chrF2++', chrfWords, addChrf, chrfOf),
          ...distinct.map(({ n, grams }) => figure(`distinct-${n}`, answers, grams.share)),
        ],
        table: null,
      };
    },
  };
}
