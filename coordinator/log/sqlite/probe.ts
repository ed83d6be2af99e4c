import type { Database } from './database.js';

/**
 * Writes so many bytes for good and takes them away again, beside the facts: the disk and the size that the
 * file may have both take part. A kill in between leaves a row that nobody reads and the next try replaces.
 * @throws SqliteError as an append would.
 */
export function probe(database: Database, bytes: number): void {
  database.transaction(() => {
    database.exec('CREATE TABLE IF NOT EXISTS probe (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT');
    database.prepare('INSERT OR REPLACE INTO probe (id, bytes) VALUES (1, zeroblob(?))').run(bytes);
  });
  database.exec('DELETE FROM probe');
}
