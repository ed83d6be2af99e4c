import { failed } from '../../../core/errors.js';
import type { Database } from './database.js';

/** Raised when the tables change in a way that an older Ridgepoint would misread. */
export const SQLITE_SCHEMA_VERSION = 2;

/** Makes the tables of a new file. @throws FailureError for a file of another schema version */
export function prepareSchema(database: Database, path: string): void {
  database.transaction(() => {
    database.exec('CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT');
    const stored = database
      .prepare<[], { value: number }>("SELECT value FROM meta WHERE key = 'schema'")
      .get();
    const version = stored?.value ?? 0;
    if (version === SQLITE_SCHEMA_VERSION) return addChain(database);
    if (version !== 0) {
      throw failed(
        'internal',
        `The log ${path} has schema version ${version}; this Ridgepoint reads ${SQLITE_SCHEMA_VERSION}.`,
        'Use the release that wrote it, or choose another file.',
      );
    }
    // What stands first in a row is read without the rest of it.
    database.exec(
      `CREATE TABLE facts (
         position INTEGER PRIMARY KEY, trial_id TEXT UNIQUE, head TEXT NOT NULL, row_json TEXT, raw_json TEXT, chain TEXT
       ) STRICT`,
    );
    database.prepare("INSERT INTO meta (key, value) VALUES ('schema', ?)").run(SQLITE_SCHEMA_VERSION);
  });
}

/** A file of before there were checksums gets the column for them; releases of before go on writing to it without. */
function addChain(database: Database): void {
  const columns = database.prepare<[], { name: string }>('PRAGMA table_info(facts)').all();
  if (columns.some(({ name }) => name === 'chain')) return;
  database.exec('ALTER TABLE facts ADD COLUMN chain TEXT');
}

/**
 * Writes so many bytes for good and takes them away again, beside the facts: the disk and the size that the file may have
 * both take part. A kill in between leaves a row that nobody reads and the next try replaces.
 * @throws SqliteError as an append would.
 */
export function probe(database: Database, bytes: number): void {
  database.transaction(() => {
    database.exec('CREATE TABLE IF NOT EXISTS probe (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT');
    database.prepare('INSERT OR REPLACE INTO probe (id, bytes) VALUES (1, zeroblob(?))').run(bytes);
  });
  database.exec('DELETE FROM probe');
}

/**
 * Which nodes may hold leases, beside the facts: a coordinator that was killed and started again waits for them. On a full disk nothing is
 * kept; then a trial that outlives the coordinator may be repeated.
 */
export function keptNodes(database: Database): {
  readonly before: readonly string[];
  keep(nodes: readonly string[]): void;
} {
  let kept: ReadonlySet<string> = new Set();
  const keeping = (nodes: readonly string[]): void => {
    const names = new Set(nodes);
    try {
      database.transaction(() => {
        const add = database.prepare<[string]>('INSERT INTO nodes (name) VALUES (?)');
        const remove = database.prepare<[string]>('DELETE FROM nodes WHERE name = ?');
        for (const name of names) if (!kept.has(name)) add.run(name);
        for (const name of kept) if (!names.has(name)) remove.run(name);
      });
      kept = names;
    } catch {
      // The append that comes next says what is wrong with the file.
    }
  };
  try {
    database.exec('CREATE TABLE IF NOT EXISTS nodes (name TEXT PRIMARY KEY) STRICT');
    const rows = database.prepare<[], { readonly name: string }>('SELECT name FROM nodes').all();
    const before = rows.map(({ name }) => name);
    kept = new Set(before);
    return { before, keep: keeping };
  } catch {
    return { before: [], keep: keeping };
  }
}
