import type { Database as Connection } from 'better-sqlite3';

/**
 * Writes so many bytes for good and takes them away again, beside the facts: the disk and the size that the file may have
 * both take part. A kill in between leaves a row that nobody reads and the next try replaces.
 * @throws SqliteError as an append would.
 */
export function probe(database: Connection, bytes: number): void {
  database
    .transaction(() => {
      database.exec('CREATE TABLE IF NOT EXISTS probe (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT');
      database.prepare('INSERT OR REPLACE INTO probe (id, bytes) VALUES (1, zeroblob(?))').run(bytes);
    })
    .immediate();
  database.exec('DELETE FROM probe');
}
