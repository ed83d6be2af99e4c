import { type Command, Option } from 'commander';
import { CONVERTED_TO } from '../../core/models/conversions.js';
import type { ModelFormat } from '../../core/models/formats.js';
import { FLOAT_BYTES, type FloatType } from '../../core/techniques/float-types.js';
import { ALLOW_HF_OPTION, CONFIG_OPTION, type NodeOptions } from '../options/config.js';
import { lazy } from '../options/lazy.js';
import { collect } from '../options/values.js';

export interface ModelsOptions extends NodeOptions {
  readonly models: readonly string[];
  readonly json?: true;
}

export interface ConvertOptions extends ModelsOptions {
  readonly type?: FloatType;
  readonly to: ModelFormat;
  readonly out?: string;
  readonly dequantize?: true;
  readonly force?: true;
  readonly base?: string;
}

const FOLDER_OPTION = ['--models <dir>', 'folder to look in (repeatable)'] as const;
const JSON_OPTION = ['--json', 'print JSON'] as const;

export function registerModels(program: Command): void {
  const models = program
    .command('models')
    .description('list the models this machine has: shipped ones and those in model folders')
    .argument('[model]', 'show one model: its facts and tensors')
    .option(...FOLDER_OPTION, collect, [])
    .option(...CONFIG_OPTION)
    .option(...ALLOW_HF_OPTION)
    .option(...JSON_OPTION)
    .action(lazy(async () => (await import('./models.js')).listModels));
  models
    .command('convert')
    .description(
      'write a model in another format: a Hugging Face folder as a GGUF file and back, or either as an ONNX graph',
    )
    .argument(
      '<model>',
      'folder with config.json and safetensors, a file of it, hf:owner/repository, or a GGUF file',
    )
    .addOption(new Option('--to <format>', 'format to write').choices(CONVERTED_TO).default('gguf'))
    .addOption(
      new Option('-t, --type <type>', 'type of the weights (default: the type that they have)').choices(
        Object.keys(FLOAT_BYTES),
      ),
    )
    .option(
      '--dequantize',
      'write quantized weights (GPTQ, AWQ, FP8, compressed-tensors; to safetensors any GGUF type) as the floats they stand for',
    )
    .option(
      '--base <folder>',
      'to safetensors: the folder that the file was made of, whose tokenizer and settings are kept (default: it is known of files that were made on this machine)',
    )
    .option(
      '-o, --out <path>',
      'file to write, or folder of an ONNX graph or of safetensors (default: the model’s name, here)',
    )
    .option('-f, --force', 'overwrite the output if it exists')
    .option(...FOLDER_OPTION, collect, [])
    .option(...CONFIG_OPTION)
    .option(...ALLOW_HF_OPTION)
    .option(...JSON_OPTION)
    // `models` has the last four as well and takes them, wherever they stand.
    .action(async (source: string, _own: unknown, self: Command) => {
      const { convertModel } = await import('./convert.js');
      await convertModel(source, self.optsWithGlobals<ConvertOptions>());
    });
}
