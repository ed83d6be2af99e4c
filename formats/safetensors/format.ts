import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isNamedAs } from '../../core/models/formats.js';
import { architectureFromConfig } from '../../roofline/readers/config.js';
import type { ArchitectureReading } from '../../roofline/readers/reading.js';
import { architectureFromSafetensors } from '../../roofline/readers/safetensors.js';
import { CONFIG, fieldsOf, parseJson, readJson, textIn } from '../config-json.js';
import {
  type Format,
  FormatError,
  type Front,
  type GoesOn,
  type Inspected,
  type ModelDetails,
} from '../format.js';
import { shapeFacts } from '../shape-facts.js';
import { tokenizerFiles, tokenizerOf } from '../tokenizers/files.js';
import { LENGTH_BYTES, parseHeader } from './header.js';
import { SafetensorsError } from './json.js';
import { headerLength, type LocatedTensor, MAX_HEADER_BYTES, openSafetensors } from './reader.js';

/** A model in parts has an index, and one of its parts may be called as a whole one is. */
const INDEX = 'model.safetensors.index.json';
const WHOLE = 'model.safetensors';
const PART = /^model-\d{5}-of-\d{5}\.safetensors$/;
/** Configs, tokenizers and templates. */
const WORDS = /\.(?:json|jinja|model|tiktoken|txt)$/;

/**
 * A folder as models are published, any file of it that names it, or a config alone, which has shapes and no
 * weights.
 */
export const safetensors: Format = {
  name: 'safetensors',
  title: `a safetensors folder with its ${CONFIG}`,
  unit: 'folder',
  magic: null,
  claims: (path) => isNamedAs('safetensors', path) || isConfig(path) || existsSync(join(path, CONFIG)),
  files,
  // It is a folder, with all that belongs to it.
  companionFiles: () => [],
  inspect,
  details,
  shapes: (path) =>
    isConfig(path) ? architectureFromConfig(readConfig(path)) : shapesOfFolder(folderOf(path)),
  peek: { mostBytes: MAX_HEADER_BYTES, inspect: inspectFronts },
  parts: { choose: partsOf, looked: (name) => name === CONFIG || isNamedAs('safetensors', name) },
};

/** Under another name than its own by what is in it, since most files of JSON are none. */
function isConfig(path: string): boolean {
  if (!path.endsWith('.json') || statSync(path, { throwIfNoEntry: false })?.isFile() !== true) return false;
  if (basename(path) === CONFIG) return true;
  try {
    const fields = fieldsOf(readJson(path));
    return textIn(fields, 'model_type') !== null || Array.isArray(fields.architectures);
  } catch {
    return false;
  }
}

/**
 * @returns the folder of a model that any of its files names.
 * @throws FormatError for weights whose config is elsewhere.
 */
export function folderOf(path: string): string {
  if (statSync(path).isDirectory()) {
    if (existsSync(join(path, CONFIG))) return path;
    throw new FormatError(`it has no ${CONFIG}, so nothing says what it is`, 'Get all files of the model.');
  }
  const folder = dirname(path);
  if (existsSync(join(folder, CONFIG))) return folder;
  const hint = `Put ${CONFIG} and the weights into one folder, and name the folder.`;
  if (!isNamedAs('safetensors', path)) throw new FormatError('it is a config and has no weights', hint);
  throw new FormatError(`it has weights and no ${CONFIG} beside it, so nothing says what they are of`, hint);
}

function files(path: string): string[] {
  const folder = folderOf(path);
  const weights = readdirSync(folder)
    .filter((name) => isNamedAs('safetensors', name) || name === INDEX)
    .sort();
  return [CONFIG, ...weights].map((name) => join(folder, name)).concat(tokenizerFiles(folder));
}

/** A folder with weights. */
export interface ModelFolder {
  readonly folder: string;
  /** As its config.json says it. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly tensors: readonly LocatedTensor[];
}

/**
 * Opens a folder, or the one that a file of it names: all headers are read and checked, and no weights.
 * @throws FormatError that names the file; for a config without weights, too.
 */
export function openModelFolder(path: string): ModelFolder {
  const folder = folderOf(path);
  const tensors = tensorsOf(folder);
  if (tensors === null)
    throw new FormatError(
      `it has a ${CONFIG} and no weights`,
      `Put ${WHOLE}, or ${INDEX} and its parts, beside it; \`ridge roofline\` reads the config alone.`,
    );
  return { folder, config: fieldsOf(readJson(join(folder, CONFIG))), tensors };
}

function inspect(path: string): Inspected {
  const { config, tensors } = openModelFolder(path);
  const parts = new Set(tensors.map((tensor) => tensor.path));
  const bytes = [...parts].reduce((sum, part) => sum + statSync(part).size, 0);
  return inspected(config, tensors, bytes);
}

/**
 * As they are published: one file of weights, or an index and its parts; what is read beside them is small.
 */
function partsOf(names: readonly string[]): readonly string[] | null {
  const weights = names.filter((name) =>
    names.includes(INDEX) ? name === INDEX || PART.test(name) : name === WHOLE,
  );
  if (weights.length === 0 || !names.includes(CONFIG)) return null;
  const vocabulary = names.filter((name) => WORDS.test(name) && !name.endsWith('.index.json'));
  return [...vocabulary, ...weights];
}

/** Of the config all, of the parts the headers. */
function inspectFronts(fronts: readonly Front[]): Inspected | GoesOn {
  const tensors: LocatedTensor[] = [];
  let config: Readonly<Record<string, unknown>> = {};
  let bytes = 0;
  for (const [i, { path, front, fileBytes }] of fronts.entries()) {
    if (!isNamedAs('safetensors', path)) {
      if (front.length < fileBytes) return { goesOn: i };
      config = fieldsOf(parseJson(front.toString('utf8'), CONFIG));
      continue;
    }
    bytes += fileBytes;
    const length = headerLength(front, fileBytes);
    if (front.length < LENGTH_BYTES + length) return { goesOn: i };
    const { tensors: own } = parseHeader(front.subarray(LENGTH_BYTES, LENGTH_BYTES + length), fileBytes);
    tensors.push(...own.map((tensor) => ({ ...tensor, path })));
  }
  return inspected(config, tensors, bytes);
}

function inspected(
  config: Readonly<Record<string, unknown>>,
  tensors: readonly LocatedTensor[],
  bytes: number,
): Inspected {
  return {
    facts: {
      format: 'safetensors',
      architecture: textIn(config, 'model_type'),
      bytes,
      quantization: typeOf(config, tensors),
      ...shapeFacts(architectureFromSafetensors(config, tensors)),
    },
    weightBytes: tensors.reduce((sum, { bytes }) => sum + bytes, 0),
    randomWeights: false,
  };
}

function details(path: string): ModelDetails {
  const folder = folderOf(path);
  return {
    tensors: (tensorsOf(folder) ?? []).map(({ name, dtype, shape, bytes }) => ({
      name,
      type: dtype.toLowerCase(),
      shape,
      bytes,
    })),
    // It stands in the text of the publisher's README.
    license: null,
    ...tokenizerOf(folder),
  };
}

/** The method that the config names, else the type that holds most bytes. */
function typeOf(config: Readonly<Record<string, unknown>>, tensors: readonly LocatedTensor[]): string | null {
  const method = textIn(fieldsOf(config.quantization_config), 'quant_method');
  if (method !== null) return method;
  const bytes = new Map<string, number>();
  for (const tensor of tensors) bytes.set(tensor.dtype, (bytes.get(tensor.dtype) ?? 0) + tensor.bytes);
  return [...bytes].sort((a, b) => b[1] - a[1])[0]?.[0].toLowerCase() ?? null;
}

/**
 * Bits are those of the tensors where the folder has them; the config alone says 16 or what it was quantized
 * to.
 */
function shapesOfFolder(folder: string): ArchitectureReading {
  const config = readConfig(join(folder, CONFIG));
  const tensors = tensorsOf(folder);
  return tensors === null ? architectureFromConfig(config) : architectureFromSafetensors(config, tensors);
}

/** Where ModelOpt says how weights are stored, beside a config that may say nothing of it. */
const MODEL_OPT = 'hf_quant_config.json';

/** @returns a config with the quantization that a file beside it says. @throws FormatError */
function readConfig(path: string): unknown {
  const config = readJson(path);
  const beside = join(dirname(path), MODEL_OPT);
  if (basename(path) !== CONFIG || !existsSync(beside) || 'quantization_config' in fieldsOf(config))
    return config;
  const { quantization } = fieldsOf(readJson(beside));
  return {
    ...fieldsOf(config),
    quantization_config: { quant_method: 'modelopt', ...fieldsOf(quantization) },
  };
}

/** @returns null where the folder has none. @throws FormatError that names the file. */
function tensorsOf(folder: string): readonly LocatedTensor[] | null {
  const weights = [INDEX, WHOLE].map((name) => join(folder, name)).find((file) => existsSync(file));
  if (weights === undefined) return null;
  try {
    return [...openSafetensors(weights).tensors.values()];
  } catch (error) {
    if (!(error instanceof SafetensorsError)) throw error;
    throw new FormatError(`${basename(weights)}: ${error.message}`, 'Get the file again.');
  }
}
