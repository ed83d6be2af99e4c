import { type Command, Option } from 'commander';
import { lazy } from '../options/lazy.js';
import { SETTINGS_WORDS, type SettingsWord } from './words.js';

export interface CheckOptions {
  readonly as?: SettingsWord;
}

export function registerConfig(program: Command): void {
  const config = program
    .command('config')
    .description('check the settings of coordinator, agent and operator');
  config
    .command('check')
    .description(
      'check files of settings as their process would, and name every error with its line; without a file, check the names of RIDGE_* variables. Exit code 2 if anything is wrong',
    )
    .argument('[files...]', 'coordinator.yaml, agent.yaml, operator.yaml or others')
    .addOption(
      new Option('--as <kind>', 'whose settings they are (default: by name and fields)').choices(
        SETTINGS_WORDS,
      ),
    )
    .action(lazy(async () => (await import('./check.js')).check));
}
