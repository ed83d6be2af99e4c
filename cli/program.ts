import { Command } from 'commander';
import { VERSION } from '../installation/package.js';
import { COMMANDS } from './commands/index.js';

/** @returns the whole command tree, ready to parse; building it does nothing else. */
export function createProgram(): Command {
  const program = new Command('ridge')
    .description(
      'Sweeps efficiency configurations of language models over machines and measures each one honestly.\n' +
        'Results go to stdout, progress and messages to stderr.\n' +
        'Exit codes: 0 ok, 1 the work failed, 2 the words are wrong, 3 a gate was not met.',
    )
    .version(VERSION, '--version', 'print the version')
    .showHelpAfterError('Run `ridge --help` or `ridge COMMAND --help` to see what is possible.');
  for (const register of COMMANDS) register(program);
  // Set on every command, so that wrong words exit with 2 wherever they stand.
  const exitOverride = (command: Command): void => {
    command.exitOverride();
    for (const child of command.commands) exitOverride(child);
  };
  exitOverride(program);
  return program;
}
