import { basename, resolve } from 'node:path';
import { CONVERT } from '../../artifacts/conversions/job.js';
import { originOf } from '../../artifacts/files/lineage.js';
import type { ModelSettings } from '../../artifacts/files/resolve.js';
import { filesOf } from '../../artifacts/files/tree.js';
import type { ModelFacts } from '../../core/experiment/experiment.js';
import { formatValue } from '../../core/metrics/format.js';
import {
  CONVERTED_TO,
  conversionNamed,
  isWrittenAsFolder,
  isWrittenWithBase,
  wayTo,
} from '../../core/models/conversions.js';
import { MODEL_FORMATS, type ModelFormat, withoutEnding } from '../../core/models/formats.js';
import { isRemote } from '../../core/models/remote.js';
import { orElse } from '../../core/or-else.js';
import { FLOAT_BYTES } from '../../core/techniques/float-types.js';
import { formatOf } from '../../formats/index.js';
import { taskOf } from '../../process/isolation/job.js';
import { usageError } from '../exit.js';
import { inspectModel, modelFoldersFor, modelSettings, openModel } from '../local-models.js';
import { nodeConfig } from '../node-config.js';
import { printJson, say } from '../output/print.js';
import { fileOf } from '../single/file-of.js';
import { makeAlone } from '../single/make.js';
import { outputFolder, outputPath } from '../single/output-path.js';
import { runCommand } from '../single/run-command.js';
import type { ConvertOptions } from './command.js';

/** Room for a vocabulary, which is larger in a GGUF file than in its own. */
const VOCABULARY_BYTES = 64 * 2 ** 20;

/** `ridge models convert`: one step of a sweep alone, by the same code, into a file that the user names. */
export async function convertModel(source: string, options: ConvertOptions): Promise<void> {
  const format = options.to;
  const force = options.force === true;
  const ending = format === 'safetensors' ? '' : MODEL_FORMATS[format];
  if (options.base !== undefined && !isWrittenWithBase(format))
    throw usageError(
      `--base says whose tokenizer and settings a folder gets, and ${format} is written`,
      'Leave --base out, or write a folder with --to safetensors.',
    );
  const named = options.out ?? `${withoutEnding(nameOf(source))}${ending}`;
  // As far as can be told without opening it.
  const isWritten = orElse(() => formatOf(resolve(source)).name === format, false);
  if (options.out === undefined && resolve(named) === resolve(source) && isWritten)
    throw usageError(
      `${source} is ${format} already`,
      `Say with --to what to write: ${CONVERTED_TO.filter((other) => other !== format).join(' or ')}.`,
    );
  const path = isWrittenAsFolder(format)
    ? outputFolder(named, force, (there) => isModelAlone(there, format))
    : outputPath(named, force);
  const folders = modelFoldersFor(source, options.models);
  await runCommand(async () => {
    const settings = modelSettings(folders, nodeConfig(options));
    // Quantized weights are none that a conversion takes by itself.
    const open = options.dequantize === true || format !== 'gguf' ? inspectModel : openModel;
    const model = await open(source, settings);
    const { facts } = model;
    const way = wayTo(facts.format, [format]);
    const conversion = way?.at(-1);
    if (way === null)
      throw usageError(`${source} is ${facts.format}, of which ${format} cannot be made`, null);
    if (conversion === undefined)
      throw usageError(`${source} is ${format} already`, 'ridge quantize writes it in other types.');
    // What lies between is made in the cache.
    const { from } = conversionNamed(conversion);
    const inputPath =
      model.path !== null && from === facts.format ? model.path : await fileOf(model, settings.cacheFolder);
    const base =
      options.base === undefined ? await baseOf(inputPath, format, settings) : resolve(options.base);
    const request = {
      conversion,
      inputPath,
      type: options.type ?? null,
      dequantize: options.dequantize === true,
      base,
    };
    const made = await makeAlone({
      path,
      inputPath,
      alsoOf: [model.path, base].filter((one) => one !== null),
      bytes: conversionNamed(conversion).bytes(bytesAs(facts, options)) + VOCABULARY_BYTES,
      what: basename(path),
      line: `tensors of ${source} to ${format}`,
      task: (draft) => taskOf(CONVERT, { ...request, outputPath: draft }),
    });
    const { seconds, warnings, facts: said } = made;
    for (const warning of warnings) say(`note: ${warning}`);
    const { digest } = model;
    if (options.json === true)
      return printJson({ output: path, model: source, digest, conversion, ...said, warnings, seconds });
    say(
      `${path}: ${said.tensors} tensors of ${source} as ${said.type}, made in ${seconds.toFixed(1)} s from ${formatValue(facts.bytes, 'B')}`,
    );
  });
}

/** What the file was made of, where that has the format that is written, and is asked for. */
async function baseOf(
  path: string,
  format: ModelFormat,
  { cacheFolder }: ModelSettings,
): Promise<string | null> {
  const origin = isWrittenWithBase(format) ? await originOf(path, format, cacheFolder) : null;
  if (origin === null) return null;
  if (origin.state === 'unchanged') {
    say(`tokenizer and settings of ${origin.path}, which it was made of; --base names another folder`);
    return origin.path;
  }
  const why = origin.state === 'gone' ? 'is gone' : 'has changed since';
  say(
    `note: ${origin.path}, which it was made of, ${why}: the tokenizer is the file’s own; --base names a folder`,
  );
  return null;
}

/** @returns about the bytes of the weights in the type that is asked for. */
function bytesAs({ bytes, parameters }: ModelFacts, { type, dequantize }: ConvertOptions): number {
  if (parameters === null || (type === undefined && dequantize !== true)) return bytes;
  return Math.max(bytes, parameters * FLOAT_BYTES[type ?? 'bf16']);
}

/** What a model is called: of a repository its name alone, of a path its last part. */
function nameOf(source: string): string {
  if (isRemote(source)) return basename(source.replace(/^hf:([^:@]*).*$/i, '$1'));
  return basename(resolve(source.replace(/^[a-z][a-z0-9+.-]+:/, '')));
}

/** @returns whether a folder is as `convert` writes it: a model of the format with its weights, and not one file that is none of it. */
export function isModelAlone(path: string, format: ModelFormat): boolean {
  try {
    const { name, inspect, files } = formatOf(path);
    if (name !== format) return false;
    inspect(path);
    const own = new Set(files(path));
    return filesOf(path).every((file) => own.has(file));
  } catch {
    return false;
  }
}
