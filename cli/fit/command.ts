import { type Command, InvalidArgumentError, Option } from 'commander';
import { RECOMPUTATIONS, TRAINING_METHODS, type TrainingMethod } from '../../roofline/fit/training.js';
import { lazy } from '../options/lazy.js';
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
  readonly engine?: string;
  readonly calibration?: string;
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
      'which devices, how many and with which parallelism hold a model and meet latency targets; nothing is run.\n' +
        'With --train: which hold a fine-tuning step. Exits with 3 when nothing fits',
    )
    .option(
      '--model <name>',
      'builtin:NAME, GGUF file, config.json or its folder, synthetic:…, or a published name',
    )
    .option(
      '--hardware <names>',
      'comma-separated: devices of the catalogue, `this` node, or files of `ridge roofs` (default: every GPU)',
    )
    .option(
      '--devices <count>',
      'most devices that share the model: 1, 2, 4, … up to this',
      positiveInteger,
      8,
    )
    .option('--bits <word>', 'native, w4a16, w8a8kv8, wfp8afp8, or a quantization such as q4_k_m', 'native')
    .option('--context <tokens>', 'tokens of each sequence; of a training sequence', positiveInteger, 4096)
    .option('--prompt <tokens>', 'prompt tokens within the context (default: all but 1)', positiveInteger)
    .option(
      '--batch <count>',
      'sequences that decode together; in training, sequences per device',
      positiveInteger,
      1,
    )
    .option('--ttft <ms>', 'time-to-first-token target, on an idle service', positive)
    .option('--tpot <ms>', 'time-per-output-token target, the whole batch decoding at full context', positive)
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
      'largest fraction of the layers whose weights may stay in host memory',
      (text: string) => (/^0(\.0*)?$/.test(text) ? 0 : share(text)),
      0,
    )
    .option('--draft <model>', 'draft model for speculative decoding')
    .option('--draft-tokens <count>', 'draft tokens per step', positiveInteger, 4)
    .option('--acceptance <share>', 'probability that a draft token is accepted', share, 0.7)
    .option(
      '--engine <name>',
      'vllm (default), sglang or trtllm: measured operators predict times where there are any',
    )
    .option('--calibration <file>', 'what the host takes, of `ridge factors --calibrate`')
    .option('--efficiency <share>', 'fraction of the roofs assumed where none were measured', share, 0.6)
    .option('--memory-share <share>', 'fraction of the memory that may be used', share, 0.9)
    .addOption(new Option('--train <method>', 'fine-tune instead').choices([...TRAINING_METHODS]))
    .option('--rank <r>', 'rank of the adapters, one at every matrix', positiveInteger, 16)
    .addOption(
      new Option('--zero <stage>', 'ZeRO stage: what data-parallel devices shard')
        .choices(['0', '1', '2', '3'])
        .default('0'),
    )
    .addOption(
      new Option('--recompute <what>', 'activations recomputed in the backward pass')
        .choices([...RECOMPUTATIONS])
        .default('none'),
    )
    .option('--no-flash-attention', 'training stores the attention scores')
    .option('--models <dir>', 'folder to look for models in (repeatable)', collect, [])
    .option('--config <file>', 'agent configuration file; its state folder and CPU groups apply')
    .option('--json', 'print JSON')
    .action(lazy(async () => (await import('./fit.js')).runFit));
}

/** @throws InvalidArgumentError unless the text is a number above zero. */
function positive(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value <= 0)
    throw new InvalidArgumentError('It must be a number above 0.');
  return value;
}

/** @throws InvalidArgumentError unless the text is a share. */
function share(text: string): number {
  const value = positive(text);
  if (value > 1) throw new InvalidArgumentError('It must be above 0 and at most 1.');
  return value;
}
