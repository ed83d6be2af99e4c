import { averageRanks } from './ranks.js';

/** How well one class was found. */
export interface ClassFigures {
  readonly name: string;
  /** The share of things assigned to this class that belong to it; 0 if none was assigned. */
  readonly precision: number;
  /** The share of things of this class that were assigned to it. */
  readonly recall: number;
  readonly f1: number;
  /** Things of this class. */
  readonly support: number;
}

export interface Classification {
  /** The true classes, sorted, and after them the classes that only occur among the answers. */
  readonly classes: readonly string[];
  /** Number of things by true class and by assigned class. */
  readonly confusion: readonly (readonly number[])[];
  /** For each true class. */
  readonly figures: readonly ClassFigures[];
  readonly accuracy: number;
  /** Mean of F1 over the true classes; each class has the same weight, or is weighted by its support. */
  readonly macroF1: number;
  readonly weightedF1: number;
  /** Mean of recalls. */
  readonly balancedAccuracy: number;
}

/**
 * Precision, recall and F1 of classes with their confusion matrix, as scikit-learn's `f1_score` with `labels`
 * = the true classes and `zero_division=0`: an answer that names no true class only lowers the recall of the
 * right one.
 * @param truth and said true and assigned classes of the same things, in the same order; an assigned class of
 *   '' means that no answer could be read. Not empty.
 */
export function classification(truth: readonly string[], said: readonly string[]): Classification {
  const own = [...new Set(truth)].sort();
  const classes = [...own, ...[...new Set(said)].filter((name) => !own.includes(name)).sort()];
  const placeOf = new Map(classes.map((name, i) => [name, i]));
  const confusion = classes.map(() => new Array<number>(classes.length).fill(0));
  truth.forEach((name, i) => {
    confusion[placeOf.get(name)!]![placeOf.get(said[i]!)!]! += 1;
  });
  const figures = own.map((name, c): ClassFigures => {
    const support = confusion[c]!.reduce((sum, count) => sum + count, 0);
    const found = confusion.reduce((sum, row) => sum + row[c]!, 0);
    const right = confusion[c]![c]!;
    const precision = found === 0 ? 0 : right / found;
    return { name, precision, recall: right / support, f1: (2 * right) / (found + support), support };
  });
  const average = (numberOf: (one: ClassFigures) => number) =>
    figures.reduce((sum, one) => sum + numberOf(one), 0) / figures.length;
  return {
    classes,
    confusion,
    figures,
    accuracy: figures.reduce((sum, { recall, support }) => sum + recall * support, 0) / truth.length,
    macroF1: average(({ f1 }) => f1),
    weightedF1: figures.reduce((sum, { f1, support }) => sum + f1 * support, 0) / truth.length,
    balancedAccuracy: average(({ recall }) => recall),
  };
}

/**
 * Area under the ROC curve: the probability that a positive has a higher score than a negative, where ties
 * count as a half (Hanley & McNeil, Radiology 143(1), 1982), from ranks.
 * @returns null without a positive or without a negative.
 */
export function rocAuc(scores: readonly number[], positive: readonly boolean[]): number | null {
  const positives = positive.filter((one) => one).length;
  const negatives = positive.length - positives;
  if (positives === 0 || negatives === 0) return null;
  const sum = averageRanks(scores).reduce((total, rank, i) => total + (positive[i] ? rank : 0), 0);
  return (sum - (positives * (positives + 1)) / 2) / (positives * negatives);
}

/**
 * Root mean squared error, mean absolute error, and mean error (assigned less true). The lists must not be
 * empty.
 */
export interface Errors {
  readonly rmse: number;
  readonly mae: number;
  readonly bias: number;
}

/** @param truth and said true and assigned numbers of the same things, in the same order. */
export function errorsOf(truth: readonly number[], said: readonly number[]): Errors {
  let [squares, absolute, sum] = [0, 0, 0];
  truth.forEach((value, i) => {
    const off = said[i]! - value;
    squares += off ** 2;
    absolute += Math.abs(off);
    sum += off;
  });
  const n = truth.length;
  return { rmse: Math.sqrt(squares / n), mae: absolute / n, bias: sum / n };
}
