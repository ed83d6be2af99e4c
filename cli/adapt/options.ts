import type { Command } from 'commander';
import { ALLOW_HF_OPTION, CONFIG_OPTION, type NodeOptions } from '../options/config.js';
import { collect, positiveInteger } from '../options/values.js';

/** What every subcommand that opens a model takes. */
export interface AdaptOptions extends NodeOptions {
  readonly models: readonly string[];
  readonly threads?: number;
  readonly json?: true;
}

/** Adds them to a command. */
export function withAdaptOptions(command: Command): Command {
  return command
    .option('--threads <count>', 'threads to use (default: all CPUs)', positiveInteger)
    .option('--models <dir>', 'folder to look for models and adapters in (repeatable)', collect, [])
    .option(...CONFIG_OPTION)
    .option(...ALLOW_HF_OPTION)
    .option('--json', 'print JSON');
}
