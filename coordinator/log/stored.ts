import { joinJson, readHead, readRecord } from './detail.js';
import type { Detail, EntryAt, Fact, FactHead, LogEntry } from './log.js';

/**
 * An entry as tables hold it: a result in three texts, so that who asks for its head or its row does not read
 * the rest.
 */
export interface Stored {
  readonly position: number;
  readonly head: string;
  /** null for facts that are no results. */
  readonly row?: string | null;
  readonly raw?: string | null;
}

/** Columns of the table `facts` that are read for each level of detail. */
export const COLUMNS: Readonly<Record<Detail, string>> = {
  head: 'position, head',
  row: 'position, head, row_json AS row',
  full: 'position, head, row_json AS row, raw_json AS raw',
};

/** Rows that are fetched at a time: results carry raw samples. */
export const PAGE_ROWS: Readonly<Record<Detail, number>> = { head: 1024, row: 64, full: 32 };

/** @returns the entry of what is stored; what nobody asks for is not parsed. */
export function storedEntry<D extends Detail>(stored: Stored): EntryAt<D> {
  // TypeScript does not narrow a type parameter by a value.
  return new StoredEntry(stored) as EntryAt<D>;
}

class StoredEntry implements LogEntry {
  readonly position: number;
  readonly head: FactHead;
  readonly recordJson: string | null;

  constructor({ position, head, row = null, raw = null }: Stored) {
    this.position = position;
    this.head = readHead(head);
    this.recordJson = row === null ? null : joinJson(row, raw ?? undefined);
  }

  get fact(): Fact {
    // A fact without a record is its own head.
    if (this.recordJson === null) return this.head as Fact;
    return { fact: 'ResultRecorded', record: readRecord(this.recordJson) };
  }
}
