import { type Command, InvalidArgumentError } from 'commander';
import { DEFAULT_ENGINE, SERVING_ENGINES } from '../../roofline/step/engines.js';
import { lazy } from '../options/lazy.js';
import { collect, positiveInteger, positiveNumber } from '../options/values.js';

export interface TurnsOptions {
  readonly hardware: string;
  readonly devices: number;
  readonly engine: string;
  readonly calibration?: string;
  readonly bits: string;
  readonly weights: string;
  readonly prompt: number;
  readonly answer: number;
  readonly link: number;
  readonly draftTokens: number;
  readonly acceptanceLength?: number;
  readonly question: readonly string[];
  readonly models: readonly string[];
  readonly svg?: string;
  readonly json?: true;
}

export function registerTurns(program: Command): void {
  program
    .command('turns')
    .argument('<model>', 'a published name, GGUF file, config.json or its folder, or synthetic:…')
    .description(
      'at how many sequences at once a gain becomes a loss, on GPUs that nobody has to have: speculative decoding, quantized weights and cache, one server over several devices, prefill and decode apart',
    )
    .option('--hardware <name>', 'a GPU of the catalogue', 'h100')
    .option('--devices <count>', 'that share the model (tensor parallelism)', positiveInteger, 1)
    .option(
      '--engine <name>',
      `whose measured operators predict times: ${SERVING_ENGINES.map(({ id }) => id).join(', ')}`,
      DEFAULT_ENGINE,
    )
    .option('--calibration <file>', 'what the host takes, of `ridge factors --calibrate`')
    .option(
      '--bits <word>',
      'in what the model is served: native, bf16, fp8, … with kv8 for a cache in fp8',
      'native',
    )
    .option('--weights <format>', 'weights to compare with these', 'fp8')
    .option('--prompt <tokens>', 'tokens of each prompt', positiveInteger, 1024)
    .option('--answer <tokens>', 'tokens of each answer', positiveInteger, 256)
    .option(
      '--link <GB/s>',
      'of each device to other servers, over which keys and values go where prefill and decode are apart',
      positiveNumber,
      50,
    )
    .option('--draft-tokens <count>', 'draft tokens per step', positiveInteger, 3)
    .option(
      '--acceptance-length <tokens>',
      'tokens that a step yields, its own included (default: by the model and the draft tokens, as InferenceX measured)',
      length,
    )
    .option(
      '--question <name>',
      'speculative, weights, cache, parallel or apart alone (repeatable)',
      collect,
      [],
    )
    .option('--models <dir>', 'folder to look for models in (repeatable)', collect, [])
    .option('--svg <file>', 'write a chart of all ratios')
    .option('--json', 'print JSON')
    .action(lazy(async () => (await import('./turns.js')).runTurns));
}

/** @throws InvalidArgumentError unless the text is a number of at least 1. */
function length(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < 1)
    throw new InvalidArgumentError('It must be a number of at least 1.');
  return value;
}
