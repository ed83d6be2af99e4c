import { quantile } from '../../../statistics/quantile.js';
import type { Judged } from './splits.js';

/** Errors of many points. */
export interface Errors {
  readonly points: number;
  readonly median: number;
  readonly p90: number;
  /** Median with its sign: below 0 where predictions are too fast. */
  readonly bias: number;
}

/** @param misses ln(predicted / measured), at least one. */
export function errorsOf(misses: readonly number[]): Errors {
  const signed = misses.map(Math.expm1);
  const sizes = signed.map(Math.abs);
  return {
    points: misses.length,
    median: quantile(sizes, 0.5),
    p90: quantile(sizes, 0.9),
    bias: quantile(signed, 0.5),
  };
}

export const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

/** One line of a table: errors of TPOT, and beside them of TTFT. */
export function errorLine(label: string, judged: readonly Judged[]): string {
  const tpot = errorsOf(judged.map(({ tpotMiss }) => tpotMiss));
  const ttft = errorsOf(judged.map(({ ttftMiss }) => ttftMiss));
  const cells = ({ median, bias, p90 }: Errors) =>
    [median, bias, p90].map((share) => percent(share).padStart(9)).join('');
  return `${label.padEnd(64)} ${String(tpot.points).padStart(5)}${cells(tpot)}   ${cells(ttft)}`;
}

export const ERROR_HEAD = `${''.padEnd(64)} ${'n'.padStart(5)}${['TPOT |e|', 'bias', 'p90', '  TTFT |e|', 'bias', 'p90'].map((head) => head.padStart(9)).join('')}`;
