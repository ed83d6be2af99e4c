import type { Library, LibraryFile, SqliteProblem } from '../library.js';

/** `node:sqlite`, of which the types of Node.js 20 know nothing. */
export interface NodeSqlite {
  readonly DatabaseSync: new (path: string) => LibraryFile;
}

/** Primary result codes, from sqlite3.h. */
const PROBLEMS: Readonly<Record<number, SqliteProblem>> = {
  5: 'busy',
  11: 'corrupt',
  13: 'full',
  26: 'not-a-database',
};

/** @returns the SQLite inside Node.js, from 22.13 on without a flag; null where this Node.js has none. */
export function findBuiltIn(): Library | null {
  const found = withoutExperimentalWarning(() => process.getBuiltinModule('node:sqlite'));
  return found === undefined ? null : libraryOf(found as NodeSqlite);
}

/** @returns what the log uses of `node:sqlite`, or of a package that is called the same way. */
export function libraryOf({ DatabaseSync }: NodeSqlite): Library {
  return {
    open: (path) => new DatabaseSync(path),
    problemOf(error) {
      const { code, errcode } = error as { readonly code?: unknown; readonly errcode?: unknown };
      if (code !== 'ERR_SQLITE_ERROR' || typeof errcode !== 'number') return null;
      // The extended code has the primary one in its lowest byte.
      return PROBLEMS[errcode & 0xff] ?? 'other';
    },
  };
}

/**
 * Node.js 22 and 24 call the module experimental on stderr, in every process that opens it; what we use of it
 * has not changed since.
 */
function withoutExperimentalWarning<T>(work: () => T): T {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return work();
  } finally {
    process.emitWarning = emitWarning;
  }
}
