import type { AxisValue } from '../../core/experiment/experiment.js';
import type { ResultRecord } from '../../core/result/result.js';
import type { Row } from '../rows.js';

/** One experiment of a report that grows: what its row is made of, and the row that was made last. */
export interface Entry {
  /** All of it, oldest first; those that began together in the order they came. */
  readonly trials: ResultRecord[];
  /** Those of them that count, with their common estimate; null until that is made. */
  starts: readonly ResultRecord[];
  trial: ResultRecord | null;
  /** Of the first start in its sweep. */
  position: number;
  /** Its axes, with the node where there is more than one. */
  point: Readonly<Record<string, AxisValue>>;
  label: string | null;
  number: number;
  mark: EntryMark | null;
  /** null = something of it has changed since. */
  row: Row | null;
  /** What `row` says of the front. */
  rendered: { readonly mark: EntryMark | null; readonly dominatedBy: number | null };
}

/** ParetoMark with the entry that wins in place of its index. */
export interface EntryMark {
  readonly onFront: boolean;
  readonly dominatedBy: Entry | null;
  readonly missing: string | null;
}

/** @returns the sweep's own order; where several sweeps are one report, the older trial comes first. */
export function compareEntries(a: Entry, b: Entry): number {
  if (a.position !== b.position) return a.position - b.position;
  const [left, right] = [a.trials[0]?.startedAt ?? '', b.trials[0]?.startedAt ?? ''];
  return left < right ? -1 : left > right ? 1 : 0;
}

/** Puts a record among others by the time it began, after those of the same time. */
export function insertByTime(records: ResultRecord[], record: ResultRecord): void {
  let at = records.length;
  while (at > 0 && (records[at - 1]?.startedAt ?? '') > record.startedAt) at -= 1;
  if (at === records.length) records.push(record);
  else records.splice(at, 0, record);
}
