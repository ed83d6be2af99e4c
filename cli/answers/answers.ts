import { getOrMake } from '../../core/maps.js';
import { type AnswersMetrics, macroScore, Tally } from '../../core/quality/answers/metrics.js';
import { type OutsideScores, readOutside } from '../../core/quality/answers/outside.js';
import { askedName } from '../../core/quality/tasks/few-shot.js';
import { MOST_BYTES, readBounded } from '../../formats/bounded-file.js';
import { usageError } from '../exit.js';
import { printTable } from '../output/plain-table.js';
import { printJson, say } from '../output/print.js';
import { type Prices, readPrices } from '../prices/prices.js';
import { fourDigits, intervalText } from './cells.js';
import type { AnswersOptions } from './command.js';
import { BY_LENGTH, BY_WAY, groupOf } from './groups.js';
import { printMatrix } from './matrix.js';
import { printMeasures } from './measures.js';
import { Answers } from './read.js';

/** The version of the JSON of --metrics; fields are only ever added to it. */
const METRICS_SCHEMA = 'ridgepoint.dev/answers-metrics/v1';

/** `ridge answers`. @throws CommandError (2) for words and files that are wrong. */
export async function printAnswers(run: string, options: AnswersOptions): Promise<void> {
  const { format, output } = options;
  const asMeasures = options.measure.length > 0;
  const asMetrics = options.metrics === true || options.by !== undefined;
  if (format === 'parquet' && output === undefined)
    throw usageError('parquet is no text', 'Name a file (answers.parquet) with --output.');
  if ((asMetrics || asMeasures || options.matrix === true) && format !== 'table' && format !== 'json')
    throw usageError(`--metrics, --measure and --matrix are printed as table or json, not as ${format}`);
  const outside = options.scores === undefined ? null : outsideFrom(options.scores);
  const prices = options.prices === undefined ? null : readPrices(options.prices);
  const print = async (source: string): Promise<void> => {
    const answers = await Answers.open(source, options, { outside, prices });
    await printThem(answers, options, outside, prices);
  };
  const { coordinator } = options;
  if (coordinator === undefined) return await print(run);
  const { withFetched } = await import('../results/fetched.js');
  await withFetched({ ...options, coordinator }, run, print);
}

async function printThem(
  answers: Answers,
  options: AnswersOptions,
  outside: OutsideScores | null,
  prices: Prices | null,
): Promise<void> {
  const { format, output } = options;
  const asMetrics = options.metrics === true || options.by !== undefined;
  if (options.measure.length > 0) return await printMeasures(answers, options, outside?.columns ?? []);
  if (options.matrix === true) return await printMatrix(answers, options, prices?.currency ?? null);
  if (asMetrics) return await printMetrics(answers, options);
  if (format === 'table' && output === undefined) return await printLines(answers, options);
  const { exportAnswers } = await import('./export.js');
  const written = format === 'table' || format === 'json' ? 'jsonl' : format;
  const joined = { outside: outside?.columns ?? [], money: prices !== null };
  const count = await exportAnswers(answers, written, output ?? null, joined);
  if (output !== undefined) say(`wrote ${output}: ${count} ${count === 1 ? 'answer' : 'answers'}`);
}

function outsideFrom(path: string): OutsideScores {
  let text: string;
  try {
    text = readBounded(path, MOST_BYTES.questions).toString('utf8');
  } catch (error) {
    throw usageError(`the scores ${path} cannot be read: ${(error as Error).message}`);
  }
  const read = readOutside(text);
  if (typeof read !== 'string') return read;
  throw usageError(
    `the scores ${path} cannot be joined: ${read}`,
    'Give JSONL or CSV with a column `item` and columns of numbers.',
  );
}

const MOST_TEXT = 60;
/** Of a ranking. */
const SHOWN_IDS = 5;

function shown(text: string | null): string | null {
  if (text === null) return null;
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length > MOST_TEXT ? `${line.slice(0, MOST_TEXT - 1)}…` : line;
}

async function printLines(answers: Answers, { most }: AnswersOptions): Promise<void> {
  const rows: (string | number | null)[][] = [];
  let count = 0;
  for await (const { of, record, score, seconds, tokensIn, tokensOut, joules } of answers.answersOf()) {
    count += 1;
    if (count > most) continue;
    const ranked = record.ranking?.ids.slice(0, SHOWN_IDS).join(' ') ?? null;
    const answer = shown(ranked ?? record.answer ?? record.extracted);
    rows.push([
      ...[
        of.number,
        askedName(record.task, record.asked.way),
        record.item,
        fourDigits(score),
        answer,
        shown(record.references.join(' | ')),
      ],
      ...[tokensIn, tokensOut, fourDigits(seconds), fourDigits(joules)],
    ]);
  }
  printTable(['row', 'task', 'item', 'score', 'answer', 'reference', 'in', 'out', 'seconds', 'joules'], rows);
  if (count > most) say(`${count - most} more: --most ${count} shows them, --format jsonl has all of each`);
}

/** What a line of metrics is of. */
interface Head {
  readonly row: number;
  readonly label: string;
  readonly task: string;
  readonly group: string;
}

async function printMetrics(answers: Answers, options: AnswersOptions): Promise<void> {
  const tallies = new Map<string, { readonly head: Head; readonly tally: Tally }>();
  const tallyOf = (head: Head) =>
    getOrMake(tallies, JSON.stringify(head), () => ({ head, tally: new Tally() })).tally;
  for await (const answer of answers.answersOf()) {
    const { number: row, label } = answer.of;
    const { task: name, asked } = answer.record;
    const task = options.by === BY_WAY ? name : askedName(name, asked.way);
    tallyOf({ row, label, task, group: ALL }).add(answer);
    const group = options.by === undefined ? null : groupOf(options.by, answer);
    if (group !== null) tallyOf({ row, label, task, group: `${options.by}=${group}` }).add(answer);
  }
  const byLength = options.by === BY_LENGTH;
  const rows = [...tallies.values()].map(({ head, tally }) => ({ ...head, metrics: tally.metrics() }));
  const macro = options.by === undefined ? [] : macroOf(rows);
  if (options.format === 'json') {
    const plain = rows.map(({ metrics, ...head }) => ({ ...head, ...metrics }));
    return printJson({ schema: METRICS_SCHEMA, rows: plain, macro });
  }
  printTable(
    [
      ...[
        'row',
        'label',
        'task',
        'of',
        'items',
        'score',
        '95 %',
        'interval',
        'seconds',
        'in',
        'out',
        'joules',
      ],
      ...(byLength ? ['s to first', 'KV bytes'] : []),
    ],
    rows.map(({ row, label, task, group, metrics }) => [
      ...[row, label, task, group, ...cells(metrics)],
      ...(byLength ? [fourDigits(metrics.secondsToFirst), fourDigits(metrics.kvBytes)] : []),
    ]),
  );
  for (const { label, task, score } of macro)
    say(`${label}, ${task}: ${score.toFixed(4)} as the mean of groups, each counted once`);
}

const ALL = 'all';

function macroOf(rows: readonly (Head & { readonly metrics: AnswersMetrics })[]) {
  return rows
    .filter(({ group }) => group === ALL)
    .flatMap(({ row, label, task }) => {
      const groups = rows.filter((one) => one.row === row && one.task === task && one.group !== ALL);
      const score = macroScore(groups.map(({ metrics }) => metrics));
      return score === null ? [] : [{ row, label, task, score }];
    });
}

function cells({ items, score, seconds, tokensIn, tokensOut, joules }: AnswersMetrics) {
  return [
    ...[items, fourDigits(score?.value ?? null)],
    intervalText(score?.ci95 ?? null),
    ...[
      score?.how ?? null,
      fourDigits(seconds),
      fourDigits(tokensIn),
      fourDigits(tokensOut),
      fourDigits(joules),
    ],
  ];
}
