import { type Command, Option } from 'commander';
import { lazy } from '../options/lazy.js';
import { positiveInteger, positiveNumber } from '../options/values.js';

/** Which ops, and how. */
export interface KernelsOptions {
  readonly device: 'cpu' | 'cuda';
  readonly variant: string;
  readonly type: string;
  readonly shape: string;
  readonly threads?: number;
  readonly seed: number;
  readonly json?: true;
}

export interface KernelsBenchOptions extends KernelsOptions {
  readonly cache: 'warm' | 'cold' | 'both';
  readonly seconds: number;
}

export function registerKernels(program: Command): void {
  const kernels = program
    .command('kernels')
    .description('Ridgepoint’s own kernels: list them, check their results on this machine, time them');
  kernels
    .command('list')
    .description('ops, their shapes, types and variants, and which of them this machine can run')
    .option('--json', 'print JSON')
    .action(lazy(async () => (await import('./kernels.js')).listKernels));
  asked(kernels.command('check').argument('[op]', 'one op (default: all)'), 'all')
    .description('check ops against their references in double precision')
    .action(async (op: string | undefined, options: KernelsOptions) => {
      const { checkKernels } = await import('./kernels.js');
      process.exitCode = await checkKernels(op ?? null, options);
    });
  asked(kernels.command('bench').argument('<op>', 'an op of `ridge kernels list`'), 'best')
    .description('check an op, then time it')
    .addOption(
      new Option('--cache <state>', 'inputs from the caches, or from memory each time')
        .choices(['warm', 'cold', 'both'])
        .default('both'),
    )
    .option('--seconds <time>', 'how long each is repeated', positiveNumber, 1)
    .action(lazy(async () => (await import('./kernels.js')).benchKernels));
}

function asked(command: Command, variant: string): Command {
  return command
    .addOption(
      new Option('--device <class>', 'whose variants: those of CPUs, or those of NVIDIA GPUs')
        .choices(['cpu', 'cuda'])
        .default('cpu'),
    )
    .option('-v, --variant <name>', 'one variant, `all`, or `best`: the last that this machine runs', variant)
    .option('-t, --type <name>', 'one type, or `all`', 'all')
    .option('-s, --shape <list>', 'rows=4096,columns=4096; the rest is as `list` says', '')
    .option('--threads <count>', 'threads to use (default: all CPUs)', positiveInteger)
    .option('--seed <number>', 'of the random inputs', positiveInteger, 1)
    .option('--json', 'print JSON: every repeat');
}
