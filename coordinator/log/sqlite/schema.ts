import { failed } from '../../../core/errors.js';
import type { Database } from './database.js';

/** Raised when the tables change in a way that another release would misread. */
const SQLITE_SCHEMA_VERSION = 1;

/** Makes the tables of a new file. @throws FailureError for a file of another schema version */
export function prepareSchema(database: Database, path: string): void {
  database.transaction(() => {
    database.exec('CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT');
    const stored = database
      .prepare<[], { value: number }>("SELECT value FROM meta WHERE key = 'schema'")
      .get();
    const version = stored?.value ?? 0;
    if (version === SQLITE_SCHEMA_VERSION) return;
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
         position INTEGER PRIMARY KEY, trial_id TEXT UNIQUE, head TEXT NOT NULL, row_json TEXT, raw_json TEXT, chain TEXT NOT NULL
       ) STRICT`,
    );
    database.prepare("INSERT INTO meta (key, value) VALUES ('schema', ?)").run(SQLITE_SCHEMA_VERSION);
  });
}
