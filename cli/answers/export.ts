import { closeSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { type BasicType, fileWriter, ParquetWriter, schemaFromColumnData } from 'hyparquet-writer';
import type { AnswerRecord } from '../../core/quality/answers/record.js';
import { runLines } from '../../core/ranking/data.js';
import { csvLines } from '../../report/csv.js';
import { printNext } from '../output/print.js';
import { outputPath } from '../single/output-path.js';
import { type AnswerColumn, columnsFor, exportedRecord } from './columns.js';
import type { Answer, Answers } from './read.js';

const NONE = 'none';
/** A text of Python. */
const python = (value: number | boolean | null): string => {
  if (value === null) return 'None';
  return typeof value === 'boolean' ? (value ? 'True' : 'False') : String(value);
};

/** What was said, as `resps` has it: one list for each request. */
function responses({ options, samples, answer }: AnswerRecord): unknown[] {
  if (options !== null)
    return options.map(({ logProbability, greedy }) => [[python(logProbability), python(greedy ?? null)]]);
  return [samples?.map((one) => one.answer) ?? [answer ?? '']];
}

/**
 * Writes an answer as lm-evaluation-harness's `--log_samples` does: a line for each filter, with the scores
 * that it has. Texts of prompts and the records of items are not kept here, so `doc` has the item's id and
 * groups, and `arguments` is empty; the hashes are those of the harness.
 */
function lmEvalSamples({ record }: Answer): object[] {
  const hash = (digest: string | undefined) => digest?.replace(/^sha256:/, '') ?? null;
  const { readings = { '': record.extracted ?? record.answer ?? '' }, options, right, references } = record;
  const number = Number(record.item);
  const target = right === null ? references : right;
  return Object.entries(readings).map(([name, read]) => {
    const suffix = name === '' ? '' : `,${name}`;
    const scores = Object.entries(record.scores).flatMap(([score, value]) => {
      const [metric = score, filter = ''] = score.split(',');
      return (filter === '' ? '' : `,${filter}`) === suffix ? [[metric, value] as const] : [];
    });
    const answers = responses(record);
    return {
      doc_id: Number.isSafeInteger(number) ? number : record.index,
      doc: { id: record.item, ...record.groups },
      target: String(target.length === 1 ? target[0] : JSON.stringify(target)),
      arguments: {},
      resps: answers,
      filtered_resps: options === null ? [read] : answers.map((one) => (one as unknown[])[0]),
      filter: name === '' ? NONE : name,
      metrics: scores.map(([metric]) => metric),
      doc_hash: hash(record.docDigest),
      prompt_hash: hash(record.promptDigest),
      ...Object.fromEntries(scores),
    };
  });
}

/** The formats of files. */
type ExportFormat = 'jsonl' | 'csv' | 'parquet' | 'trec' | 'lm-eval';

/** Answers that are written together: a row group of Parquet. */
const AT_ONCE = 4096;

/**
 * Writes answers as they are read. A file is whole, or is not there.
 * @param path null = stdout.
 * @returns how many.
 */
export async function exportAnswers(
  answers: Answers,
  format: ExportFormat,
  path: string | null,
  joined: Parameters<typeof columnsFor>[1],
): Promise<number> {
  const columns = format === 'csv' || format === 'parquet' ? await columnsFor(answers, joined) : [];
  if (path === null) {
    return await lines(answers, textOf(format, columns), printNext);
  }
  const whole = outputPath(path, true);
  const draft = `${whole}.new`;
  try {
    const count =
      format === 'parquet'
        ? await parquet(answers, columns, draft)
        : await toFile(answers, textOf(format, columns), draft);
    renameSync(draft, whole);
    return count;
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}

async function toFile(answers: Answers, as: AsText, path: string): Promise<number> {
  const file = openSync(path, 'w');
  try {
    return await lines(answers, as, async (text) => {
      const bytes = Buffer.from(text);
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
    });
  } finally {
    closeSync(file);
  }
}

/** What stands before all answers, and what each becomes. */
interface AsText {
  readonly head: string;
  readonly textOf: (answer: Answer) => string;
}

function textOf(format: ExportFormat, columns: readonly AnswerColumn[]): AsText {
  if (format === 'trec') return { head: '', textOf: trecLines };
  if (format === 'lm-eval') return { head: '', textOf: sampleLines };
  if (columns.length === 0)
    return { head: '', textOf: (answer) => `${JSON.stringify(exportedRecord(answer))}\n` };
  return {
    head: csvLines([columns.map(({ name }) => name)]),
    textOf: (answer) => csvLines([columns.map(({ cellOf }) => cellOf(answer))]),
  };
}

const sampleLines = (answer: Answer): string =>
  lmEvalSamples(answer)
    .map((one) => `${JSON.stringify(one)}\n`)
    .join('');

/** A run as trec_eval reads it, named by row and task; answers that are no rankings have none. */
function trecLines({ of, record: { task, item, ranking } }: Answer): string {
  if (ranking === undefined) return '';
  const list = ranking.ids.map((id, i) => ({ id, score: ranking.scores[i] ?? -i }));
  return runLines(item, list, `${of.number}/${task}`);
}

async function lines(
  answers: Answers,
  { head, textOf }: AsText,
  write: (text: string) => Promise<void>,
): Promise<number> {
  let count = 0;
  if (head !== '') await write(head);
  for await (const answer of answers.answersOf()) {
    count += 1;
    await write(textOf(answer));
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
  for await (const answer of answers.answersOf()) {
    count += 1;
    rows.push(columns.map(({ cellOf }) => cellOf(answer)));
    if (rows.length < AT_ONCE) continue;
    await writer.write({ columnData: columnData(rows) });
    rows = [];
  }
  if (rows.length > 0) await writer.write({ columnData: columnData(rows) });
  await writer.finish();
  return count;
}
