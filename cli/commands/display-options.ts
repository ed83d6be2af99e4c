import { type Command, Option } from 'commander';

/** The formats a result can be printed in; each is one exporter in cli/output. */
export const FORMATS = [
  'table',
  'md',
  'csv',
  'json',
  'jsonl',
  'html',
  'llama-bench-json',
  'llama-bench-sql',
] as const;
export type Format = (typeof FORMATS)[number];

export interface DisplayOptions {
  readonly format: Format;
  readonly json?: true;
}

/** Adds the options of every command that prints results. `--json` is short for `--format json`. */
export function addDisplayOptions(command: Command): Command {
  return command
    .addOption(
      new Option('-f, --format <format>', 'how to print results').choices([...FORMATS]).default('table'),
    )
    .option('--json', 'the same as --format json');
}

/** @returns the format that was asked for. */
export function chosenFormat(options: DisplayOptions): Format {
  return options.json === true ? 'json' : options.format;
}
