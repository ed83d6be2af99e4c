import type { FactorCheck, ThreadFactors } from '../core/result/factors.js';
import { type PhaseWork, workingSetOf } from '../core/work/phase-work.js';
import { studentQuantile } from '../statistics/distributions.js';

/** How far a prediction may be off, from models to which the factors were not fitted. */
export interface ErrorBand {
  /**
   * The measured time lies within predicted / ratio and predicted · ratio in 95 of 100 cases, for work like
   * that of these models.
   */
  readonly ratio: number;
  /** In what the work goes beyond theirs, such as `8 sequences (looked at up to 4)`; empty if in nothing. */
  readonly beyond: readonly string[];
}

/** A band wider than this has no information, so it is cut here. */
const WIDEST = 1000;

/**
 * The band of one more prediction: Student's t of logarithms around zero, because a bias of the factors is an
 * error of the prediction, too. Its degrees of freedom are the number of models, because a model that is
 * predicted too fast at one length is so at all lengths.
 * @param error root mean square of ln(predicted / measured) over all points of these models.
 */
export function bandRatio({ models, error }: Pick<FactorCheck, 'models' | 'error'>): number {
  return Math.min(WIDEST, Math.exp(studentQuantile(0.975, models) * error));
}

/**
 * @param threads threads of the work; left out = those of the factors.
 * @returns null for a phase for which no errors are known.
 */
export function errorBandOf(
  work: PhaseWork,
  factors: ThreadFactors,
  threads = factors.threads,
): ErrorBand | null {
  const check = factors.checks.find(({ phase }) => phase === work.name);
  if (check === undefined) return null;
  return {
    ratio: bandRatio(check),
    beyond: extrapolations(work, factors, check, threads),
  };
}

function extrapolations(
  { passes }: PhaseWork,
  factors: ThreadFactors,
  check: FactorCheck,
  threads: number,
): string[] {
  const largest = (numberOf: (pass: PhaseWork['passes'][number]) => number) =>
    Math.max(...passes.map(numberOf));
  const exceedance = (
    value: number,
    limit: number,
    what: (n: string) => string,
    shown: (n: number) => string = String,
  ) => (value > limit ? [`${what(shown(value))} (looked at up to ${shown(limit)})`] : []);
  const megabytes = (bytes: number) => Number((bytes / 1e6).toPrecision(3)).toString();
  const types = new Set(passes.flatMap(({ work }) => work.operators.flatMap(weightsOf)));
  const unknown = [...types].filter((type) => !(type in factors.products));
  return [
    ...(threads === factors.threads ? [] : [`${threads} threads (factors of ${factors.threads})`]),
    ...unknown.map((type) => `weights of ${type} (factors of a type with like bits)`),
    ...exceedance(
      largest(({ sequences }) => sequences),
      check.sequences,
      (n) => `${n} sequences`,
    ),
    ...exceedance(
      largest(({ tokens }) => tokens),
      check.passTokens,
      (n) => `passes of ${n} tokens`,
    ),
    ...exceedance(
      largest(({ depth }) => depth),
      check.depth,
      (n) => `a context of ${n}`,
    ),
    ...exceedance(largest(workingSetOf), check.setBytes, (n) => `${n} MB a pass`, megabytes),
  ];
}

const weightsOf = ({
  class: kind,
  flops,
  weights,
}: PhaseWork['passes'][number]['work']['operators'][number]) =>
  kind.startsWith('mat') && flops > 0 && weights !== undefined ? [weights] : [];
