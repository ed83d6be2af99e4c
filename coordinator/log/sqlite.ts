import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import Database, { type Database as Connection, SqliteError, type Statement } from 'better-sqlite3';
import { FailureError, failure } from '../../core/errors.js';
import { Arrivals } from './arrivals.js';
import { type AppendOutcome, type Fact, type Log, type LogEntry, trialOf } from './log.js';

/** Raised when the tables change in a way that an older Ridgepoint would misread. */
export const SQLITE_SCHEMA_VERSION = 1;

/** Rows fetched at a time: results carry raw samples, and a connection that iterates cannot write. */
const PAGE_ROWS = 32;

export interface SqliteOptions {
  /** Largest size of the file; null = as large as the disk allows. */
  readonly maxBytes?: number | null;
}

/**
 * The log in one SQLite file: write-ahead log with a sync for every append, so that what was acknowledged
 * survives `kill -9` and a power cut. One process at a time owns the file.
 */
export class SqliteLog implements Log {
  readonly #path: string;
  readonly #database: Connection;
  readonly #arrivals = new Arrivals();
  readonly #closed = new AbortController();
  readonly #end: Statement<[], number>;
  readonly #insert: Statement<[number, string | null, string]>;
  readonly #known: Statement<[string], number>;
  readonly #page: Statement<[number, number, number], { position: number; fact: string }>;

  /** @throws FailureError: the file cannot be opened, is in use, is no log, or was written by a newer release. */
  constructor(path: string, options: SqliteOptions = {}) {
    this.#path = path;
    this.#database = open(path, options.maxBytes ?? null);
    this.#end = this.#database.prepare<[], number>('SELECT coalesce(max(position), 0) FROM entries').pluck();
    this.#insert = this.#database.prepare('INSERT INTO entries (position, trial_id, fact) VALUES (?, ?, ?)');
    this.#known = this.#database
      .prepare<[string], number>('SELECT 1 FROM entries WHERE trial_id = ?')
      .pluck();
    this.#page = this.#database.prepare(
      'SELECT position, fact FROM entries WHERE position > ? AND position <= ? ORDER BY position LIMIT ?',
    );
  }

  async end(): Promise<number> {
    return this.#end.get() ?? 0;
  }

  async append(facts: readonly Fact[], expected: number): Promise<AppendOutcome> {
    const write = this.#database.transaction((): AppendOutcome => {
      let position = this.#end.get() ?? 0;
      if (position !== expected) return { appended: false, position };
      for (const fact of facts) {
        const trial = trialOf(fact);
        if (trial !== null && this.#known.get(trial) !== undefined) continue;
        position += 1;
        this.#insert.run(position, trial, JSON.stringify(fact));
      }
      return { appended: true, position };
    });
    let outcome: AppendOutcome;
    try {
      outcome = write.immediate();
    } catch (error) {
      throw explain(error, this.#path);
    }
    this.#arrivals.notify();
    return outcome;
  }

  async *read(after: number): AsyncGenerator<LogEntry> {
    const end = await this.end();
    yield* this.#entries(after, end);
  }

  async *follow(after: number, signal: AbortSignal): AsyncGenerator<LogEntry> {
    const stop = AbortSignal.any([signal, this.#closed.signal]);
    let position = after;
    while (!stop.aborted) {
      const end = await this.end();
      if (end <= position) {
        await this.#arrivals.wait(stop);
        continue;
      }
      for (const entry of this.#entries(position, end)) {
        if (stop.aborted) return;
        yield entry;
        position = entry.position;
      }
    }
  }

  async close(): Promise<void> {
    this.#closed.abort();
    this.#database.close();
  }

  *#entries(after: number, end: number): Generator<LogEntry> {
    let position = after;
    while (position < end && this.#database.open) {
      const rows = this.#page.all(position, end, PAGE_ROWS);
      if (rows.length === 0) return;
      for (const row of rows) {
        yield { position: row.position, fact: JSON.parse(row.fact) as Fact };
        position = row.position;
      }
    }
  }
}

function open(path: string, maxBytes: number | null): Connection {
  let database: Connection | null = null;
  try {
    if (path !== ':memory:') mkdirSync(dirname(path), { recursive: true });
    database = new Database(path, { timeout: 0 });
    // Exclusive: a second coordinator on the same file would hand out the same work.
    database.pragma('locking_mode = EXCLUSIVE');
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = FULL');
    if (maxBytes !== null) {
      const pageBytes = Number(database.pragma('page_size', { simple: true }));
      database.pragma(`max_page_count = ${Math.max(1, Math.floor(maxBytes / pageBytes))}`);
    }
    prepareSchema(database, path);
    return database;
  } catch (error) {
    database?.close();
    throw explain(error, path);
  }
}

function prepareSchema(database: Connection, path: string): void {
  database
    .transaction(() => {
      database.exec('CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT');
      const version = database.prepare("SELECT value FROM meta WHERE key = 'schema'").pluck().get();
      if (version === undefined) {
        database.prepare("INSERT INTO meta (key, value) VALUES ('schema', ?)").run(SQLITE_SCHEMA_VERSION);
        database.exec(
          'CREATE TABLE entries (position INTEGER PRIMARY KEY, trial_id TEXT UNIQUE, fact TEXT NOT NULL) STRICT',
        );
      } else if (Number(version) > SQLITE_SCHEMA_VERSION) {
        throw new FailureError(
          failure(
            'internal',
            `The log ${path} has schema version ${version}; this Ridgepoint reads up to ${SQLITE_SCHEMA_VERSION}.`,
            { hint: 'Use the release that wrote it or a newer one, or choose another file.' },
          ),
        );
      }
    })
    .immediate();
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
  if (error.code === 'SQLITE_FULL') {
    const hint =
      'Free space there; nothing was half-written, and the result is kept by its agent until then.';
    return new FailureError(
      failure('disk-full', `The disk that holds the log ${path} is full.`, { hint }),
      cause,
    );
  }
  if (error.code.startsWith('SQLITE_BUSY')) {
    const hint = 'Stop the other one, or choose another file.';
    return new FailureError(
      failure('internal', `The log ${path} is in use by another process.`, { hint }),
      cause,
    );
  }
  if (error.code === 'SQLITE_NOTADB' || error.code.startsWith('SQLITE_CORRUPT')) {
    const hint = 'Move it away and start with an empty log, or choose another file.';
    return new FailureError(failure('internal', `The file ${path} is not a readable log.`, { hint }), cause);
  }
  const hint = 'Look at the disk and at the permissions of the folder.';
  return new FailureError(
    failure('internal', `The log ${path} cannot be used: ${error.message} (${error.code}).`, { hint }),
    cause,
  );
}
