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
      'show what a coordinator’s fleet is doing: namespaces, nodes, and the trial on each device; refreshed on a terminal, printed once elsewhere',
    )
    .option('--once', 'print once, also on a terminal')
    .option('--every <time>', 'how often the coordinator is asked', duration, 2);
  addConnectionOptions(command).action(lazy(async () => (await import('./top.js')).top));
}
