import type { Database as Connection } from 'better-sqlite3';
import { FailureError, failure } from '../../core/errors.js';
import { partsOfJson } from './detail.js';

/** Raised when the tables change in a way that an older Ridgepoint would misread. */
export const SQLITE_SCHEMA_VERSION = 2;

/** Entries that are moved to the new table in one transaction. */
const MOVED_AT_A_TIME = 200;

/**
 * Makes the tables of a new file. In a file of version 1, whose facts stand whole in the table `entries`, the new table is
 * made beside it; `migrate` does the rest.
 * @throws FailureError for a file of a newer release
 */
export function prepareSchema(database: Connection, path: string): void {
  database
    .transaction(() => {
      database.exec('CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT');
      const version = Number(
        database.prepare("SELECT value FROM meta WHERE key = 'schema'").pluck().get() ?? 0,
      );
      if (version > SQLITE_SCHEMA_VERSION) {
        throw new FailureError(
          failure(
            'internal',
            `The log ${path} has schema version ${version}; this Ridgepoint reads up to ${SQLITE_SCHEMA_VERSION}.`,
            { hint: 'Use the release that wrote it or a newer one, or choose another file.' },
          ),
        );
      }
      if (version === SQLITE_SCHEMA_VERSION) return;
      // What stands first in a row is read without the rest of it.
      database.exec(
        `CREATE TABLE facts (
           position INTEGER PRIMARY KEY, trial_id TEXT UNIQUE, head TEXT NOT NULL, row_json TEXT, raw_json TEXT
         ) STRICT`,
      );
      database
        .prepare("INSERT OR REPLACE INTO meta (key, value) VALUES ('schema', ?)")
        .run(SQLITE_SCHEMA_VERSION);
    })
    .immediate();
}

/**
 * Moves the facts of version 1 into the table of version 2. Each transaction moves some of them, so that at any moment every
 * fact stands in one of the two: a kill in between costs nothing, and the next start goes on.
 */
export function migrate(database: Connection, path: string, inform: (sentence: string) => void): void {
  const has = database.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'entries'");
  if (has.get() === undefined) return;
  const left = Number(database.prepare('SELECT count(*) FROM entries').pluck().get());
  inform(`the log ${path} was written by an earlier release: its ${left} entries are moved to a new table`);
  const oldest = database.prepare<[number], { position: number; trial_id: string | null; fact: string }>(
    'SELECT position, trial_id, fact FROM entries ORDER BY position LIMIT ?',
  );
  const insert = database.prepare(
    'INSERT INTO facts (position, trial_id, head, row_json, raw_json) VALUES (?, ?, ?, ?, ?)',
  );
  const remove = database.prepare<[number]>('DELETE FROM entries WHERE position <= ?');
  const move = database.transaction((): boolean => {
    const rows = oldest.all(MOVED_AT_A_TIME);
    for (const { position, trial_id, fact } of rows) {
      insert.run(position, trial_id, ...partsOfJson(fact));
    }
    remove.run(rows.at(-1)?.position ?? 0);
    if (rows.length === 0) database.exec('DROP TABLE entries');
    return rows.length > 0;
  });
  while (move.immediate());
}
