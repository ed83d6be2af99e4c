import { type Command, InvalidArgumentError, Option } from 'commander';
import { addColumnsOption, type DisplayOptions, formatOption } from '../options/display.js';
import { positiveInteger } from '../options/values.js';
import { say } from '../output/print.js';
import { addRunOptions, type RunOptions } from '../run/command.js';
import type { TokenPair } from './document.js';
import { BENCH_OPTIONS, type BenchOption, flagsOf, spelledOut } from './flags.js';
import { withoutIgnored } from './ignored.js';

/** Of `ridge run` what is no matter of a file of its own: roofs are not measured first, and there is one start. */
export interface BenchOptions extends Omit<RunOptions, 'format' | 'quick' | 'roofs'> {
  readonly model: readonly string[];
  readonly device: readonly string[];
  /** Pairs of prompt and decode tokens. */
  readonly pg: readonly TokenPair[];
  readonly repetitions: number;
  readonly warmup: boolean;
  readonly save?: string;
  readonly output: DisplayOptions['format'];
  /** Values as they were typed, by the name of the option. */
  readonly axes: Readonly<Record<string, readonly string[]>>;
}

export function registerBench(program: Command): void {
  const command = program
    .command('bench')
    .description(
      "run a sweep made of llama-bench's flags, as ridge run does: without a file, or into one with --save.\n" +
        'Lists (2,4), ranges (1-8, 1-8+2, 128-1024*2) and repeated flags are axes.\n' +
        "llama-bench's other spellings work, too: -ctk, --n-prompt, --flash-attn.\n" +
        'As there, a row is a warm-up and some repeats in one process; ridge run has several starts, and intervals that hold.',
    )
    .addOption(
      new Option('-m, --model <sources>', 'model file, or builtin:small, synthetic:NAME, hf:…')
        .argParser(list)
        .makeOptionMandatory(),
    )
    .addOption(
      new Option('--dev, --device <classes>', 'device class, e.g. cuda (default: cpu)')
        .argParser(list)
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
  for (const option of BENCH_OPTIONS) command.addOption(optionOf(option));
  command
    .option('-r, --repetitions <n>', 'so many repeats of each row, after a warm-up', positiveInteger, 5)
    .option('--no-warmup', 'begin cold')
    .addOption(formatOption('-o, --output <format>'))
    .option('--save <file>', 'write the sweep to this file, for ridge run, and run nothing')
    .option(
      '--out <dir>',
      'folder for the log, results.jsonl and report.html (default: one of its own in ridge-out for each set of flags)',
    );
  addColumnsOption(addRunOptions(command), 'metrics to show in the table and page');
  // Commander knows names of several letters after two dashes alone.
  const parse = command.parseOptions.bind(command);
  command.parseOptions = (args) => parse(withoutIgnored(args, say).map(spelledOut));
  command.action(async (options: Omit<BenchOptions, 'axes'> & BenchOptions['axes']) => {
    const axes = Object.fromEntries(BENCH_OPTIONS.map(({ name }) => [name, options[name] ?? []]));
    const { bench } = await import('./bench.js');
    process.exitCode = await bench({ ...options, axes });
  });
}

/** @throws InvalidArgumentError unless it is `512,128`. */
function pair(text: string, before: readonly TokenPair[] = []): readonly TokenPair[] {
  const [, promptTokens, generateTokens] = /^(\d{1,7}),(\d{1,7})$/.exec(text) ?? [];
  if (promptTokens === undefined || generateTokens === undefined)
    throw new InvalidArgumentError('It must be two whole numbers, such as 512,128.');
  return [...before, { promptTokens: Number(promptTokens), generateTokens: Number(generateTokens) }];
}

const list = (text: string, before: readonly string[] = []): readonly string[] => [
  ...before,
  ...text.split(','),
];

function optionOf(option: BenchOption): Option {
  const fallback = option.fallback === null ? '' : ` (default: ${option.fallback})`;
  return new Option(`${flagsOf(option)} <values>`, `${option.help}${fallback}`).argParser(list);
}
