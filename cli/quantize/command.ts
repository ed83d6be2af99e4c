import type { Command } from 'commander';
import { ALLOW_HF_OPTION, CONFIG_OPTION, type NodeOptions } from '../options/config.js';
import { lazy } from '../options/lazy.js';
import { collect, positiveInteger } from '../options/values.js';

export interface QuantizeOptions extends NodeOptions {
  readonly type: string;
  readonly outputType?: string;
  readonly embeddingType?: string;
  readonly tensorType: readonly string[];
  readonly pure?: true;
  readonly importance?: string;
  readonly importanceSequences?: string;
  readonly importanceTokens?: string;
  readonly imatrix?: string;
  readonly threads?: number;
  readonly force?: true;
  readonly json?: true;
}

export function registerQuantize(program: Command): void {
  program
    .command('quantize')
    .description('quantize a model file, with the same step as in sweeps')
    .argument(
      '<input>',
      'GGUF file of type f16, bf16 or f32, a Hugging Face folder, an ONNX graph, or any source: builtin:small, synthetic:llama-3.2-1b',
    )
    .argument('<output>', 'GGUF file to write; for an ONNX graph, the folder')
    .requiredOption(
      '-t, --type <name>',
      'llama.cpp’s name of the quantization, e.g. q4_k_m; int4, int8, int8_dynamic, f16 of an ONNX graph; or mxfp4, nvfp4, if4 with their settings, e.g. mxfp4?method=gptq',
    )
    .option('--output-type <type>', 'type of the output matrix')
    .option('--embedding-type <type>', 'type of the token embedding')
    .option(
      '--tensor-type <pattern:type>',
      'type of the tensors whose names match the pattern, e.g. attn_v:q8_0 (repeatable)',
      collect,
      [],
    )
    .option('--pure', 'quantize every tensor to this type instead of a mixture')
    .option(
      '--importance <text>',
      'compute an importance matrix from this text first: a file, or builtin:sample',
    )
    .option('--importance-sequences <count>', 'sequences of that text, at most (default: 128)')
    .option('--importance-tokens <count>', 'tokens of a sequence of that text (default: 512)')
    .option('--imatrix <file>', 'importance matrix as llama-imatrix or ridge calibrate writes it')
    .option('--threads <count>', 'threads to use (default: all CPUs)', positiveInteger)
    .option(...CONFIG_OPTION)
    .option(...ALLOW_HF_OPTION)
    .option('-f, --force', 'overwrite the output if it exists')
    .option('--json', 'print JSON')
    .action(lazy(async () => (await import('./quantize.js')).quantizeModel));
}
