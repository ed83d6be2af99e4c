import { type Command, InvalidArgumentError } from 'commander';
import { lazy } from '../options/lazy.js';

export interface RoofsOptions {
  readonly device?: string;
  readonly threads?: readonly number[];
  readonly quick?: true;
  readonly stored?: true;
  readonly out?: string;
  readonly config?: string;
  readonly json?: true;
}

export function registerRoofs(program: Command): void {
  program
    .command('roofs')
    .description(
      'measure the roofs of this node: bandwidth of caches and memory, peak arithmetic throughput, launch overhead.\n' +
        'They are stored in the state folder, and every result of this node is compared with them',
    )
    .option(
      '--device <id>',
      'device of this node, as `ridge doctor` names it (default: every device that can be measured)',
    )
    .option(
      '--threads <counts>',
      'numbers of threads, e.g. 1,8,64 (default: several numbers from 1 to all)',
      threadList,
    )
    .option('--quick', 'one round of a few repeats: a few seconds, not stored')
    .option('--stored', 'show the stored roofs instead of measuring')
    .option('-o, --out <file>', 'also write them to this file, with all repeats')
    .option('--config <file>', 'agent configuration file; its state folder and CPU groups apply')
    .option('--json', 'print JSON')
    .action(lazy(async () => (await import('./roofs.js')).roofs));
}

/** @throws InvalidArgumentError */
function threadList(text: string): readonly number[] {
  const counts = text.split(',').map((count) => count.trim());
  if (!counts.every((count) => /^\d{1,6}$/.test(count)))
    throw new InvalidArgumentError('It must be whole numbers, with commas between them.');
  return counts.map(Number);
}
