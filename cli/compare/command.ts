import { type Command, InvalidArgumentError, Option } from 'commander';
import type { ColumnChoice } from '../../report/column-sets.js';
import { type Gate, readGate } from '../../report/gate.js';
import { EXIT } from '../exit.js';
import { ALLOW_HF_OPTION, CONFIG_OPTION, type NodeOptions } from '../options/config.js';
import { addColumnsOption } from '../options/display.js';
import { collect, duration, percentage } from '../options/values.js';

export const COMPARE_FORMATS = ['table', 'md', 'csv', 'json'] as const;

export interface CompareOptions extends NodeOptions {
  readonly format: (typeof COMPARE_FORMATS)[number];
  readonly json?: true;
  readonly columns?: ColumnChoice;
  readonly gate: readonly Gate[];
  readonly all?: true;
  readonly failOnUndecided?: true;
  /** Chance of a red gate without any change, over all gates and experiments. Default `FALSE_ALARMS`. */
  readonly falseAlarms?: number;
  readonly strict?: true;
  readonly again?: true;
  /** Seconds, of all rows that are measured again together. */
  readonly within: number;
  readonly models: readonly string[];
  readonly out?: string;
  readonly fresh?: true;
  readonly baseline?: string;
}

export function registerCompare(program: Command): void {
  const command = program
    .command('compare')
    .description(
      'show how results changed from A to B, experiment by experiment: ratios with their 95 % interval for speed, size and energy, differences for quality. ' +
        'A side is a folder of `ridge run`, a results.jsonl, a bundle, or what llama-bench wrote (JSON, JSON lines, SQL); what follows a # chooses rows by number or by axes: ' +
        'before after, run#3 run#7, run#quantization=f16 run#quantization=q4_k_m. ' +
        'B may be what another load generator wrote (JSON of AIPerf or vllm bench serve): its figures stand beside ours, each by its definition there',
    )
    .argument('<a>', 'results before the change; with --baseline, the results that are compared with it')
    .argument('[b]', 'results after the change, or a JSON file of another load generator')
    .option(
      '--baseline <name>',
      'in place of A: the results that `ridge baseline save` keeps under this name',
    )
    .addOption(
      new Option('-f, --format <format>', 'how to print').choices([...COMPARE_FORMATS]).default('table'),
    )
    .option('--json', 'the same as --format json')
    .option(
      '--gate <metric:limit>',
      `exit with ${EXIT.gate} when the change from A to B is beyond this limit, and not by chance: decodeTokensPerSecond:-5%, perplexity:+0.2 (repeatable)`,
      (text: string, before: readonly Gate[]) => [...before, gateOf(text)],
      [],
    )
    .option('--all', 'a line for each metric of each experiment, not one line for each experiment')
    .option(
      '--false-alarms <share>',
      'probability that any gate is red in any experiment although nothing has changed, such as 1% (the default) or 0.1%; a smaller one needs more starts, or --again',
      percentage,
    )
    .option('--fail-on-undecided', `exit with ${EXIT.undecided} when noise leaves a gate undecided`)
    .option('--strict', 'compare no speed or energy of disturbed rows, as for publication')
    .option(
      '--again',
      'measure both sides again on this machine, in turns: rows that a gate leaves undecided, or those chosen with #, the cheapest first, until they are decided or the time is up',
    )
    .option('--within <time>', 'time for all of --again, such as 90s, 10min or 1h', duration, 600)
    .option('-o, --out <dir>', 'folder that --again keeps its starts in (default: ridge-out/again-…)')
    .option('--fresh', 'discard what --again has kept of these rows')
    .option(
      '--models <dir>',
      'with --again: also allow `source:` paths in this folder (repeatable)',
      collect,
      [],
    )
    .option(...CONFIG_OPTION)
    .option(...ALLOW_HF_OPTION);
  addColumnsOption(command, 'metrics to compare').action(
    async (first: string, second: string | undefined, options: CompareOptions) => {
      const { printComparison, sidesOf } = await import('./compare.js');
      const [a, b] = sidesOf(first, second, options.baseline);
      process.exitCode = await printComparison(a, b, options);
    },
  );
}

/** @throws InvalidArgumentError */
function gateOf(text: string): Gate {
  const reading = readGate(text);
  if (!reading.ok) throw new InvalidArgumentError(reading.message);
  return reading.value;
}
