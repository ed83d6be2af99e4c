import { type Command, InvalidArgumentError, Option } from 'commander';
import { RECOMPUTATIONS, TRAINING_METHODS, type TrainingMethod } from '../../roofline/fit/training.js';
import { lazy } from '../options/lazy.js';
import { collect, duration, positiveInteger } from '../options/values.js';
import { TARGETS } from '../recommend/command.js';

export interface FitOptions {
  readonly model?: string;
  readonly hardware?: string;
  readonly devices: number;
  /** Left out = as the model is; under a load more are tried. */
  readonly bits?: string;
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
  readonly flag: readonly string[];
  readonly slo?: string;
  readonly trace?: string;
  readonly traceSpeed: number;
  readonly requestRate?: number;
  readonly inputLen?: string;
  readonly outputLen?: string;
  readonly numPrompts?: number;
  readonly prices?: string;
  readonly window?: number;
  readonly svg?: string;
  readonly html?: string;
  /** What is printed in place of the answer: one of the targets of `ridge recommend`. */
  readonly as?: string;
  readonly modelPath?: string;
  readonly image?: string;
  readonly port?: number;
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

/** In what a model may be served under a load where nobody says. */
export const SERVED_BITS = ['native', 'fp8', 'fp8kv8'];
/** Requests of a load where nobody says how many: enough for a p99 in seconds of simulation. */
export const DRAWN_REQUESTS = 1000;
export const TRACED_REQUESTS = 10_000;

export function registerFit(program: Command): void {
  const command = program
    .command('fit')
    .description(
      'which devices, how many and with which parallelism hold a model and meet latency targets; nothing is run.\n' +
        'With --slo and a load (--trace, or --request-rate): which deployment keeps the SLO on it, by simulation, and what it costs.\n' +
        'With --train: which hold a fine-tuning step. Exits with 3 when nothing fits',
    )
    .argument('[model]', 'the same as --model')
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
    .option(
      '--bits <word>',
      `native (default), w4a16, w8a8kv8, wfp8afp8, or a quantization such as q4_k_m; under a load a list of what engines serve (default: ${SERVED_BITS.join(',')})`,
    )
    .option('--context <tokens>', 'tokens of each sequence; of a training sequence', positiveInteger, 4096)
    .option('--prompt <tokens>', 'prompt tokens within the context (default: all but 1)', positiveInteger)
    .option(
      '--batch <count>',
      'sequences that decode together; in training, sequences per device',
      positiveInteger,
      1,
    )
    .option(
      '--ttft <ms>',
      'time-to-first-token target, on an idle service; under a load short for --slo ttft:p95<…ms',
      positive,
    )
    .option(
      '--tpot <ms>',
      'time-per-output-token target, the whole batch decoding at full context; under a load short for --slo tpot:p95<…ms',
      positive,
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
      'vllm (default), sglang or trtllm: measured operators predict times where there are any; under a load also a list',
    )
    .option(
      '--calibration <file>',
      'what the host takes, of `ridge factors --calibrate`; of several engines vllm=FILE,sglang=FILE',
    )
    .option('--efficiency <share>', 'fraction of the roofs assumed where none were measured', share, 0.6)
    .option('--memory-share <share>', 'fraction of the memory that may be used', share, 0.9)
    .option('--models <dir>', 'folder to look for models in (repeatable)', collect, [])
    .option('--config <file>', 'agent configuration file; its state folder and CPU groups apply')
    .option('--json', 'print JSON');
  addSplit(command);
  addLoad(command);
  addTraining(command);
  const isTyped = (option: string) => command.getOptionValueSource(option) === 'cli';
  command.action(
    lazy(async () => {
      const { runFit } = await import('./fit.js');
      return (model: string | undefined, options: FitOptions) => runFit(model, options, isTyped);
    }),
  );
}

function addSplit(command: Command): void {
  command
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
    );
}

function addTraining(command: Command): void {
  command
    .optionsGroup('Fine-tuning in place of serving:')
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
    .option('--no-flash-attention', 'training stores the attention scores');
}

function addLoad(command: Command): void {
  command
    .optionsGroup('A deployment that keeps an SLO on a load (docs/gpus.md):')
    .option(
      '--slo <objectives>',
      'such as ttft:p95<500ms,tpot:p95<30ms (ttft, ttfa, tpot or e2e; a percentile or max)',
    )
    .option('--trace <file>', 'requests with their times and lengths: Mooncake, Azure or BurstGPT')
    .option('--trace-speed <times>', 'how much faster than its times the trace is played', positive, 1)
    .option('--request-rate <number>', 'in place of a trace: requests a second (Poisson)', positive)
    .option('--input-len <tokens>', 'with --request-rate: of a prompt, as ridge bench takes lengths')
    .option('--output-len <tokens>', 'with --request-rate: of an answer')
    .option(
      '--num-prompts <count>',
      `requests that are simulated, at most (default: ${DRAWN_REQUESTS} by a rate, ${TRACED_REQUESTS} of a trace)`,
      positiveInteger,
    )
    .option(
      '--flag <name=value>',
      'a flag of the engine’s scheduler, such as maxNumBatchedTokens=8192 (repeatable; docs/simulate.md lists them)',
      collect,
      [],
    )
    .option(
      '--prices <file>',
      'YAML: currency, perDeviceHour of devices by name, perKilowattHour; without it no money is stated',
    )
    .option('--window <time>', 'replicas over time of the trace, each so long: 5min, 1h', duration)
    .option('--svg <file>', 'write a chart: how many requests keep the SLO on how many devices')
    .option('--html <file>', 'write a page with the chart, all candidates, and replicas over time')
    .addOption(
      new Option('--as <target>', 'print what starts the answer, as ridge recommend does').choices([
        ...TARGETS,
      ]),
    )
    .option('--model-path <path>', 'with --as: the model on the machine that serves it')
    .option('--image <image>', 'with --as kubernetes or helm: the container image')
    .option('--port <number>', 'with --as: port that it listens on (default: 8000)', positiveInteger);
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
