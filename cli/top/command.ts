import type { Command } from 'commander';
import { addConnectionOptions, type ConnectionOptions } from '../options/connection.js';
import { lazy } from '../options/lazy.js';
import { duration } from '../options/values.js';

export interface TopOptions extends ConnectionOptions {
  readonly once?: true;
  /** Seconds. */
  readonly every: number;
}

export function registerTop(program: Command): void {
  const command = program
    .command('top')
    .description(
      'what a coordinator’s fleet does: namespaces, nodes, and what runs on each device; repeated on a terminal, once elsewhere',
    )
    .option('--once', 'print it once on a terminal, too')
    .option('--every <time>', 'how often it is asked', duration, 2);
  addConnectionOptions(command).action(lazy(async () => (await import('./top.js')).top));
}
