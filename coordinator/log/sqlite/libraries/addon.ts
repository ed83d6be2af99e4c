import { createRequire } from 'node:module';
import type BetterSqlite3 from 'better-sqlite3';
import type { Library, LibraryFile, SqliteProblem } from '../library.js';

/** Beginnings of extended codes: SQLITE_BUSY_SNAPSHOT is a SQLITE_BUSY. */
const PROBLEMS: readonly (readonly [string, SqliteProblem])[] = [
  ['SQLITE_BUSY', 'busy'],
  ['SQLITE_CORRUPT', 'corrupt'],
  ['SQLITE_FULL', 'full'],
  ['SQLITE_NOTADB', 'not-a-database'],
];

/** @returns the addon better-sqlite3, for Node.js without an SQLite of its own; null where it is missing or was compiled for another release. */
export function findAddon(): Library | null {
  let Database: typeof BetterSqlite3;
  try {
    Database = createRequire(import.meta.url)('better-sqlite3');
    // Only now its native part is loaded.
    new Database(':memory:').close();
  } catch {
    return null;
  }
  return {
    // Its types know how many values a statement takes from its type parameter alone.
    open: (path) => new Database(path, { timeout: 0 }) as unknown as LibraryFile,
    problemOf(error) {
      if (!(error instanceof Database.SqliteError)) return null;
      return PROBLEMS.find(([code]) => error.code.startsWith(code))?.[1] ?? 'other';
    },
  };
}
