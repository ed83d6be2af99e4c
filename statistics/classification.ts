import { averageRanks } from './ranks.js';

/** How well one class was found. */
export interface ClassFigures {
  readonly name: string;
  /** Of what was said to be of this class, the share that is; 0 where nothing was. */
  readonly precision: number;
  /** Of what is of this class, the share that was said to be. */
  readonly recall: number;
  readonly f1: number;
  /** Things of this class. */
  readonly support: number;
}

export interface Classification {
  /** Classes that things are of, sorted; then those that were said alone. */
  readonly classes: readonly string[];
  /** By true class, by class that was said: how many. */
  readonly confusion: readonly (readonly number[])[];
  /** Of each class that something is of. */
  readonly figures: readonly ClassFigures[];
  readonly accuracy: number;
  /** Mean of F1 over the classes that something is of; each counts once, or by its support. */
  readonly macroF1: number;
  readonly weightedF1: number;
  /** Mean of recalls. */
  readonly balancedAccuracy: number;
}

/**
 * Precision, recall and F1 of classes with their confusion matrix, as scikit-learn's `f1_score` with `labels`
 * = the true classes and `zero_division=0`: what is said to be of a class that nothing is of counts against
 * the true one alone.
 * @param truth and said classes of the same things, in one order; '' said = nothing was read. Not empty.
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
  const average = (of: (one: ClassFigures) => number) =>
    figures.reduce((sum, one) => sum + of(one), 0) / figures.length;
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
 * Area under the ROC curve: the chance that a positive has a higher score than a negative, ties counting half
 * (Hanley & McNeil, Radiology 143(1), 1982), from ranks.
 * @returns null without a positive or without a negative.
 */
export function rocAuc(scores: readonly number[], positive: readonly boolean[]): number | null {
  const positives = positive.filter((one) => one).length;
  const negatives = positive.length - positives;
  if (positives === 0 || negatives === 0) return null;
  const sum = averageRanks(scores).reduce((total, rank, i) => total + (positive[i] ? rank : 0), 0);
  return (sum - (positives * (positives + 1)) / 2) / (positives * negatives);
}

/** Root mean squared error, mean absolute error, and mean error (said less true). Not of nothing. */
export interface Errors {
  readonly rmse: number;
  readonly mae: number;
  readonly bias: number;
}

/** @param truth and said numbers of the same things, in one order. */
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
