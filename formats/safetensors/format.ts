import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { architectureFromConfig } from '../../roofline/readers/config.js';
import type { ArchitectureReading } from '../../roofline/readers/reading.js';
import { architectureFromSafetensors } from '../../roofline/readers/safetensors.js';
import { CONFIG, readJson } from '../config-json.js';
import { type Format, FormatError } from '../format.js';
import { SafetensorsError } from './json.js';
import { openSafetensors } from './reader.js';

/** A model in parts has an index, and one of its parts may be called as a whole one is. */
const WEIGHTS = ['model.safetensors.index.json', 'model.safetensors'];

/** A folder as models are published, or its config alone. */
export const safetensors: Format = {
  name: 'safetensors',
  title: `a safetensors folder with its ${CONFIG}`,
  magic: null,
  claims: (path) => path.endsWith('.json') || existsSync(join(path, CONFIG)),
  inspect: () => {
    throw new FormatError(
      'it is a safetensors folder, and no runner opens one',
      'Give the GGUF file of the model; `ridge roofline` reads the folder as it is.',
    );
  },
  shapes: (path) => (path.endsWith('.json') ? architectureFromConfig(readJson(path)) : shapesOfFolder(path)),
};

/** Bits are those of the tensors where the folder has them; the config alone says 16 or what it was quantized to. */
function shapesOfFolder(folder: string): ArchitectureReading {
  const config = readJson(join(folder, CONFIG));
  const weights = WEIGHTS.map((name) => join(folder, name)).find((file) => existsSync(file));
  if (weights === undefined) return architectureFromConfig(config);
  try {
    return architectureFromSafetensors(config, [...openSafetensors(weights).tensors.values()]);
  } catch (error) {
    if (!(error instanceof SafetensorsError)) throw error;
    throw new FormatError(`${basename(weights)}: ${error.message}`, 'Get the file again.');
  }
}
