import { type Command, InvalidArgumentError, Option } from 'commander';
import { addColumnsOption, type DisplayOptions, formatOption } from '../options/display.js';
import { positiveInteger } from '../options/values.js';
import { say } from '../output/print.js';
import { addRunOptions, type RunOptions } from '../run/command.js';
import type { TokenPair } from './document.js';
import {
  BENCH_OPTIONS,
  LOAD_OPTIONS,
  loadOptionOf,
  optionOf,
  readList,
  spelledOut,
  typedOf,
} from './flags.js';
import { withoutIgnored } from './ignored.js';
import { VLLM_HELP, withoutVllmChoices } from './vllm-flags.js';

/** Repeats of a row where none are said, as llama-bench has them. */
export const REPEATS = 5;
/** Loads of a row where none are said, as vLLM's bench has them. */
export const LOADS = 1;

/**
 * Of `ridge run` what is no matter of a file of its own: roofs are not measured first, and there is one
 * start.
 */
export interface BenchOptions extends Omit<RunOptions, 'format' | 'quick' | 'roofs'> {
  readonly model: readonly string[];
  /** Of a server that runs; left out = the models run here. */
  readonly url?: string;
  readonly tokenizer?: string;
  readonly apiKeyFile?: string;
  readonly device: readonly string[];
  /** Pairs of prompt and decode tokens. */
  readonly pg: readonly TokenPair[];
  /** Left out = as many as is usual. */
  readonly repetitions?: number;
  readonly warmup: boolean;
  readonly save?: string;
  readonly output: DisplayOptions['format'];
  /** Values as they were typed, by the name of the option. */
  readonly axes: Readonly<Record<string, readonly string[]>>;
  /** The same of a load. */
  readonly load: Readonly<Record<string, readonly string[]>>;
}

export function registerBench(program: Command): void {
  const command = program
    .command('bench')
    .description(
      "run a sweep made of llama-bench's flags, as ridge run does: without a file, or into one with --save.\n" +
        'With --url it asks a server that runs already, by the flags of a load; those of `vllm bench serve` work, too.\n' +
        'Lists (2,4), ranges (1-8, 1-8+2, 128-1024*2) and repeated flags are axes.\n' +
        "llama-bench's other spellings work, too: -ctk, --n-prompt, --flash-attn.\n" +
        'As there, a row is a warm-up and some repeats in one process; ridge run has several starts, and intervals that hold.',
    )
    .addOption(
      new Option(
        '-m, --model <sources>',
        'model file, or builtin:small, synthetic:NAME, hf:…; with --url the model’s name in requests (default: the only model of the server)',
      )
        .argParser(readList)
        .default([], ''),
    )
    .addOption(
      new Option('--dev, --device <classes>', 'device class, e.g. cuda (default: cpu)')
        .argParser(readList)
        .default([]),
    );
  command.addOption(
    new Option(
      '--pg <p,n>',
      'tokens of a prompt and decode steps after it, as a row of their own (repeatable)',
    )
      .argParser(pair)
      .default([]),
  );
  for (const option of BENCH_OPTIONS) command.addOption(optionOf(option, readList));
  command
    .option(
      '-r, --repetitions <n>',
      `repeats of each row, after a warm-up (default: ${REPEATS}); with --url, loads of each row, each with different prompts (default: ${LOADS})`,
      positiveInteger,
    )
    .option('--no-warmup', 'begin cold')
    .addOption(formatOption('-o, --output <format>'))
    .option('--save <file>', 'write the sweep to this file, for ridge run, and run nothing')
    .option(
      '--out <dir>',
      'folder for the log, results.jsonl and report.html (default: a folder in ridge-out for each set of flags, or with --url for each run)',
    );
  addColumnsOption(addRunOptions(command), 'metrics to show in the table and page');
  command
    .optionsGroup('A load on a server that runs (docs/servers.md):')
    .option(
      '--url <address>',
      'address of the server, e.g. http://127.0.0.1:8000: it is neither started nor stopped',
    )
    .option(
      '--tokenizer <source>',
      'file or folder of the served model on this machine, for its tokenizer (default: where the server says that its model is)',
    )
    .option('--api-key-file <file>', 'file with the key that the server asks for');
  for (const option of LOAD_OPTIONS) command.addOption(loadOptionOf(option));
  command.addHelpText('after', VLLM_HELP);
  // Commander knows names of several letters after two dashes alone.
  const parse = command.parseOptions.bind(command);
  command.parseOptions = (args) => parse(withoutVllmChoices(withoutIgnored(args, say)).map(spelledOut));
  command.action(async (options: Omit<BenchOptions, 'axes' | 'load'> & BenchOptions['axes']) => {
    const { bench } = await import('./bench.js');
    process.exitCode = await bench({
      ...options,
      axes: typedOf(BENCH_OPTIONS, options),
      load: typedOf(LOAD_OPTIONS, options),
    });
  });
}

/** @throws InvalidArgumentError unless it is `512,128`. */
function pair(text: string, before: readonly TokenPair[] = []): readonly TokenPair[] {
  const [, promptTokens, generateTokens] = /^(\d{1,7}),(\d{1,7})$/.exec(text) ?? [];
  if (promptTokens === undefined || generateTokens === undefined)
    throw new InvalidArgumentError('It must be two whole numbers, such as 512,128.');
  return [...before, { promptTokens: Number(promptTokens), generateTokens: Number(generateTokens) }];
}
