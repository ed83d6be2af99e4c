import type { Interval } from '../../../../statistics/interval.js';
import type { AnswerRecord } from '../record.js';

/** One answer, as a measure sees it. */
export interface MeasuredAnswer {
  readonly record: AnswerRecord;
  /** The score that stands for it; null = it has none. */
  readonly score: number | null;
  /** Scores of others, by column; null = none of this item. */
  readonly outside: Readonly<Record<string, number>> | null;
}

/** One number that follows from all answers. */
export interface MeasureFigure {
  readonly name: string;
  /** null = it does not follow from these answers, and `reason` says why. */
  readonly value: number | null;
  readonly ci95: Interval | null;
  /** Answers that it follows from. */
  readonly items: number;
  readonly reason: string | null;
}

/** Numbers with names on both sides, such as a confusion matrix. */
export interface MeasureTable {
  readonly head: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}

export interface Measured {
  readonly figures: readonly MeasureFigure[];
  readonly table: MeasureTable | null;
}

/**
 * Adds up the answers of one row to one task (or group of it), and measures them together. It keeps numbers
 * and classes, never whole answers.
 */
export interface Gathering {
  add(answer: MeasuredAnswer): void;
  measured(): Measured;
}

/** What measures are told beside the answers. */
export interface MeasureSettings {
  /** Who is held against whom: `score`, `answer`, `reference` or columns of outside scores. */
  readonly raters: readonly string[];
  /** All grades, from the lowest to the highest; null = nobody said. */
  readonly scale: readonly number[] | null;
  /** Share of an item's n-grams that are in a text; null = there is no text. */
  readonly leakedShare: ((prompt: string) => number | null) | null;
}

export const figure = (
  name: string,
  items: number,
  value: number | null,
  ci95: Interval | null = null,
): MeasureFigure => ({
  name,
  value,
  ci95,
  items,
  reason: value === null ? 'these answers do not give it' : null,
});

/** A figure that is not there. */
export const absentFigure = (name: string, items: number, reason: string): MeasureFigure => ({
  name,
  items,
  reason,
  value: null,
  ci95: null,
});

/** @returns `list` at these places. */
export function taken<T>(list: readonly T[], places: Uint32Array): T[] {
  const found: T[] = new Array(places.length);
  for (let i = 0; i < places.length; i++) found[i] = list[places[i]!]!;
  return found;
}
