import { type Command, InvalidArgumentError, Option } from 'commander';
import { RECOMPUTATIONS, TRAINING_METHODS, type TrainingMethod } from '../../roofline/fit/training.js';
import { collect, positiveInteger } from '../options/values.js';

export interface FitOptions {
  readonly model?: string;
  readonly hardware?: string;
  readonly devices: number;
  readonly bits: string;
  readonly context: number;
  readonly prompt?: number;
  readonly batch: number;
  readonly ttft?: number;
  readonly tpot?: number;
  readonly tensorParallel?: number;
  readonly pipelineParallel?: number;
  readonly expertParallel?: number;
  readonly maxOffload: number;
  readonly draft?: string;
  readonly draftTokens: number;
  readonly acceptance: number;
  readonly efficiency: number;
  readonly memoryShare: number;
  readonly train?: TrainingMethod;
  readonly rank: number;
  readonly zero: string;
  readonly recompute: (typeof RECOMPUTATIONS)[number];
  readonly flashAttention: boolean;
  readonly models: readonly string[];
  readonly config?: string;
  readonly json?: true;
}

export function registerFit(program: Command): void {
  program
    .command('fit')
    .description(
      'which device, how many of it and how they share the model, to hold it and answer in time; nothing is run.\n' +
        'With --train: which hold a step of fine-tuning. Ends with 3 when nothing fits',
    )
    .option(
      '--model <name>',
      'builtin:NAME, GGUF file, config.json or its folder, synthetic:…, or a published name',
    )
    .option(
      '--hardware <names>',
      'with commas: devices of the catalogue, `this` node, or files of `ridge roofs` (default: every GPU)',
    )
    .option('--devices <count>', 'how many may share the model: 1, 2, 4, … up to this', positiveInteger, 8)
    .option('--bits <word>', 'native, w4a16, w8a8kv8, wfp8afp8, or a quantization such as q4_k_m', 'native')
    .option('--context <tokens>', 'tokens of each sequence; of a training sequence', positiveInteger, 4096)
    .option('--prompt <tokens>', 'of them, the prompt (default: all but 1)', positiveInteger)
    .option(
      '--batch <count>',
      'sequences that decode together; of one device in training',
      positiveInteger,
      1,
    )
    .option('--ttft <ms>', 'longest time to the first token, the service being idle', positive)
    .option('--tpot <ms>', 'longest time per token, the whole batch decoding at full context', positive)
    .option(
      '--tensor-parallel <count>',
      'devices that share each matrix (default: the best)',
      positiveInteger,
    )
    .option('--pipeline-parallel <count>', 'stages of layers (default: the best)', positiveInteger)
    .option(
      '--expert-parallel <count>',
      'devices that experts are spread over (default: the best)',
      positiveInteger,
    )
    .option(
      '--max-offload <share>',
      'of the layers, whose weights may stay with the host when memory is short',
      shareOrNone,
      0,
    )
    .option('--draft <model>', 'a small model that proposes tokens (speculative decoding)')
    .option('--draft-tokens <count>', 'proposed in a row', positiveInteger, 4)
    .option('--acceptance <share>', 'chance that a proposed token is taken', share, 0.7)
    .option('--efficiency <share>', 'share of the ceilings that is reached: an assumption', share, 0.6)
    .option('--memory-share <share>', 'share of the memory that may be used', share, 0.9)
    .addOption(new Option('--train <method>', 'fine-tune instead').choices([...TRAINING_METHODS]))
    .option('--rank <r>', 'of adapters, beside every matrix', positiveInteger, 16)
    .addOption(
      new Option('--zero <stage>', 'what devices share out').choices(['0', '1', '2', '3']).default('0'),
    )
    .addOption(
      new Option('--recompute <what>', 'activations computed again on the way back')
        .choices([...RECOMPUTATIONS])
        .default('none'),
    )
    .option('--no-flash-attention', 'training keeps the scores of attention')
    .option('--models <dir>', 'folder to look for models in (repeatable)', collect, [])
    .option('--config <file>', 'agent configuration whose state folder and CPU groups hold here, too')
    .option('--json', 'print JSON')
    .action(async (options: FitOptions) => {
      const { runFit } = await import('./fit.js');
      await runFit(options);
    });
}

/** @throws InvalidArgumentError unless the text is a number above zero. */
function positive(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value <= 0)
    throw new InvalidArgumentError('It must be a number above 0.');
  return value;
}

/** @throws InvalidArgumentError unless the text is a share, or 0. */
function shareOrNone(text: string): number {
  return /^0(\.0*)?$/.test(text) ? 0 : share(text);
}

/** @throws InvalidArgumentError unless the text is a share. */
function share(text: string): number {
  const value = positive(text);
  if (value > 1) throw new InvalidArgumentError('It must be above 0 and at most 1.');
  return value;
}
