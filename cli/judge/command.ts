import { type Command, Option } from 'commander';
import { POOLS, type Pool } from '../../core/quality/judging/reading.js';
import { ALLOW_HF_OPTION, CONFIG_OPTION } from '../options/config.js';
import { lazy } from '../options/lazy.js';
import { collect, positiveInteger } from '../options/values.js';
import type { AskedOptions } from '../quality/asked.js';

export interface JudgeOptions extends AskedOptions {
  readonly template?: string;
  readonly pairwise?: true;
  readonly pool: Pool;
}

export function registerJudge(program: Command): void {
  program
    .command('judge')
    .description(
      'rate answers with models of this machine: what `scorers` of an agent’s configuration start.\n' +
        'Reads lines of {"id", "prompt", "answer", "references"}, writes a line {"id", "score"} for each, from 0 to 1',
    )
    .argument('<models...>', 'model files or folders, or builtin:NAME; several are a pool')
    .option(
      '--template <file>',
      'what the judge reads, with {answer}, {prompt} and {references}; a rating from 0 to 9 is what it says next. YAML (kind: Judge) says more: grades that it writes, other words by task and group, two answers',
    )
    .option('--pairwise', 'against the first reference, in both orders: who wins both wins, else it is a tie')
    .addOption(
      new Option('--pool <how>', 'how several judges become one').choices([...POOLS]).default('mean'),
    )
    .option('--device <class>', 'cpu, cuda, vulkan or metal', 'cpu')
    .option('--threads <count>', 'CPU threads (default: all)', positiveInteger)
    .option('--models <dir>', 'folder to look for models in (repeatable)', collect, [])
    .option(...CONFIG_OPTION)
    .option(...ALLOW_HF_OPTION)
    .action(lazy(async () => (await import('./judge.js')).runJudge));
}
