import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { FailureError, failure } from '../../core/errors.js';
import { ChangeSignal } from './change-signal.js';
import { joinJson, partsOf, readHead, readRecord } from './detail.js';
import {
  type AppendOutcome,
  type Detail,
  type EntryAt,
  type Fact,
  type FactHead,
  type Log,
  type LogEntry,
  trialOf,
} from './log.js';
import { closedError, followEntries, getEntry, readEntries, type Source } from './reading.js';
import { Database, SqliteError, type Statement } from './sqlite/database.js';
import type { Library } from './sqlite/library.js';
import { probe } from './sqlite/probe.js';
import { prepareSchema } from './sqlite/schema.js';

/** Rows fetched at a time: results carry raw samples, and a connection that iterates cannot write. */
const PAGE_ROWS: Readonly<Record<Detail, number>> = { head: 1024, row: 64, full: 32 };

const COLUMNS: Readonly<Record<Detail, string>> = {
  head: 'position, head',
  row: 'position, head, row_json AS row',
  full: 'position, head, row_json AS row, raw_json AS raw',
};

export interface SqliteOptions {
  /** Largest size of the file; null = as large as the disk allows. */
  readonly maxBytes?: number | null;
  /** What brings SQLite; null = what this machine has. */
  readonly library?: Library | null;
}

interface Stored {
  readonly position: number;
  readonly head: string;
  /** null for facts that are no results. */
  readonly row?: string | null;
  readonly raw?: string | null;
}

type Page = Statement<[number, number, number], Stored>;

/**
 * The log in one SQLite file: write-ahead log with a sync for every append, so that what was acknowledged
 * survives `kill -9` and a power cut. One process at a time owns the file. A result is stored in three parts, so that who
 * asks for its head or its row does not read the rest.
 */
export class SqliteLog implements Log {
  readonly #path: string;
  readonly deposed: AbortSignal = new AbortController().signal;
  readonly #database: Database;
  readonly #appended = new ChangeSignal();
  readonly #end: Statement<[], { readonly position: number }>;
  readonly #insert: Statement<[number, string | null, string, string | null, string | null]>;
  readonly #known: Statement<[string], unknown>;
  readonly #pages: Readonly<Record<Detail, Page>>;

  /** @throws FailureError: the file cannot be opened, is in use, is no log, or was written by a newer release. */
  constructor(path: string, options: SqliteOptions = {}) {
    this.#path = path;
    this.#database = open(path, options);
    this.#end = this.#database.prepare('SELECT coalesce(max(position), 0) AS position FROM facts');
    this.#insert = this.#database.prepare(
      'INSERT INTO facts (position, trial_id, head, row_json, raw_json) VALUES (?, ?, ?, ?, ?)',
    );
    this.#known = this.#database.prepare('SELECT 1 FROM facts WHERE trial_id = ?');
    const page = (detail: Detail): Page =>
      this.#database.prepare(
        `SELECT ${COLUMNS[detail]} FROM facts WHERE position > ? AND position <= ? ORDER BY position LIMIT ?`,
      );
    this.#pages = { head: page('head'), row: page('row'), full: page('full') };
  }

  async end(): Promise<number> {
    return this.#position();
  }

  async append(facts: readonly Fact[], expected: number): Promise<AppendOutcome> {
    const write = (): AppendOutcome => {
      let position = this.#position();
      if (position !== expected) return { appended: false, position };
      for (const fact of facts) {
        const trial = trialOf(fact);
        if (trial !== null && this.#known.get(trial) !== undefined) continue;
        position += 1;
        this.#insert.run(position, trial, ...partsOf(fact));
      }
      return { appended: true, position };
    };
    let outcome: AppendOutcome;
    try {
      outcome = this.#database.transaction(write);
    } catch (error) {
      throw explain(error, this.#path);
    }
    this.#appended.notify();
    return outcome;
  }

  read<D extends Detail>(after: number, detail: D): AsyncGenerator<EntryAt<D>> {
    return readEntries(this.#source(detail), after);
  }

  follow<D extends Detail>(after: number, signal: AbortSignal, detail: D): AsyncGenerator<EntryAt<D>> {
    return followEntries(this.#source(detail), after, signal, this.#appended);
  }

  get<D extends Detail>(position: number, detail: D): Promise<EntryAt<D>> {
    return getEntry(this.#source(detail), position);
  }

  async claim(): Promise<void> {}

  async probe(bytes: number): Promise<void> {
    try {
      probe(this.#database, bytes);
    } catch (error) {
      throw explain(error, this.#path);
    }
  }

  async close(): Promise<void> {
    this.#database.close();
    this.#appended.notify();
  }

  #position(): number {
    return this.#end.get()?.position ?? 0;
  }

  #source<D extends Detail>(detail: D): Source<EntryAt<D>> {
    const name = `the log ${this.#path}`;
    const check = (): void => {
      if (!this.#database.open) throw closedError(name);
    };
    return {
      name,
      end: async () => {
        check();
        return this.#position();
      },
      entries: (after, end) => this.#entries(after, end, detail, check),
    };
  }

  *#entries<D extends Detail>(
    after: number,
    end: number,
    detail: D,
    check: () => void,
  ): Generator<EntryAt<D>> {
    let position = after;
    while (position < end) {
      check();
      const rows = this.#page(detail, position, end);
      // Fewer than there should be: whoever counts them says so.
      if (rows.length === 0) return;
      // TypeScript does not narrow a type parameter by a value.
      for (const row of rows) yield new StoredEntry(row) as EntryAt<D>;
      position = rows.at(-1)?.position ?? end;
    }
  }

  #page(detail: Detail, after: number, end: number): Stored[] {
    try {
      return this.#pages[detail].all(after, end, PAGE_ROWS[detail]);
    } catch (error) {
      throw explain(error, this.#path);
    }
  }
}

/** An entry as it is stored: what nobody asks for is not parsed. */
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

function open(path: string, { maxBytes = null, library = null }: SqliteOptions): Database {
  let database: Database | null = null;
  try {
    if (path !== ':memory:') mkdirSync(dirname(path), { recursive: true });
    database = new Database(path, library);
    // Exclusive: a second coordinator on the same file would hand out the same work.
    database.exec('PRAGMA locking_mode = EXCLUSIVE');
    database.exec('PRAGMA journal_mode = WAL');
    database.exec('PRAGMA synchronous = FULL');
    if (maxBytes !== null) {
      const page = database.prepare<[], { page_size: number }>('PRAGMA page_size').get();
      const pages = Math.floor(maxBytes / (page?.page_size ?? maxBytes));
      database.exec(`PRAGMA max_page_count = ${Math.max(1, pages)}`);
    }
    prepareSchema(database, path);
    return database;
  } catch (error) {
    database?.close();
    throw explain(error, path);
  }
}

/** SQLite's codes → one sentence and what to do. The transaction has been rolled back by then. */
function explain(error: unknown, path: string): unknown {
  if (!(error instanceof SqliteError)) {
    if (!(error instanceof Error) || error instanceof FailureError) return error;
    return new FailureError(
      failure('internal', `The log ${path} cannot be opened: ${error.message}.`, {
        hint: 'Choose a folder that this user may write to.',
      }),
    );
  }
  const cause = { cause: error };
  if (error.problem === 'full') {
    const hint =
      'Free space there; nothing was half-written, and the result is kept by its agent until then.';
    return new FailureError(
      failure('disk-full', `The disk that holds the log ${path} is full.`, { hint }),
      cause,
    );
  }
  if (error.problem === 'busy') {
    const hint = 'Stop the other one, or choose another file.';
    return new FailureError(
      failure('internal', `The log ${path} is in use by another process.`, { hint }),
      cause,
    );
  }
  if (error.problem === 'not-a-database' || error.problem === 'corrupt') {
    const hint = 'Move it away and start with an empty log, or choose another file.';
    return new FailureError(failure('internal', `The file ${path} is not a readable log.`, { hint }), cause);
  }
  const hint = 'Look at the disk and at the permissions of the folder.';
  return new FailureError(
    failure('internal', `The log ${path} cannot be used: ${error.message}.`, { hint }),
    cause,
  );
}
