import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { FailureError, failed } from '../../core/errors.js';
import { chainOf, type Link } from './chain.js';
import { partsOf } from './detail.js';
import { type Candidate, checkTerm, OwnTerm, type Term } from './leadership.js';
import {
  type AppendOutcome,
  type Detail,
  type Durability,
  type EntryAt,
  type Fact,
  type Log,
  type Snapshots,
  trialOf,
} from './log.js';
import { closedError, EntryReader, type Source } from './reading.js';
import { SnapshotFile } from './snapshot-file.js';
import { Database, SqliteError, type Statement } from './sqlite/database.js';
import type { Library } from './sqlite/library.js';
import { keptNodes } from './sqlite/nodes.js';
import { probe } from './sqlite/probe.js';
import { prepareSchema } from './sqlite/schema.js';
import { type Datasync, WalSync } from './sqlite/sync.js';
import { COLUMNS, PAGE_ROWS, type Stored, storedEntry } from './stored.js';

export interface SqliteOptions {
  /** Largest size of the file; null = as large as the disk allows. */
  readonly maxBytes?: number | null;
  /** What brings SQLite; null = what this machine has. */
  readonly library?: Library | null;
  /** How the disk is told to keep what was written; left out = fdatasync. */
  readonly datasync?: Datasync;
}

type Page = Statement<[number, number, number], Stored>;

/**
 * The log in one SQLite file: write-ahead log with a sync for every append (sqlite/sync.ts), so that what was
 * acknowledged survives `kill -9` and a power cut. One process at a time owns the file. A result is stored in
 * three parts, so that who asks for its head or its row does not read the rest.
 */
export class SqliteLog extends EntryReader implements Log {
  readonly snapshots: Snapshots | null;
  readonly #path: string;
  readonly #database: Database;
  readonly #end: Statement<[], { readonly position: number }>;
  readonly #insert: Statement<[number, string | null, string, string | null, string | null, string]>;
  readonly #links: Statement<[number, number], Stored & { readonly chain: string | null }>;
  /** Null for a log in memory. */
  readonly #wal: WalSync | null;
  /** Last entry that is on the disk: nobody reads what may still vanish. */
  #synced: number;
  /** Checksum of the last entry; null = it has none. */
  #chain: string | null;
  readonly #pages: Readonly<Record<Detail, Page>>;

  /**
   * @throws FailureError: the file cannot be opened, is in use, is no log, or was written by another release.
   */
  constructor(path: string, options: SqliteOptions = {}) {
    super();
    this.#path = path;
    this.snapshots = path === ':memory:' ? null : new SnapshotFile(`${path}.snapshot`);
    [this.#database, this.#wal] = open(path, options);
    this.#end = this.#database.prepare('SELECT coalesce(max(position), 0) AS position FROM facts');
    this.#insert = this.#database.prepare(
      `INSERT INTO facts (position, trial_id, head, row_json, raw_json, chain) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (trial_id) DO NOTHING`,
    );
    this.#links = this.#database.prepare(
      `SELECT ${COLUMNS.full}, chain FROM facts WHERE position > ? ORDER BY position LIMIT ?`,
    );
    this.#chain = this.#lastChain();
    const page = (detail: Detail): Page =>
      this.#database.prepare(
        `SELECT ${COLUMNS[detail]} FROM facts WHERE position > ? AND position <= ? ORDER BY position LIMIT ?`,
      );
    this.#pages = { head: page('head'), row: page('row'), full: page('full') };
    this.#synced = this.#position();
  }

  async end(): Promise<number> {
    return this.#synced;
  }

  async append(facts: readonly Fact[], expected: number, term?: Term): Promise<AppendOutcome> {
    if (term !== undefined) checkTerm(term);
    const write = (): AppendOutcome & { readonly chain: string | null } => {
      let position = this.#position();
      let chain = this.#chain;
      if (position !== expected) return { appended: false, position, chain };
      for (const fact of facts) {
        const next = position + 1;
        const content = partsOf(fact);
        const link = chainOf(chain, { first: next, last: next, content });
        if (this.#insert.run(next, trialOf(fact), ...content, link) > 0) [position, chain] = [next, link];
      }
      return { appended: true, position, chain };
    };
    try {
      const { chain, ...outcome } = this.#database.transaction(write);
      this.#chain = chain;
      if (!outcome.appended) return outcome;
      await this.#wal?.sync();
      this.#synced = Math.max(this.#synced, outcome.position);
      this.appended.notify();
      return outcome;
    } catch (error) {
      throw explain(error, this.#path);
    }
  }

  async *links(after: number): AsyncGenerator<Link> {
    for (let position = after; ; ) {
      const rows = this.#linksAfter(position);
      if (rows.length === 0) return;
      for (const { position: at, head, row = null, raw = null, chain } of rows) {
        yield { first: at, last: at, content: [head, row, raw], chain };
        position = at;
      }
    }
  }

  async lead(candidate: Candidate): Promise<Term> {
    const nodes = keptNodes(this.#database);
    return new OwnTerm(candidate, nodes.before, async (names) => {
      nodes.keep(names);
      // The append that comes next says what is wrong with the disk.
      await this.#wal?.sync().catch(() => undefined);
    });
  }

  async probe(bytes: number): Promise<void> {
    try {
      probe(this.#database, bytes);
      await this.#wal?.sync();
    } catch (error) {
      throw explain(error, this.#path);
    }
  }

  async durability(): Promise<Durability> {
    return {
      level: 'synced',
      sentence: 'Each append is synced to the disk of this machine before it is acknowledged.',
    };
  }

  async close(): Promise<void> {
    this.#database.close();
    this.appended.notify();
    await this.#wal?.close();
  }

  #position(): number {
    return this.#end.get()?.position ?? 0;
  }

  #lastChain(): string | null {
    return (
      this.#database
        .prepare<[], { chain: string | null }>('SELECT chain FROM facts ORDER BY position DESC LIMIT 1')
        .get()?.chain ?? null
    );
  }

  #linksAfter(position: number): (Stored & { readonly chain: string | null })[] {
    if (!this.#database.open) throw closedError(`the log ${this.#path}`);
    try {
      return this.#links.rows(position, PAGE_ROWS.full);
    } catch (error) {
      throw explain(error, this.#path);
    }
  }

  protected source<D extends Detail>(detail: D): Source<EntryAt<D>> {
    const name = `the log ${this.#path}`;
    const check = (): void => {
      if (!this.#database.open) throw closedError(name);
    };
    return {
      name,
      end: async () => {
        check();
        return this.#synced;
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
      for (const row of rows) yield storedEntry<D>(row);
      position = rows.at(-1)?.position ?? end;
    }
  }

  #page(detail: Detail, after: number, end: number): Stored[] {
    try {
      return this.#pages[detail].rows(after, end, PAGE_ROWS[detail]);
    } catch (error) {
      throw explain(error, this.#path);
    }
  }
}

function open(
  path: string,
  { maxBytes = null, library = null, datasync }: SqliteOptions,
): [Database, WalSync | null] {
  let database: Database | null = null;
  try {
    if (path !== ':memory:') mkdirSync(dirname(path), { recursive: true });
    database = new Database(path, library);
    // Exclusive: a second coordinator on the same file would hand out the same work.
    database.exec('PRAGMA locking_mode = EXCLUSIVE');
    database.exec('PRAGMA journal_mode = WAL');
    database.exec('PRAGMA synchronous = NORMAL');
    // Copied into the file, and synced there, every 16 MB of 4 kB pages: whoever writes waits for that.
    database.exec('PRAGMA wal_autocheckpoint = 4096');
    if (maxBytes !== null) {
      const page = database.prepare<[], { page_size: number }>('PRAGMA page_size').get();
      const pages = Math.floor(maxBytes / (page?.page_size ?? maxBytes));
      database.exec(`PRAGMA max_page_count = ${Math.max(1, pages)}`);
    }
    prepareSchema(database, path);
    return [database, path === ':memory:' ? null : new WalSync(path, datasync)];
  } catch (error) {
    database?.close();
    throw explain(error, path);
  }
}

/** SQLite's codes → one sentence and what to do. The transaction has been rolled back by then. */
function explain(error: unknown, path: string): unknown {
  if (!(error instanceof SqliteError)) {
    if (!(error instanceof Error) || error instanceof FailureError) return error;
    return failed(
      'internal',
      `The log ${path} cannot be opened: ${error.message}.`,
      'Choose a folder that this user may write to.',
    );
  }
  const cause = { cause: error };
  if (error.problem === 'full') {
    const hint =
      'Free space there; nothing was half-written, and the result is kept by its agent until then.';
    return failed('disk-full', `The disk that holds the log ${path} is full.`, hint, cause);
  }
  if (error.problem === 'busy') {
    const hint = 'Stop the other one, or choose another file.';
    return failed('internal', `The log ${path} is in use by another process.`, hint, cause);
  }
  if (error.problem === 'not-a-database' || error.problem === 'corrupt') {
    const hint = 'Move it away and start with an empty log, or choose another file.';
    return failed('internal', `The file ${path} is not a readable log.`, hint, cause);
  }
  const hint = 'Look at the disk and at the permissions of the folder.';
  return failed('internal', `The log ${path} cannot be used: ${error.message}.`, hint, cause);
}
