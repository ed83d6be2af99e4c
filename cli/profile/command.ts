import type { Command } from 'commander';
import { ALLOW_HF_OPTION, CONFIG_OPTION } from '../options/config.js';
import { lazy } from '../options/lazy.js';
import { collect, positiveInteger, wholeNumber } from '../options/values.js';
import type { AskedOptions } from '../quality/asked.js';

export interface ProfileOptions extends AskedOptions {
  readonly promptTokens: number;
  readonly generateTokens: number;
  readonly parallel: number;
  readonly depth: number;
  readonly operators?: true;
  readonly json?: true;
}

export function registerProfile(program: Command): void {
  program
    .command('profile')
    .description(
      'time every operator of a running model, summed by module: like `measure.profile: modules` in a sweep;\n' +
        'reports the overhead of profiling',
    )
    .argument('<model>', 'GGUF or ONNX file, or any source: builtin:small, synthetic:llama-3.2-1b')
    .option('--prompt-tokens <count>', 'tokens of a prompt; 0 profiles no prefill', wholeNumber, 512)
    .option('--generate-tokens <count>', 'decode steps, at most 32; 0 profiles none', wholeNumber, 32)
    .option('--parallel <count>', 'sequences evaluated together', positiveInteger, 1)
    .option('--depth <tokens>', 'tokens already in the cache of each sequence', wholeNumber, 0)
    .option('--threads <count>', 'CPU threads (default: all)', positiveInteger)
    .option('--device <class>', 'cpu, cuda, vulkan or metal', 'cpu')
    .option('--operators', 'show operators instead of modules')
    .option('--models <dir>', 'folder to look for models in (repeatable)', collect, [])
    .option(...CONFIG_OPTION)
    .option(...ALLOW_HF_OPTION)
    .option('--json', 'print JSON')
    .action(lazy(async () => (await import('./profile.js')).profile));
}
