import { copyFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { basename } from 'node:path';
import { writeImportanceMatrix } from '../../artifacts/calibration/imatrix.js';
import { readStatistics } from '../../artifacts/calibration/saved.js';
import {
  type StatisticsFile,
  type StatisticsRequest,
  statisticsFor,
} from '../../artifacts/calibration/store.js';
import type { ModelSettings, ResolvedModel } from '../../artifacts/files/resolve.js';
import { locateText } from '../../artifacts/files/text.js';
import { isNamedAs } from '../../core/models/formats.js';
import { BUILTIN_TEXT } from '../../core/techniques/calibration-spec.js';
import { findEngine } from '../../engines/native/packages.js';
import { placeOfClass } from '../../engines/runners/observer.js';
import { usageError } from '../exit.js';
import { modelFoldersFor, modelSettings, openModel } from '../local-models.js';
import { nodeConfig } from '../node-config.js';
import { fileOf } from '../single/file-of.js';
import { outputPath } from '../single/output-path.js';
import { runCommand } from '../single/run-command.js';
import { stepProgress } from '../single/step-progress.js';
import { stoppable } from '../single/stoppable.js';
import { textFile } from '../single/text-file.js';
import type { CalibrateOptions } from './command.js';
import { report } from './summary.js';

/** Tokens of a sequence where the user says nothing: as DSnoT and Wanda calibrate, and as llama-imatrix does. */
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
  const folders = modelFoldersFor(source, options.models);
  const settings = modelSettings(folders, nodeConfig(options));
  await runCommand(async () => {
    const { text } = options;
    const textPath = text.startsWith('builtin:') ? locateText(text, settings) : textFile(text);
    const model = await openModel(source, settings);
    const request: StatisticsRequest = {
      modelPath: await pathOf(model, source, settings),
      modelDigest: model.digest,
      textPath,
      textName: options.text === BUILTIN_TEXT ? options.text : basename(textPath),
      windows: scheme === 'random' ? { scheme, seed: options.seed } : { scheme },
      sequences: options.sequences,
      tokens: options.tokens ?? TOKENS[scheme],
      engine: findEngine().release,
      cacheFolder: settings.cacheFolder,
    };
    const file = await collect(request, options, source);
    const statistics = await readStatistics(file.path);
    if (output?.format === 'imatrix') await writeImportanceMatrix(output.path, statistics);
    if (output?.format === 'safetensors') await copyFile(file.path, output.path);
    report(
      { source, modelPath: request.modelPath, textPath, file, statistics, output },
      options.json === true,
    );
  });
}

async function collect(
  request: StatisticsRequest,
  { threads = availableParallelism(), device }: CalibrateOptions,
  source: string,
): Promise<StatisticsFile> {
  const progress = stepProgress(process.stderr, `${source} on ${request.textName}`);
  try {
    return await statisticsFor(request, {
      cpus: [],
      threads,
      place: placeOfClass(device),
      timeLimitSeconds: null,
      launcher: stoppable,
      onMessage: (message) => {
        if (message.type === 'progress') progress.step(message.done, message.of);
      },
    });
  } finally {
    progress.end();
  }
}

function outputOf({ output, format, force }: CalibrateOptions): Output | null {
  if (output === undefined) {
    if (format === undefined) return null;
    throw usageError('--format says what to write, and --output not where', 'Name a file with --output.');
  }
  const path = outputPath(output, force === true);
  return { path, format: format ?? (isNamedAs('gguf', path) ? 'imatrix' : 'safetensors') };
}

async function pathOf(model: ResolvedModel, source: string, { cacheFolder }: ModelSettings): Promise<string> {
  if (model.path !== null) return await fileOf(model, cacheFolder);
  const hint = 'Name a GGUF file, or builtin:small.';
  throw usageError(`${source} has random weights and no vocabulary: no text can be run through it`, hint);
}
