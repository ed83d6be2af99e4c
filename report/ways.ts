import { getOrMake } from '../core/maps.js';
import { mainScore } from '../core/quality/main-score.js';
import type { Estimate } from '../core/quality/perplexity.js';
import type { Row } from './rows.js';

/** What one way of asking gave and took in one row; null = not known. */
export interface WayLine {
  readonly row: Row;
  readonly way: string;
  readonly score: Estimate;
  /** Score less that of the row's first way; null in that one. */
  readonly gain: number | null;
  /** Means over the items. */
  readonly tokensIn: number | null;
  readonly tokensOut: number | null;
  readonly seconds: number | null;
}

/** A task that was asked in several ways, one line for each way and row. */
export interface WayTable {
  readonly task: string;
  readonly items: number;
  /** Which of the task's scores is shown: the one that stands for it. */
  readonly score: string;
  readonly lines: readonly WayLine[];
}

/**
 * @returns of rows that asked in several ways what each way gave and took, by task, in the order of tasks,
 *   rows and ways.
 */
export function waysOf(rows: readonly Row[]): WayTable[] {
  const tables = new Map<string, { items: number; score: string; lines: WayLine[] }>();
  for (const row of rows) {
    if (row.state === 'failed') continue;
    const first = new Map<string, number>();
    for (const asked of row.trial.quality?.tasks ?? []) {
      const score = mainScore(asked);
      if (asked.task === undefined || asked.way === undefined || score === null) continue;
      const none = { items: asked.items, score: score.name, lines: [] };
      const table = getOrMake(tables, asked.task, () => none);
      const before = first.get(asked.task);
      if (before === undefined) first.set(asked.task, score.score.value);
      const gain = before === undefined ? null : score.score.value - before;
      table.lines.push({ row, way: asked.way, score: score.score, gain, ...asked.perItem });
    }
  }
  return [...tables].map(([task, table]) => ({ task, ...table }));
}

/** Heads of the columns of `wayCells`. */
export const WAY_HEADS = ['way', 'score', 'gain', 'tokens in', 'out', 'ms an item'] as const;

/** z of a 95 % interval of a normal distribution. */
const Z95 = 1.959964;

/** @returns a line as texts: percent with half of the 95 % interval, points, tokens and milliseconds. */
export function wayCells({ way, score, gain, tokensIn, tokensOut, seconds }: WayLine): readonly string[] {
  const { value, standardError } = score;
  const half = standardError === null ? '' : ` ± ${(100 * Z95 * standardError).toFixed(1)}`;
  const number = (one: number | null, digits: number) => (one === null ? '–' : one.toFixed(digits));
  const milliseconds = seconds === null ? null : 1000 * seconds;
  return [
    way,
    `${(100 * value).toFixed(1)}${half} %`,
    gain === null ? '' : `${gain < 0 ? '−' : '+'}${Math.abs(100 * gain).toFixed(1)}`,
    number(tokensIn, 0),
    number(tokensOut, 0),
    number(milliseconds, milliseconds !== null && milliseconds < 10 ? 1 : 0),
  ];
}

/** @returns what a table is of, in one line. */
export const wayTitle = ({ task, items, score }: WayTable): string =>
  `${task} by the way of asking: ${score} of ${items} items, gain in points over the first way, means of tokens and time`;
