import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { locateSource } from '../../agent/artifacts/source.js';
import { describeSynthetic } from '../../agent/artifacts/synthetic/model.js';
import { FailureError, failure } from '../../core/errors.js';
import { isRemote } from '../../core/models/remote.js';
import { isSynthetic, readSynthetic } from '../../core/models/synthetic.js';
import type { ModelArchitecture } from '../../core/roofline/architecture.js';
import { CONFIGS, namedArchitecture } from '../../core/roofline/configs/index.js';
import { architectureFromConfig } from '../../core/roofline/readers/config.js';
import { architectureFromGguf } from '../../core/roofline/readers/gguf.js';
import { architectureFromOnnx } from '../../core/roofline/readers/onnx.js';
import { type ArchitectureReading, isSize } from '../../core/roofline/readers/reading.js';
import { architectureFromSafetensors } from '../../core/roofline/readers/safetensors.js';
import { nearest } from '../../core/sweep/suggest.js';
import { readGgufHeader } from '../../formats/gguf/header.js';
import { GgufError } from '../../formats/gguf/reader.js';
import { SafetensorsError } from '../../formats/safetensors/json.js';
import { openSafetensors } from '../../formats/safetensors/reader.js';

const CONFIG = 'config.json';
/** A model in parts has an index, and one of its parts may be called as a whole one is. */
const WEIGHTS = ['model.safetensors.index.json', 'model.safetensors'];

/**
 * Reads what the analytic model must know of a model: `builtin:NAME` or a GGUF file by its header, a safetensors folder by its
 * config and headers, a config.json alone, a `synthetic:` shape, which is not written, or a published model by its name.
 * @throws FailureError `model-missing`, `model-unreadable`, `source-not-allowed`
 */
export function openArchitecture(source: string, modelFolders: readonly string[]): ModelArchitecture {
  const reading = read(source, modelFolders);
  if (reading.ok) return reading.architecture;
  throw unreadable(source, reading.reason, reading.hint);
}

function read(source: string, modelFolders: readonly string[]): ArchitectureReading {
  if (isSynthetic(source)) return readShape(source);
  if (isRemote(source))
    throw missing(
      `${source} would have to be fetched, and the analytic model reads what is here`,
      'Name a published model (`ridge roofline --list`), or give its config.json.',
    );
  const path = placeOf(source, modelFolders);
  if (path === null) {
    if (/\.gguf$|^[a-z]+:|\.json$/i.test(source)) return readGguf(source, modelFolders);
    const named = namedArchitecture(source);
    if (named.ok) return named;
    const guess = nearest(basename(source), [...CONFIGS.keys()]);
    const meant = guess === null ? '' : `Did you mean ${guess}? `;
    throw missing(
      `there is no file ${source}, and ${named.reason}`,
      `${meant}\`ridge roofline --list\` shows every published model.`,
    );
  }
  if (statSync(path).isDirectory()) return readFolder(source, path);
  if (basename(path).endsWith('.json')) return architectureFromConfig(readJson(source, path));
  if (path.endsWith('.onnx')) return readOnnx(source, path);
  return readGguf(source, [...modelFolders, dirname(path)]);
}

/** @returns the file or folder of a path; null where there is none, or where it is a word. */
function placeOf(source: string, modelFolders: readonly string[]): string | null {
  return (
    [resolve(source), ...modelFolders.map((folder) => resolve(folder, source))].find((path) =>
      existsSync(path),
    ) ?? null
  );
}

function readShape(source: string): ArchitectureReading {
  const shape = readSynthetic(source);
  if (!shape.ok) throw missing(shape.reason, shape.hint);
  return architectureFromGguf(describeSynthetic(shape.model).header);
}

function readGguf(source: string, modelFolders: readonly string[]): ArchitectureReading {
  const path = locateSource(source, { modelFolders });
  try {
    return architectureFromGguf(readGgufHeader(path));
  } catch (error) {
    if (!(error instanceof GgufError)) throw error;
    const hint = 'Get the file again, or name another one; `ridge models` shows what is here.';
    throw unreadable(source, error.message, hint);
  }
}

/** A graph does not say how many heads it has, nor how long a context may be: the config beside it does. */
function readOnnx(source: string, path: string): ArchitectureReading {
  const beside = join(dirname(path), CONFIG);
  if (!existsSync(beside))
    throw unreadable(
      source,
      'an ONNX graph does not say how many heads it has',
      `Put its ${CONFIG} beside it.`,
    );
  const config = readJson(source, beside) as Readonly<Record<string, unknown>> | null;
  const [heads, contextLength] = [config?.num_attention_heads, config?.max_position_embeddings];
  if (!isSize(heads) || !isSize(contextLength))
    throw unreadable(
      source,
      `the ${CONFIG} beside it does not say num_attention_heads and max_position_embeddings`,
      'Give the config that the model was exported from.',
    );
  return architectureFromOnnx(readFileSync(path), { heads, contextLength });
}

/** Bits are those of the tensors where the folder has them; the config alone says 16 or what it was quantized to. */
function readFolder(source: string, folder: string): ArchitectureReading {
  const path = join(folder, CONFIG);
  if (!existsSync(path))
    throw missing(`${source} has no ${CONFIG}`, 'Name the folder that a model was published as.');
  const config = readJson(source, path);
  const weights = WEIGHTS.map((name) => join(folder, name)).find((file) => existsSync(file));
  if (weights === undefined) return architectureFromConfig(config);
  try {
    return architectureFromSafetensors(config, [...openSafetensors(weights).tensors.values()]);
  } catch (error) {
    if (!(error instanceof SafetensorsError)) throw error;
    throw unreadable(source, `${basename(weights)}: ${error.message}`, 'Get the file again.');
  }
}

function readJson(source: string, path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw unreadable(
      source,
      `${basename(path)} is not JSON (${(error as Error).message})`,
      'Get the file again.',
    );
  }
}

function missing(message: string, hint: string): FailureError {
  return new FailureError(failure('model-missing', message, { hint }));
}

function unreadable(source: string, why: string, hint: string): FailureError {
  return new FailureError(failure('model-unreadable', `the model ${source} is not usable: ${why}`, { hint }));
}
