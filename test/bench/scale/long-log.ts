import { SqliteLog } from '../../../coordinator/log/sqlite.js';
import { readSweep } from '../../../coordinator/sweeps.js';
import { sweepOf } from '../../support/synthetic-fleet.js';
import { aLease, aRecord } from '../../support/wire-records.js';

/** Facts of one append. */
const TOGETHER = 2000;
/** Of the newest results, which a start shows: they are whole. */
const WHOLE = 2000;

/**
 * Writes a log of one sweep with so many results, of which all but the newest lack what a start does not
 * read.
 */
export async function fillLongLog(path: string, results: number): Promise<void> {
  const document = sweepOf({ results, name: 'long' });
  const sweep = readSweep(document, []);
  const { sweepId } = sweep;
  const log = new SqliteLog(path);
  const at = new Date().toISOString();
  const submitted = {
    fact: 'SweepSubmitted',
    sweepId,
    document,
    models: [],
    submitter: 'bench',
    at,
  } as const;
  let { position: end } = await log.append([submitted], 0);
  for (let first = 0; first < results; first += TOGETHER) {
    const facts = Array.from({ length: Math.min(TOGETHER, results - first) }, (_, index) => {
      const position = first + index;
      const experiment = sweep.experimentAt(position, null);
      const trialId = `t.${sweepId}.${position}.m${position >> 5}.1s1.long-${experiment.id.slice(1)}`;
      const record = aRecord(
        aLease(trialId, { sweepId, position, block: position >> 5, experiment, start: 1 }),
      );
      const now = { ...record, startedAt: at, endedAt: at };
      return {
        fact: 'ResultRecorded' as const,
        record: now,
        ...(position < results - WHOLE && { json: JSON.stringify({ ...now, experiment: undefined }) }),
      };
    });
    ({ position: end } = await log.append(facts, end));
  }
  await log.close();
}
