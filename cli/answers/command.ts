import { type Command, InvalidArgumentError, Option } from 'commander';
import { MEASURE_NAMES, MEASURES, type MeasureName } from '../../core/quality/answers/measures/index.js';
import { addSourceOptions, type CredentialOptions } from '../options/connection.js';
import { collect, positiveInteger } from '../options/values.js';

export const ANSWER_FORMATS = ['table', 'jsonl', 'csv', 'parquet', 'json', 'trec', 'lm-eval'] as const;

export interface AnswersOptions extends CredentialOptions {
  readonly coordinator?: string;
  readonly task: readonly string[];
  readonly group: readonly GroupChoice[];
  readonly item: readonly string[];
  readonly wrong?: true;
  readonly score?: string;
  readonly scores?: string;
  readonly metrics?: true;
  readonly by?: string;
  readonly measure: readonly MeasureName[];
  readonly raters?: readonly string[];
  readonly scale?: readonly number[];
  readonly leaked?: string;
  readonly grams: number;
  readonly matrix?: true;
  readonly prices?: string;
  readonly bodies: readonly string[];
  readonly format: (typeof ANSWER_FORMATS)[number];
  readonly output?: string;
  readonly most: number;
}

/** Items of one group of a field. */
export interface GroupChoice {
  readonly field: string;
  readonly group: string;
}

function measureNamed(name: string, before: readonly MeasureName[]): readonly MeasureName[] {
  const found = MEASURE_NAMES.find((one) => one === name);
  if (found === undefined) throw new InvalidArgumentError(`It must be one of ${MEASURE_NAMES.join(', ')}.`);
  return [...before, found];
}

const MOST_GRADES = 1000;

function scaleOf(text: string): readonly number[] {
  const [, from, to, step = '1'] = /^(-?[\d.]+)\.\.(-?[\d.]+)(?::([\d.]+))?$/.exec(text) ?? [];
  const count = Math.round((Number(to) - Number(from)) / Number(step));
  if (!(count >= 1 && count < MOST_GRADES))
    throw new InvalidArgumentError('It must be like 1..10 or 0..1:0.5.');
  // By their spelling, so that 0.1 · 3 is 0.3.
  return Array.from({ length: count + 1 }, (_, i) => Number((Number(from) + i * Number(step)).toFixed(9)));
}

export function registerAnswers(program: Command): void {
  const command = program
    .command('answers')
    .description(
      'what models answered to each item of a task: print, filter, export, join other scores by item, recompute metrics, and compare the models of a sweep item by item',
    )
    .argument(
      '[run]',
      'folder of `ridge run`, a results.jsonl, or a file of `ridge quality --answers`; what follows a # chooses rows by number or by axes: run#3, run#quantization=q4_k_m (default: the newest folder in ridge-out)',
    )
    .option('--task <name>', 'items of this task (repeatable)', collect, [])
    .option(
      '--group <field=group>',
      'items of this group, such as language=de, or asked in this way (way=chat=true) (repeatable)',
      (text: string, before: readonly GroupChoice[]) => [...before, groupOf(text)],
      [],
    )
    .option('--item <id>', 'this item (repeatable)', collect, [])
    .option('--wrong', 'only items whose score is below 0.5')
    .option(
      '--score <name>',
      'the score that --wrong, --metrics and --matrix are about (default: perByte of options, else the first of a task)',
    )
    .option(
      '--scores <file>',
      'scores of people or judges to join by item: JSONL or CSV with a column `item`, columns `task` and `row` if items alone are ambiguous, and one or more columns of numbers',
    )
    .option('--metrics', 'recompute scores with their 95 % intervals, time, tokens and energy')
    .option(
      '--by <field>',
      '--metrics and --measure by the groups of this field, with the mean of groups beside that of items; tokensIn = by the length of prompts, way = by how they were asked. With --matrix each group of a row is a row',
    )
    .addOption(
      new Option(
        '--measure <name>',
        `a metric of all answers together (repeatable):\n${MEASURE_NAMES.map((name) => `${name}: ${MEASURES[name].what}`).join('\n')}\n`,
      )
        .argParser(measureNamed)
        .default([], 'none'),
    )
    .option(
      '--raters <names>',
      'whose grades --measure agreement compares, between commas: score, answer (the number in it), reference, columns of --scores (default: score and those columns, else answer and reference)',
      (text: string) => text.split(',').map((name) => name.trim()),
    )
    .option(
      '--scale <grades>',
      'all grades that weighted kappas count with, whether they occur or not: 1..10, or in steps 0..1:0.5',
      scaleOf,
    )
    .option('--leaked <file>', 'text that items may have leaked from, for --measure leakage')
    .option('--grams <count>', 'how many consecutive words count as leaked', positiveInteger, 8)
    .option(
      '--matrix',
      'a table of items by rows: the score with the best answer to each item, the agreement of rows, how certain their order is, and the scores and costs of routing and cascades',
    )
    .option(
      '--prices <file>',
      'YAML: prices of rows, by model name or label, of a million tokens in and out, an hour or a kilowatt hour',
    )
    .option(
      '--bodies <folder>',
      'another folder with files of answers, such as `answers` of the cache of a node that asked, mounted or copied here (repeatable)',
      collect,
      [],
    )
    .addOption(
      new Option('-f, --format <format>', 'how to print').choices([...ANSWER_FORMATS]).default('table'),
    )
    .option('-o, --output <file>', 'write to this file instead of stdout; parquet needs one')
    .option('--most <count>', 'lines of the table, at most', positiveInteger, 100);
  const source = 'answers of a sweep of this coordinator, whose id or name is [run] (default: the newest)';
  addSourceOptions(command, source).action(async (run: string | undefined, options: AnswersOptions) => {
    const { printAnswers } = await import('./answers.js');
    await printAnswers(run ?? '', options);
  });
}

/** @throws InvalidArgumentError */
function groupOf(text: string): GroupChoice {
  const [, field, group] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (field === undefined || group === undefined)
    throw new InvalidArgumentError('It must be FIELD=GROUP, such as language=de.');
  return { field, group };
}
