import { getOrMake } from '../../core/maps.js';
import { MEASURES, type MeasureName } from '../../core/quality/answers/measures/index.js';
import type { Gathering, Measured, MeasureSettings } from '../../core/quality/answers/measures/measure.js';
import { askedName } from '../../core/quality/tasks/few-shot.js';
import { LeakedGrams } from '../../core/quality/text-overlap.js';
import { readBounded } from '../../formats/bounded-file.js';
import { usageError } from '../exit.js';
import { plainTable } from '../output/plain-table.js';
import { printData, printJson, say } from '../output/print.js';
import { fourDigits, intervalText } from './cells.js';
import type { AnswersOptions } from './command.js';
import { BY_WAY, groupOf } from './groups.js';
import type { Answers } from './read.js';

/** The version of the JSON; fields are only ever added to it. */
const SCHEMA = 'ridgepoint.dev/answers-measures/v1';
const ALL = 'all';
/** Of a text that items may have leaked from. */
const MOST_TEXT = 2 ** 28;

interface Entry {
  readonly row: number;
  readonly label: string;
  readonly task: string;
  /** A group of items, or all. */
  readonly of: string;
  readonly measure: MeasureName;
  readonly gathering: Gathering;
}

/**
 * `ridge answers --measure`: what follows from all answers together.
 * @throws CommandError (2) for options that do not belong together.
 */
export async function printMeasures(
  answers: Answers,
  options: AnswersOptions,
  outside: readonly string[],
): Promise<void> {
  const settings = settingsOf(options, outside);
  const entries = new Map<string, Entry>();
  for await (const answer of answers.answersOf()) {
    const row = answer.of;
    const group = options.by === undefined ? null : groupOf(options.by, answer);
    for (const measure of options.measure) {
      const { over, begin } = MEASURES[measure];
      const { task: name, asked } = answer.record;
      // Ways of asking are apart, unless they are what is compared.
      const task = over === 'row' ? ALL : options.by === BY_WAY ? name : askedName(name, asked.way);
      for (const of of group === null ? [ALL] : [ALL, `${options.by}=${group}`]) {
        const key = JSON.stringify([row.number, task, of, measure]);
        const head = { row: row.number, label: row.label, task, of, measure };
        getOrMake(entries, key, () => ({ ...head, gathering: begin(settings) })).gathering.add(answer);
      }
    }
  }
  print(
    [...entries.values()].map(({ gathering, ...head }) => ({ ...head, ...gathering.measured() })),
    options.format === 'json',
  );
}

function print(all: readonly (Omit<Entry, 'gathering'> & Measured)[], asJson: boolean): void {
  if (asJson) {
    printJson({ schema: SCHEMA, measures: all });
    return;
  }
  const lines = all.flatMap(({ row, label, task, of, figures }) =>
    figures.map(({ name, value, ci95, items }) => [
      ...[row, label, task, of, name, fourDigits(value), intervalText(ci95), items],
    ]),
  );
  const tables = all.flatMap(({ label, task, of, table }) =>
    table === null
      ? []
      : [
          plainTable(
            [`${label}, ${task}, ${of}: ${table.head[0]}`, ...table.head.slice(1)],
            table.rows.map((cells) => [...cells]),
          ),
        ],
  );
  const head = ['row', 'label', 'task', 'of', 'measure', 'value', '95 %', 'items'];
  printData([plainTable(head, lines), ...tables].join('\n\n'));
  const reasons = all.flatMap(({ figures }) =>
    figures.flatMap(({ name, reason }) => (reason === null ? [] : `${name}: ${reason}`)),
  );
  for (const reason of new Set(reasons)) say(reason);
}

function settingsOf(
  { measure, raters, scale, leaked, grams }: AnswersOptions,
  outside: readonly string[],
): MeasureSettings {
  const known = ['score', 'answer', 'reference', ...outside];
  const wanted = raters ?? (outside.length > 0 ? ['score', ...outside] : ['answer', 'reference']);
  const unknown = wanted.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw usageError(
      `nobody is called ${unknown}`,
      `--raters takes ${known.join(', ')}; columns come with --scores.`,
    );
  if (measure.includes('agreement') && new Set(wanted).size < 2)
    throw usageError('agreement is between two raters or more', 'Name them: --raters score,human');
  if (measure.includes('leakage') && leaked === undefined)
    throw usageError(
      '--measure leakage needs the text that items may have leaked from',
      'Name it with --leaked FILE.',
    );
  const inText = leaked === undefined || !measure.includes('leakage') ? null : leakedGrams(leaked, grams);
  return {
    raters: wanted,
    scale: scale ?? null,
    leakedShare: inText === null ? null : (text) => inText.shareOf(text),
  };
}

function leakedGrams(path: string, n: number): LeakedGrams {
  try {
    return new LeakedGrams([readBounded(path, MOST_TEXT).toString('utf8')], n);
  } catch (error) {
    throw usageError(`the text ${path} cannot be read: ${(error as Error).message}`);
  }
}
