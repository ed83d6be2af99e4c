import { type Command, InvalidArgumentError } from 'commander';

export interface FactorsOptions {
  readonly device?: string;
  readonly threads?: readonly number[];
  readonly types?: readonly string[];
  readonly quick?: true;
  readonly stored?: true;
  readonly config?: string;
  readonly json?: true;
}

export function registerFactors(program: Command): void {
  program
    .command('factors')
    .description(
      'fit how close the engine’s operators come to the roofs of this node (ridge roofs), from benches of single\n' +
        'operators; kept beside the roofs, and every result of this node is then predicted beside measured',
    )
    .option('--device <id>', 'device of this node (default: the first that has roofs)')
    .option('--threads <counts>', 'numbers of threads, e.g. 1,8 (default: those of the roofs)', counts)
    .option('--types <names>', 'types of weights, e.g. f16,q4_k (default: the usual ones)', words)
    .option('--quick', 'a fifth of the time; not kept')
    .option('--stored', 'show those that were fitted last; measure nothing')
    .option('--config <file>', 'agent configuration whose state folder and CPU groups hold here, too')
    .option('--json', 'print JSON')
    .action(async (options: FactorsOptions) => {
      const { factors } = await import('./factors.js');
      await factors(options);
    });
}

const words = (text: string): readonly string[] => text.split(',').map((word) => word.trim().toLowerCase());

/** @throws InvalidArgumentError */
function counts(text: string): readonly number[] {
  const found = words(text);
  if (!found.every((word) => /^[1-9]\d{0,5}$/.test(word)))
    throw new InvalidArgumentError('It must be whole numbers above 0, with commas between them.');
  return found.map(Number);
}
