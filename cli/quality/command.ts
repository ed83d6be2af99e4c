import { type Command, InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';
import { readYaml } from '../../core/input/yaml.js';
import { type TaskChoice, taskChoiceSchema } from '../../core/quality/tasks/asking.js';
import { WINDOW_SCHEMES, type WindowScheme } from '../../core/quality/windows.js';
import { ALLOW_HF_OPTION, CONFIG_OPTION } from '../options/config.js';
import { lazy } from '../options/lazy.js';
import { collect, positiveInteger } from '../options/values.js';
import type { AskedOptions } from './asked.js';

export interface QualityOptions extends AskedOptions {
  readonly text?: string;
  readonly base?: string;
  readonly task: readonly string[];
  readonly windows: WindowScheme;
  readonly context: number;
  readonly stride?: number;
  readonly maxWindows?: number;
  readonly exactBase?: true;
  readonly answers?: string;
  readonly ask?: Omit<TaskChoice, 'file'>;
  readonly runnerOptions?: Readonly<Record<string, unknown>>;
  readonly json?: true;
}

export function registerQuality(program: Command): void {
  program
    .command('quality')
    .description(
      'evaluate a model: perplexity of a text, KL divergence from a base model, tasks;\n' +
        'every metric with its standard error',
    )
    .argument('<model>', 'GGUF file, or builtin:NAME')
    .option(
      '--text <file>',
      'UTF-8 text for perplexity (without --task: the text that ships with Ridgepoint)',
    )
    .option(
      '--base <model>',
      'the model from which this one was made: adds KL divergence, top-1 agreement and retention',
    )
    .option(
      '--task <file>',
      'task items, JSONL, or a YAML file that maps their fields (repeatable)',
      collect,
      [],
    )
    .addOption(
      new Option(
        '--windows <scheme>',
        'how the text is split: llama (llama-perplexity), dsnot (DSnoT, Wanda, SparseGPT), strided',
      )
        .choices([...WINDOW_SCHEMES])
        .default('llama'),
    )
    .option('--context <tokens>', 'tokens of a window', positiveInteger, 512)
    .option(
      '--stride <tokens>',
      'strided windows: tokens from one window to the next (default: half a window)',
      positiveInteger,
    )
    .option('--max-windows <count>', 'windows to score, at most (default: the whole text)', positiveInteger)
    .option('--exact-base', 'llama windows: do not round the base to 16 bits as llama-perplexity does')
    .option('--device <class>', 'cpu, cuda, vulkan or metal', 'cpu')
    .option(
      '--threads <count>',
      'CPU threads (default: as many as CPUs are free when it begins)',
      positiveInteger,
    )
    .option('--models <dir>', 'folder to look for models in (repeatable)', collect, [])
    .option(...CONFIG_OPTION)
    .option(...ALLOW_HF_OPTION)
    .option(
      '--ask <options>',
      'ask every --task in another way than its file says: options of a task as YAML, such as "{ chat: true, fewShot: 5 }"',
      otherwiseOf,
    )
    .option(
      '--runner-options <options>',
      'options of the runner that change what the model answers, as YAML, such as "{ kvCacheTypeK: q8_0 }"; the base keeps the defaults',
      runnerOptionsOf,
    )
    .option(
      '--answers <file>',
      'write the answer to each item of --task, as JSON lines; after an interruption the same command continues with the next item',
    )
    .option('--json', 'print JSON')
    .action(lazy(async () => (await import('./quality.js')).runQuality));
}

/** @throws InvalidArgumentError */
function otherwiseOf(text: string): Omit<TaskChoice, 'file'> {
  const { data, diagnostics } = readYaml(text);
  const read = taskChoiceSchema.omit({ file: true }).safeParse(data);
  if (diagnostics.length === 0 && read.success) return read.data;
  const [issue] = read.error?.issues ?? [];
  const where = issue === undefined ? '' : `${issue.path.join('.')}: ${issue.message}`;
  throw new InvalidArgumentError(
    `It must be options of a task, such as { chat: true, fewShot: 5 }: ${diagnostics[0]?.message ?? where}`,
  );
}

/** @throws InvalidArgumentError */
function runnerOptionsOf(text: string): Readonly<Record<string, unknown>> {
  const { data, diagnostics } = readYaml(text);
  const read = z.record(z.string(), z.unknown()).safeParse(data);
  if (diagnostics.length === 0 && read.success) return read.data;
  throw new InvalidArgumentError('It must be options by their names, such as { kvCacheTypeK: q8_0 }.');
}
