import { Database } from '../../../coordinator/log/sqlite/database.js';
import type { ResultRecord } from '../../../core/result/result.js';

/** Facts as the first schema of the SQLite log kept them, written past every check. */
type OldFact =
  | { readonly fact: 'SweepSubmitted'; readonly sweepId: string; readonly document: string }
  | { readonly fact: 'ResultRecorded'; readonly record: ResultRecord };

/** Writes a log of schema 1 by hand: as an early release left it, or somebody who could write to it. */
export function writeOldLog(path: string, facts: readonly OldFact[]): void {
  const database = new Database(path);
  database.exec('CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT');
  database.exec("INSERT INTO meta (key, value) VALUES ('schema', 1)");
  database.exec(
    'CREATE TABLE entries (position INTEGER PRIMARY KEY, trial_id TEXT UNIQUE, fact TEXT NOT NULL) STRICT',
  );
  const insert = database.prepare('INSERT INTO entries (position, trial_id, fact) VALUES (?, ?, ?)');
  facts.forEach((fact, index) => {
    const trial = fact.fact === 'ResultRecorded' ? fact.record.trialId : null;
    const rest = { models: [], submitter: 'bench', at: '2025-01-01T00:00:00Z' };
    const whole = fact.fact === 'SweepSubmitted' ? { ...fact, ...rest } : fact;
    insert.run(index + 1, trial, JSON.stringify(whole));
  });
  database.close();
}
