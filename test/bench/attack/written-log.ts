import type { Fact } from '../../../coordinator/log/log.js';
import { SqliteLog } from '../../../coordinator/log/sqlite.js';
import type { ResultRecord } from '../../../core/result/result.js';

type Written =
  | { readonly fact: 'SweepSubmitted'; readonly sweepId: string; readonly document: string }
  | { readonly fact: 'ResultRecorded'; readonly record: ResultRecord };

/**
 * Writes a log past every check of a coordinator: as another release left it, or somebody who could write to
 * it.
 */
export async function writeLog(path: string, facts: readonly Written[]): Promise<void> {
  const log = new SqliteLog(path);
  const rest = { models: [], submitter: 'bench', at: '2025-01-01T00:00:00Z' };
  await log.append(
    facts.map((fact) => (fact.fact === 'SweepSubmitted' ? { ...fact, ...rest } : fact) as Fact),
    0,
  );
  await log.close();
}
