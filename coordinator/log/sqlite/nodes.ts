import type { Database } from './database.js';

/**
 * Which nodes may hold leases, beside the facts: a coordinator that was killed and started again waits for them. On a full disk nothing is
 * kept; then a trial that outlives the coordinator may be repeated.
 */
export function keptNodes(database: Database): {
  readonly before: readonly string[];
  keep(nodes: readonly string[]): void;
} {
  const keeping = (nodes: readonly string[]): void => {
    try {
      database.transaction(() => {
        database.exec('DELETE FROM nodes');
        const add = database.prepare<[string]>('INSERT INTO nodes (name) VALUES (?)');
        for (const name of nodes) add.run(name);
      });
    } catch {
      // The append that comes next says what is wrong with the file.
    }
  };
  try {
    database.exec('CREATE TABLE IF NOT EXISTS nodes (name TEXT PRIMARY KEY) STRICT');
    const rows = database.prepare<[], { readonly name: string }>('SELECT name FROM nodes').all();
    return { before: rows.map(({ name }) => name), keep: keeping };
  } catch {
    return { before: [], keep: keeping };
  }
}
