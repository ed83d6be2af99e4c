import { availableParallelism } from 'node:os';
import { basename } from 'node:path';
import { calibrate } from '../../artifacts/door/make.js';
import { openFile } from '../../artifacts/door/open.js';
import { locateText } from '../../artifacts/files/text.js';
import { isNamedAs } from '../../core/models/formats.js';
import { BUILTIN_TEXT } from '../../core/techniques/calibration-spec.js';
import { usageError } from '../exit.js';
import { settingsFor } from '../local-models.js';
import { outputPath } from '../single/output-path.js';
import { runCommand } from '../single/run-command.js';
import { textFile } from '../single/text-file.js';
import type { CalibrateOptions } from './command.js';
import { report } from './summary.js';

const WITHOUT_RANDOM = 'has random weights and no vocabulary: no text can be run through it';

/**
 * Tokens of a sequence where the user says nothing: as DSnoT and Wanda calibrate, and as llama-imatrix does.
 */
const TOKENS = { random: 2048, chunks: 512 } as const;

/** What is written, and where. */
interface Output {
  readonly path: string;
  readonly format: 'imatrix' | 'safetensors';
}

/** `ridge calibrate`: checks every word first, then collects in a child process unless the cache has it. */
export async function calibrateModel(source: string, options: CalibrateOptions): Promise<void> {
  const output = outputOf(options);
  // Importance is measured on chunks, unless the user wants it otherwise.
  const scheme = options.windows ?? (output?.format === 'imatrix' ? 'chunks' : 'random');
  const settings = settingsFor(options, source);
  await runCommand(async () => {
    const { text, threads = availableParallelism(), device: deviceClass } = options;
    const textPath = text.startsWith('builtin:') ? locateText(text, settings) : textFile(text);
    const textName = text === BUILTIN_TEXT ? text : basename(textPath);
    const model = await openFile(source, settings, undefined, WITHOUT_RANDOM);
    const windows = scheme === 'random' ? { scheme, seed: options.seed } : { scheme };
    const cut = { windows, sequences: options.sequences, tokens: options.tokens ?? TOKENS[scheme] };
    const asked = { ...cut, textPath, textName, threads, deviceClass, output };
    const found = await calibrate(model, asked, `${source} on ${textName}`, settings);
    report({ ...found, source, modelPath: model.path, textPath }, options.json === true);
  });
}

function outputOf({ output, format, force }: CalibrateOptions): Output | null {
  if (output === undefined) {
    if (format === undefined) return null;
    throw usageError('--format says what to write, and --output not where', 'Name a file with --output.');
  }
  const path = outputPath(output, force === true);
  return { path, format: format ?? (isNamedAs('gguf', path) ? 'imatrix' : 'safetensors') };
}
