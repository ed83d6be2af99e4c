import { type Command, Option } from 'commander';
import { PACKED_FORMATS, type PackedFormat } from '../../core/techniques/packing/packed.js';
import { PACKED_TYPES, type PackedType } from '../../core/techniques/packing/values.js';
import { sparsity } from '../../core/techniques/sparsity.js';
import { ALL_SETTINGS, fallbackOf, methodsWith } from '../../core/techniques/sparsity-settings.js';
import { ALLOW_HF_OPTION, CONFIG_OPTION, type NodeOptions } from '../options/config.js';
import { lazy } from '../options/lazy.js';
import { positiveInteger } from '../options/values.js';

/** Beside these an option for every setting of a sweep's word, by its own name. */
export interface PruneOptions extends NodeOptions, Readonly<Record<string, unknown>> {
  readonly method: string;
  readonly ratio: string;
  readonly packed?: PackedFormat;
  readonly packedType: PackedType;
  readonly perLayer?: true;
  readonly threads?: number;
  readonly device: string;
  readonly force?: true;
  readonly json?: true;
}

export function registerPrune(program: Command): void {
  const command = program
    .command('prune')
    .description(
      'prune a model file, with the same step as in sweeps; pruned weights become zeros, and tensors keep their types',
    )
    .argument('<input>', 'GGUF file of type f16, bf16 or f32, or builtin:NAME')
    .argument('<output>', 'GGUF file to write')
    .requiredOption('-m, --method <name>', sparsity.keys.method)
    .requiredOption('-r, --ratio <share>', sparsity.keys.ratio);
  for (const [name, setting] of Object.entries(ALL_SETTINGS)) {
    const methods = methodsWith(name);
    const fallback = fallbackOf(name);
    const rest = [
      ...(methods === null ? [] : [`only of ${methods.join(', ')}`]),
      ...(fallback === '' ? [] : [`default: ${fallback}`]),
    ];
    const help = `${setting.help}${rest.length > 0 ? ` (${rest.join('; ')})` : ''}`;
    const flag = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    command.addOption(new Option(`--${flag} <value>`, help));
  }
  command
    .addOption(
      new Option(
        '--packed <format>',
        'also write the pruned matrices without their zeros, as safetensors beside the output',
      ).choices(PACKED_FORMATS),
    )
    .addOption(
      new Option('--packed-type <type>', 'type of packed weights').choices(PACKED_TYPES).default('f16'),
    )
    .option('--per-layer', 'a line for each layer instead of each kind of layer')
    .option('--threads <count>', 'threads to use (default: all CPUs)', positiveInteger)
    .option('--device <class>', 'where the model runs to be calibrated: cpu, cuda, vulkan or metal', 'cpu')
    .option('-f, --force', 'overwrite the output if it exists')
    .option(...CONFIG_OPTION)
    .option(...ALLOW_HF_OPTION)
    .option('--json', 'print JSON: the report of every layer')
    .action(lazy(async () => (await import('./prune.js')).pruneModel));
}
