import { existsSync } from 'node:fs';
import type { ResultRecord } from '../../core/result/result.js';
import { usageError } from '../exit.js';
import { openWhole } from '../log/log.js';
import { requestIn, type StoredRun } from './run-folder.js';

/**
 * Reads the newest sweep that has results from a log of a run or a coordinator: a file, or the address of
 * another one.
 * @throws CommandError (2) where there is none.
 */
export async function readLogFile(path: string): Promise<StoredRun> {
  const { documents, records } = await readWhole(path);
  const sweep = records.at(-1)?.sweep;
  if (sweep === undefined)
    throw usageError(`${path} has no results`, 'Name a log.sqlite of a run, or of a coordinator.');
  const request = requestIn(documents.get(sweep.id) ?? null, sweep.name);
  return { records: records.filter((record) => record.sweep.id === sweep.id), request };
}

/** @returns every record of a log, whatever sweep it is of, and the documents of its sweeps. */
export async function readWhole(path: string): Promise<{
  readonly documents: ReadonlyMap<string, string>;
  readonly records: readonly ResultRecord[];
}> {
  const documents = new Map<string, string>();
  const records: ResultRecord[] = [];
  const log = await openWhole(path);
  try {
    for await (const { fact } of log.read(0, 'full')) {
      if (fact.fact === 'SweepSubmitted') documents.set(fact.sweepId, fact.document);
      if (fact.fact === 'ResultRecorded') records.push(fact.record);
    }
  } finally {
    await log.close();
  }
  return { documents, records };
}

/** @returns whether a word names a log: a file that is there, or an address. */
export function isLog(word: string): boolean {
  return /^(postgres(ql)?|nats):/.test(word) || (word.endsWith('.sqlite') && existsSync(word));
}
