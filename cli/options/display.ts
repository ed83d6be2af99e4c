import { type Command, InvalidArgumentError, Option } from 'commander';
import { COLUMN_SETS, type ColumnChoice, readColumns } from '../../report/column-sets.js';

/** The formats a result can be printed in; each is one exporter in cli/output. */
export const FORMATS = [
  'table',
  'md',
  'csv',
  'json',
  'jsonl',
  'requests',
  'html',
  'llama-bench-json',
  'llama-bench-sql',
  'aiperf-json',
  'inferencex-json',
  'zeus-json',
  'efficientllm-json',
  'guidellm-json',
  'vllm-json',
] as const;
export type Format = (typeof FORMATS)[number];

/** The formats of a report that are no text: each is one exporter in cli/report/files. */
export const FILE_FORMATS = ['parquet', 'mlflow', 'mlperf-endpoints'] as const;
export type FileFormat = (typeof FILE_FORMATS)[number];

export interface DisplayOptions {
  readonly format: Format;
  readonly json?: true;
  readonly columns?: ColumnChoice;
}

/** Adds the options of every command that prints results. `--json` is short for `--format json`. */
export function addDisplayOptions(command: Command, formats: readonly string[] = FORMATS): Command {
  return addColumnsOption(command, 'metrics to show in the table and page')
    .addOption(new Option('-f, --format <format>', 'how to print results').choices(formats).default('table'))
    .option('--json', 'the same as --format json');
}

/** Adds `--columns`; `what` says of what it chooses. */
export function addColumnsOption(command: Command, what: string): Command {
  const sets = COLUMN_SETS.join(', ');
  return command.option(
    '--columns <names>',
    `${what}, or sets of them: ${sets} (comma-separated)`,
    chosenColumns,
  );
}

/** @throws InvalidArgumentError for a word that is neither a metric nor a set. */
function chosenColumns(text: string): ColumnChoice {
  const reading = readColumns(text);
  if (reading.ok) return reading.columns;
  const guess = reading.suggestion === null ? '' : ` Did you mean ${reading.suggestion}?`;
  throw new InvalidArgumentError(`${reading.message}.${guess}`);
}

/** @returns the format that was asked for. */
export function chosenFormat<Choice extends string>(options: {
  readonly format: Choice;
  readonly json?: true;
}): Choice | 'json' {
  return options.json === true ? 'json' : options.format;
}
