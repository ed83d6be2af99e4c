import { failed } from '../../../core/errors.js';
import { findAddon, PACKAGE } from './libraries/addon.js';
import { findBuiltIn } from './libraries/built-in.js';
import type { Library, LibraryFile, LibraryStatement, SqliteProblem, Value } from './library.js';

/** What can bring SQLite, the preferred one first; `find` gives null where it is not on this machine. */
export const LIBRARIES: readonly { readonly name: string; readonly find: () => Library | null }[] = [
  { name: 'node:sqlite', find: findBuiltIn },
  { name: PACKAGE, find: findAddon },
];

/** @returns the first library that is there. @throws FailureError `internal` where there is none. */
export function firstLibrary(candidates: typeof LIBRARIES = LIBRARIES): Library {
  for (const { find } of candidates) {
    const found = find();
    if (found !== null) return found;
  }
  const message = `Node.js ${process.version} has no SQLite built in, and the package ${PACKAGE} is missing or does not load`;
  const hint = `Use Node.js 22.13 or newer; or run \`npm install ${PACKAGE}@1\` where Ridgepoint is installed.`;
  throw failed('internal', message, hint);
}

/** SQLite refused; the message is its own. */
export class SqliteError extends Error {
  override readonly name = 'SqliteError';
  readonly problem: SqliteProblem;
  constructor(message: string, problem: SqliteProblem, options?: ErrorOptions) {
    super(message, options);
    this.problem = problem;
  }
}

/** A prepared statement. Every call throws SqliteError for what SQLite refuses. */
export interface Statement<Values extends readonly Value[], Row = never> {
  /** @returns how many rows it has changed. */
  run(...values: Values): number;
  /** @returns the first row, undefined where there is none. */
  get(...values: Values): Row | undefined;
  rows(...values: Values): Row[];
}

/**
 * An SQLite file, whichever library opens it. One thread, one connection. Every call throws SqliteError for
 * what SQLite refuses.
 */
export class Database {
  readonly #library: Library;
  readonly #file: LibraryFile;
  #open = true;

  /** @param library null = the first that is on this machine. @throws FailureError where there is none. */
  constructor(path: string, library: Library | null = null) {
    this.#library = library ?? firstLibrary();
    this.#file = this.#call(() => this.#library.open(path));
  }

  get open(): boolean {
    return this.#open;
  }

  exec(sql: string): void {
    this.#call(() => this.#file.exec(sql));
  }

  prepare<Values extends readonly Value[], Row = never>(sql: string): Statement<Values, Row> {
    const statement: LibraryStatement = this.#call(() => this.#file.prepare(sql));
    return {
      run: (...values) => this.#call(() => Number(statement.run(...values).changes)),
      get: (...values) => this.#call(() => statement.get(...values) as Row | undefined),
      rows: (...values) => this.#call(() => statement.all(...values) as Row[]),
    };
  }

  /** Does the work in one transaction that may write from its beginning; what the work throws undoes it. */
  transaction<T>(work: () => T): T {
    this.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.exec('COMMIT');
      return result;
    } catch (error) {
      try {
        this.exec('ROLLBACK');
      } catch {
        // A full disk has rolled it back already.
      }
      throw error;
    }
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#file.close();
  }

  #call<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      const problem = this.#library.problemOf(error);
      if (problem === null) throw error;
      throw new SqliteError((error as Error).message, problem, { cause: error });
    }
  }
}
