import { type Command, InvalidArgumentError, type Option } from 'commander';
import { DEFAULT_ENGINE, SERVING_ENGINES } from '../../roofline/step/engines.js';
import { LOAD_OPTIONS, loadOptionOf, spelledLoad, typedOf } from '../bench/flags.js';
import { withoutIgnored } from '../bench/ignored.js';
import { withoutVllmChoices } from '../bench/vllm-flags.js';
import { collect, positiveInteger, positiveNumber } from '../options/values.js';
import { say } from '../output/print.js';

export interface SimulateOptions {
  /** Left out = what the sweep says, or the default. */
  readonly hardware?: string;
  readonly engine?: string;
  readonly bits?: string;
  readonly tensorParallel?: number;
  readonly expertParallel?: number;
  readonly replicas?: number;
  readonly memoryShare?: number;
  readonly flag: readonly string[];
  readonly calibration?: string;
  readonly models: readonly string[];
  readonly csv?: true;
  readonly json?: true;
  readonly html?: string;
  /** Values as they were typed, by the name of the option of the workload `serving`. */
  readonly load: Readonly<Record<string, readonly string[]>>;
}

/** Where neither flags nor a sweep name one. */
export const DEFAULT_HARDWARE = 'h100';
/** Requests of a load where nobody says how many: enough for a p99. */
export const DEFAULT_REQUESTS = 1000;

/**
 * Options of a load that say nothing to a simulation: what a text is, who carries it, what is done beside it.
 */
export const CHANGE_NOTHING: readonly string[] = [
  'warmupRequests',
  'api',
  'stream',
  'temperature',
  'promptSalt',
  'requestTimeoutSeconds',
  'audit',
];

export function registerSimulate(program: Command): void {
  const command = program
    .command('simulate')
    .argument('<sweep-or-model>', 'a sweep file (YAML) with workloads `serving`, or a model')
    .description(
      'what users of a server on GPUs would feel under a load, on GPUs that nobody has to have: continuous batching is simulated request by request, and nothing is run.\n' +
        'Answers have a band in which nine of ten measurements are expected. Lists of a load (2,4) are axes, as in ridge bench',
    )
    .option(
      '--hardware <name>',
      `a GPU of the catalogue (default: that of the sweep, or ${DEFAULT_HARDWARE})`,
    )
    .option(
      '--engine <name>',
      `${SERVING_ENGINES.map(({ id }) => id).join(', ')}, each also as NAME@RELEASE (default: ${DEFAULT_ENGINE})`,
    )
    .option(
      '--bits <word>',
      'in what the model is served: native, bf16, fp8, … with kv8 behind it for a cache in fp8 (default: native)',
    )
    .option('--tp, --tensor-parallel <count>', 'devices that share each matrix (default: 1)', positiveInteger)
    .option(
      '--ep, --expert-parallel <count>',
      'devices that experts are spread over (default: 1)',
      positiveInteger,
    )
    .option('--replicas <count>', 'equal servers behind a router (default: 1)', positiveInteger)
    .option(
      '--memory-share <share>',
      'of the memory of a device that the engine takes (default: its own)',
      share,
    )
    .option(
      '--flag <name=value>',
      'a flag of the engine’s scheduler, such as maxNumBatchedTokens=8192 (repeatable; docs/simulate.md lists them)',
      collect,
      [],
    )
    .option('--calibration <file>', 'what the host takes, of `ridge factors --calibrate`')
    .option('--models <dir>', 'folder to look for models and traces in (repeatable)', collect, [])
    .option('--csv', 'print CSV: a row per request')
    .option('--json', 'print JSON')
    .option('--html <file>', 'write a page: latencies over the load, queue and cache over time');
  command.optionsGroup('The load on a model (a sweep has its own):');
  for (const option of LOAD_OPTIONS) {
    const shown = option.name === 'requests' ? { ...option, fallback: DEFAULT_REQUESTS } : option;
    const declared: Option = loadOptionOf(shown);
    command.addOption(CHANGE_NOTHING.includes(option.name) ? declared.hideHelp() : declared);
  }
  const parse = command.parseOptions.bind(command);
  command.parseOptions = (args) => parse(withoutVllmChoices(withoutIgnored(args, say)).map(spelledLoad));
  command.action(async (word: string, options: SimulateOptions) => {
    const { runSimulate } = await import('./simulate.js');
    const load = typedOf(LOAD_OPTIONS, options as unknown as Readonly<Record<string, unknown>>);
    await runSimulate(word, { ...options, load });
  });
}

/** @throws InvalidArgumentError unless the text is a share. */
function share(text: string): number {
  const value = positiveNumber(text);
  if (value > 1) throw new InvalidArgumentError('It must be above 0 and at most 1.');
  return value;
}
