import { type Command, InvalidArgumentError, Option } from 'commander';
import { lazy } from '../options/lazy.js';
import type { RoofsOptions } from '../roofs/command.js';

export interface FactorsOptions extends Omit<RoofsOptions, 'out'> {
  readonly types?: readonly string[];
  readonly from?: string;
  /** A run whose rows of a server calibrate an engine's host; the rest says what served it. */
  readonly calibrate?: string;
  readonly model?: string;
  readonly hardware?: string;
  readonly engine?: string;
  readonly bits: string;
  readonly out?: string;
}

export function registerFactors(program: Command): void {
  program
    .command('factors')
    .description(
      'fit what fraction of this node’s roofs (ridge roofs) the engine’s operators reach, from benchmarks of single operators.\n' +
        'They are stored beside the roofs, and every result of this node then has a prediction beside its measurement',
    )
    .option('--device <id>', 'device of this node (default: the first that has roofs)')
    .option('--threads <counts>', 'numbers of threads, e.g. 1,8 (default: those of the roofs)', counts)
    .option('--types <names>', 'types of weights, e.g. f16,q4_k (default: the usual ones)', namesIn)
    .option('--quick', 'a fifth of the time; not stored')
    .option('--stored', 'show the stored factors instead of fitting')
    .addOption(
      new Option(
        '--from <folder>',
        'fit factors of GPUs to tables of measured operators instead (docs/gpu-factors.md)',
      ).conflicts(['threads', 'types', 'quick', 'stored', 'config']),
    )
    .option(
      '--calibrate <run>',
      'fit what an engine takes beside kernels to rows of its server: three are enough. Of a server on the CPU of this node, leave --model and --hardware out: what is fitted is kept beside its factors',
    )
    .option('--model <name>', 'with --calibrate of a server on GPUs: the model that was served')
    .option('--hardware <name>', 'with --calibrate: the device of the catalogue that served it')
    .option('--engine <name>', 'with --calibrate: vllm (default), sglang or trtllm, also as NAME@RELEASE')
    .option('--bits <word>', 'with --calibrate: native, fp8, fp8-block, nvfp4, …', 'native')
    .option(
      '--out <path>',
      'with --from, a folder for the files of devices; with --calibrate, a file for --calibration of `ridge roofline` and `ridge fit`',
    )
    .option('--config <file>', 'agent configuration file; its state folder and CPU groups apply')
    .option('--json', 'print JSON')
    .action(lazy(async () => (await import('./factors.js')).factors));
}

const namesIn = (text: string): readonly string[] => text.split(',').map((name) => name.trim().toLowerCase());

/** @throws InvalidArgumentError */
function counts(text: string): readonly number[] {
  const found = namesIn(text);
  if (!found.every((name) => /^[1-9]\d{0,5}$/.test(name)))
    throw new InvalidArgumentError('It must be whole numbers above 0, with commas between them.');
  return found.map(Number);
}
