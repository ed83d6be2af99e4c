import type { Command } from 'commander';
import { CONFIG_OPTION } from './config-option.js';
import { positiveInteger } from './values.js';

export interface QuantizeOptions {
  readonly config?: string;
  readonly type: string;
  readonly threads?: number;
  readonly force?: true;
  readonly json?: true;
}

export function registerQuantize(program: Command): void {
  program
    .command('quantize')
    .description('quantize a model file, as a sweep would: one step alone')
    .argument(
      '<input>',
      'GGUF file of type f16, bf16 or f32, or any source: builtin:small, synthetic:llama-3.2-1b',
    )
    .argument('<output>', 'GGUF file to write')
    .requiredOption('-t, --type <name>', 'llama.cpp’s name of the quantization, e.g. q4_k_m')
    .option('--threads <count>', 'threads to use (default: all CPUs)', positiveInteger)
    .option(...CONFIG_OPTION)
    .option('-f, --force', 'replace the output if it is there')
    .option('--json', 'print JSON')
    .action(async (input: string, output: string, options: QuantizeOptions) => {
      const { quantizeModel } = await import('../quantize/quantize.js');
      await quantizeModel(input, output, options);
    });
}
