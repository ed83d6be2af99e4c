import { existsSync } from 'node:fs';
import type { ResultRecord } from '../../core/result/result.js';
import { parseSweep } from '../../core/sweep/parse.js';
import type { ReportRequest } from '../../report/report.js';
import { usageError } from '../exit.js';
import { openWhole } from '../log/log.js';
import { requestOf, type StoredRun } from './run-folder.js';

/**
 * Reads a log of a run or a coordinator: a file, or the address of another one.
 * @param word id of one of its sweeps, the beginning of one, or its name; left out = the newest that has results.
 * @throws CommandError (2) where it has no such sweep.
 */
export async function readLogFile(path: string, word?: string): Promise<StoredRun> {
  const { documents, records } = await readWhole(path);
  const newest = word === undefined ? records.at(-1)?.sweep : undefined;
  const named = records.findLast(
    ({ sweep }) => sweep.id.startsWith(word ?? ' ') || sweep.name === word,
  )?.sweep;
  const sweep = newest ?? named;
  if (sweep === undefined)
    throw usageError(
      word === undefined ? `${path} has no results` : `${path} has no results of a sweep ${word}`,
      'Name a log.sqlite of a run, or of a coordinator.',
    );
  const document = documents.get(sweep.id);
  const parsed = document === undefined ? null : parseSweep(document);
  const request: ReportRequest =
    parsed?.ok === true ? requestOf(parsed.sweep) : { sweepName: sweep.name, objectives: [] };
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
