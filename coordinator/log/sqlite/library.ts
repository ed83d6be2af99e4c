/**
 * One of the libraries that bring SQLite, as far as the log uses it. Both call a file and a statement the
 * same way.
 */
export interface Library {
  /** Opens or makes a file; whoever finds it in use is told at once. */
  open(path: string): LibraryFile;
  /** @returns what SQLite refused with this error; null for one that is not SQLite's. */
  problemOf(error: unknown): SqliteProblem | null;
}

/** What the log has a sentence for; the message says the rest. */
export type SqliteProblem = 'busy' | 'corrupt' | 'full' | 'not-a-database' | 'other';

export interface LibraryFile {
  exec(sql: string): unknown;
  prepare(sql: string): LibraryStatement;
  close(): unknown;
}

/** Values are bound to `?` in their order; rows are objects by the names of columns. */
export interface LibraryStatement {
  run(...values: readonly Value[]): { readonly changes: number | bigint };
  get(...values: readonly Value[]): unknown;
  all(...values: readonly Value[]): unknown[];
}

export type Value = string | number | null;
