import { addBleu, bleuCounts, bleuOf } from '../../core/quality/scorers/bleu.js';
import { addChrf, bestChrf, chrfOf } from '../../core/quality/scorers/chrf.js';
import { score } from '../../core/quality/scorers/index.js';
import { kappa } from '../../statistics/agreement.js';
import { classification, errorsOf, rocAuc } from '../../statistics/classification.js';

/** What is scored by ours and by the packages that define it. */
export type Case =
  | {
      readonly kind: 'text';
      readonly answers: readonly string[];
      readonly references: readonly (readonly string[])[];
    }
  | { readonly kind: 'classes'; readonly truth: readonly string[]; readonly said: readonly string[] }
  | {
      readonly kind: 'numbers';
      readonly truth: readonly number[];
      readonly said: readonly number[];
      readonly positive: readonly number[];
    }
  | {
      readonly kind: 'grades';
      readonly a: readonly number[];
      readonly b: readonly number[];
      readonly scale: readonly number[];
    };

const TEXT_SCORERS = ['bleu', 'chrf', 'chrf++', 'rouge-1', 'rouge-2', 'rouge-l'] as const;

/** @returns ours, under the names that scorers.py gives. */
export function scoresOf(one: Case): unknown {
  switch (one.kind) {
    case 'text': {
      const { answers, references } = one;
      const sentences = answers.map((answer, i) =>
        Object.fromEntries(
          TEXT_SCORERS.map((name) => [name, score(name, answer, references[i]!, { tolerance: 0 })]),
        ),
      );
      const chrf = (words: boolean) =>
        chrfOf(answers.map((answer, i) => bestChrf(answer, references[i]!, words)).reduce(addChrf));
      const bleu = bleuOf(
        answers.map((answer, i) => bleuCounts(answer, references[i]!)).reduce(addBleu),
        false,
      );
      return { sentences, bleu, chrf: chrf(false), 'chrf++': chrf(true) };
    }
    case 'classes':
      return classification(one.truth, one.said);
    case 'numbers': {
      const positive = one.positive.map((value) => value === 1);
      return { ...errorsOf(one.truth, one.said), auc: rocAuc(one.said, positive) };
    }
    case 'grades': {
      const of = (weights: 'none' | 'linear' | 'quadratic') =>
        kappa(one.a, one.b, { weights, scale: one.scale });
      return { none: of('none'), linear: of('linear'), quadratic: of('quadratic') };
    }
  }
}
