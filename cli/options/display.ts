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
  'vllm-json',
] as const;
export type Format = (typeof FORMATS)[number];

/** What llama-bench calls a format of ours. */
const ALSO_KNOWN_AS = { sql: 'llama-bench-sql' } as const satisfies Record<string, Format>;
type OtherWord = keyof typeof ALSO_KNOWN_AS;

/** The formats of a report that are no text: each is one exporter in cli/report/files. */
export const FILE_FORMATS = ['parquet', 'mlflow', 'mlperf-endpoints'] as const;
export type FileFormat = (typeof FILE_FORMATS)[number];

export interface DisplayOptions {
  readonly format: Format | OtherWord;
  readonly json?: true;
  readonly columns?: ColumnChoice;
}

/** Adds the options of every command that prints results. `--json` is short for `--format json`. */
export function addDisplayOptions(command: Command, formats: readonly string[] = FORMATS): Command {
  return addColumnsOption(command, 'metrics to show in the table and page')
    .addOption(formatOption('-f, --format <format>', formats))
    .option('--json', 'the same as --format json');
}

/** @returns the option that chooses one of these formats, or one by llama-bench's word for it. */
export function formatOption(flags: string, formats: readonly string[] = FORMATS): Option {
  return new Option(flags, 'how to print results; sql is llama-bench-sql')
    .choices([...formats, ...Object.keys(ALSO_KNOWN_AS)])
    .default('table');
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
}): Exclude<Choice, OtherWord> | Format {
  const { format, json } = options;
  if (json === true) return 'json';
  return isOtherWord(format) ? ALSO_KNOWN_AS[format] : (format as Exclude<Choice, OtherWord>);
}

function isOtherWord(format: string): format is OtherWord {
  return Object.hasOwn(ALSO_KNOWN_AS, format);
}
