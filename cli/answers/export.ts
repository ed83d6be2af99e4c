import { once } from 'node:events';
import { closeSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { type BasicType, fileWriter, ParquetWriter, schemaFromColumnData } from 'hyparquet-writer';
import { csvLines } from '../../report/csv.js';
import { outputPath } from '../single/output-path.js';
import { type AnswerColumn, columnsFor, exportedRecord } from './columns.js';
import type { Answers } from './read.js';

/** Answers that are written together: a row group of Parquet. */
const AT_ONCE = 4096;

/**
 * Writes answers as they are read. A file is whole, or is not there.
 * @param path null = stdout.
 * @returns how many.
 */
export async function exportAnswers(
  answers: Answers,
  format: 'jsonl' | 'csv' | 'parquet',
  path: string | null,
  joined: Parameters<typeof columnsFor>[1],
): Promise<number> {
  const columns = format === 'jsonl' ? [] : await columnsFor(answers, joined);
  if (path === null) {
    return await lines(answers, columns, async (text) => {
      if (!process.stdout.write(text)) await once(process.stdout, 'drain');
    });
  }
  const whole = outputPath(path, true);
  const draft = `${whole}.new`;
  try {
    const count =
      format === 'parquet' ? await parquet(answers, columns, draft) : await toFile(answers, columns, draft);
    renameSync(draft, whole);
    return count;
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}

async function toFile(answers: Answers, columns: readonly AnswerColumn[], path: string): Promise<number> {
  const file = openSync(path, 'w');
  try {
    return await lines(answers, columns, async (text) => {
      const bytes = Buffer.from(text);
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
    });
  } finally {
    closeSync(file);
  }
}

/** @param columns of CSV; none = JSON lines. */
async function lines(
  answers: Answers,
  columns: readonly AnswerColumn[],
  write: (text: string) => Promise<void>,
): Promise<number> {
  let count = 0;
  if (columns.length > 0) await write(csvLines([columns.map(({ name }) => name)]));
  for await (const answer of answers.each()) {
    count += 1;
    const json = () => `${JSON.stringify(exportedRecord(answer))}\n`;
    await write(columns.length === 0 ? json() : csvLines([columns.map(({ of }) => of(answer))]));
  }
  return count;
}

const TYPES: Readonly<Record<AnswerColumn['kind'], BasicType>> = {
  text: 'STRING',
  integer: 'INT32',
  number: 'DOUBLE',
};

async function parquet(answers: Answers, columns: readonly AnswerColumn[], path: string): Promise<number> {
  const columnData = (rows: readonly unknown[][]) =>
    columns.map(({ name, kind }, i) => ({
      name,
      type: TYPES[kind],
      nullable: true,
      data: rows.map((row) => row[i] ?? null),
    }));
  const schema = schemaFromColumnData({ columnData: columnData([]) });
  const writer = new ParquetWriter({ writer: fileWriter(path), schema, createdBy: 'ridgepoint' });
  let [count, rows] = [0, [] as unknown[][]];
  for await (const answer of answers.each()) {
    count += 1;
    rows.push(columns.map(({ of }) => of(answer)));
    if (rows.length < AT_ONCE) continue;
    await writer.write({ columnData: columnData(rows) });
    rows = [];
  }
  if (rows.length > 0) await writer.write({ columnData: columnData(rows) });
  await writer.finish();
  return count;
}
