import { createRequire } from 'node:module';
import type { Library } from '../library.js';
import { libraryOf, type NodeSqlite } from './built-in.js';

/**
 * `node:sqlite` as a package, for a Node.js without it: its archive holds what is compiled, for each
 * platform.
 */
export const PACKAGE = '@photostructure/sqlite';

const require = createRequire(import.meta.url);

/**
 * Gives back a file whose statements are still there: the package ends them as garbage, and their connection
 * with the last of them.
 */
const LETS_GO = 'PRAGMA journal_mode = DELETE; PRAGMA locking_mode = NORMAL; SELECT 1 FROM sqlite_schema';

/** @returns the package; null where it is missing or does not load. */
export function findAddon(): Library | null {
  try {
    const found: NodeSqlite = require('@photostructure/sqlite');
    // Only now its native part is loaded.
    new found.DatabaseSync(':memory:').close();
    const { open, problemOf } = libraryOf(found);
    return {
      problemOf,
      open(path) {
        const file = open(path);
        return {
          exec: (sql) => file.exec(sql),
          prepare: (sql) => file.prepare(sql),
          close() {
            try {
              file.exec(LETS_GO);
            } catch {
              // It never had the file, or cannot write it.
            }
            file.close();
          },
        };
      },
    };
  } catch {
    return null;
  }
}
