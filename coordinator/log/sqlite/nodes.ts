import type { Database } from './database.js';

/**
 * Which nodes may hold leases, beside the facts: a coordinator that was killed and started again waits for
 * them. On a full disk nothing is kept; then a trial that outlives the coordinator may be repeated.
 */
export function keptNodes(database: Database): {
  readonly before: readonly string[];
  keep(nodes: readonly string[]): void;
} {
  let kept: ReadonlySet<string> = new Set();
  const keeping = (nodes: readonly string[]): void => {
    const names = new Set(nodes);
    try {
      database.transaction(() => {
        const add = database.prepare<[string]>('INSERT INTO nodes (name) VALUES (?)');
        const remove = database.prepare<[string]>('DELETE FROM nodes WHERE name = ?');
        for (const name of names) if (!kept.has(name)) add.run(name);
        for (const name of kept) if (!names.has(name)) remove.run(name);
      });
      kept = names;
    } catch {
      // The append that comes next says what is wrong with the file.
    }
  };
  try {
    database.exec('CREATE TABLE IF NOT EXISTS nodes (name TEXT PRIMARY KEY) STRICT');
    const rows = database.prepare<[], { readonly name: string }>('SELECT name FROM nodes').rows();
    const before = rows.map(({ name }) => name);
    kept = new Set(before);
    return { before, keep: keeping };
  } catch {
    return { before: [], keep: keeping };
  }
}
