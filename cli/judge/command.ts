import type { Command } from 'commander';
import { ALLOW_HF_OPTION, CONFIG_OPTION, type NodeOptions } from '../options/config.js';
import { collect, positiveInteger } from '../options/values.js';

export interface JudgeOptions extends NodeOptions {
  readonly template?: string;
  readonly device: string;
  readonly threads?: number;
  readonly models: readonly string[];
}

export function registerJudge(program: Command): void {
  program
    .command('judge')
    .description(
      'rate answers with a model of this machine: what `scorers` of an agent’s configuration start.\n' +
        'Reads lines of {"id", "prompt", "answer", "references"}, writes a line {"id", "score"} for each, from 0 to 1',
    )
    .argument('<model>', 'model file or folder, or builtin:NAME')
    .option(
      '--template <file>',
      'what the judge reads, with {answer}, {prompt} and {references}; a rating from 0 to 9 is what it says next',
    )
    .option('--device <class>', 'cpu, cuda, vulkan or metal', 'cpu')
    .option('--threads <count>', 'CPU threads (default: all)', positiveInteger)
    .option('--models <dir>', 'folder to look for models in (repeatable)', collect, [])
    .option(...CONFIG_OPTION)
    .option(...ALLOW_HF_OPTION)
    .action(async (model: string, options: JudgeOptions) => {
      const { runJudge } = await import('./judge.js');
      await runJudge(model, options);
    });
}
