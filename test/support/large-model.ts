import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describeSynthetic, writeSynthetic } from '../../artifacts/files/synthetic/model.js';
import { readSynthetic } from '../../core/models/synthetic.js';
import { cacheFolder } from '../../engines/native/engines/location.js';
import { sound } from './reading.js';

/** What the benches call the model that is large enough not to fit any cache. */
export const LARGE_MODEL = 'synthetic-1b-q4_0';

/**
 * @returns the path of a model of Llama 3.2 1B's shape with random weights, written into the cache once (0.7
 *   GB).
 */
export async function largeModel(say: (text: string) => void): Promise<string> {
  const reading = sound(readSynthetic('synthetic:llama-3.2-1b?type=q4_0'));
  const name = describeSynthetic(reading.model).digest.replace(/^.*:/, '').slice(0, 24);
  const folder = join(cacheFolder(), 'bench');
  const path = join(folder, `synthetic-${name}.gguf`);
  mkdirSync(folder, { recursive: true });
  if (!existsSync(path)) {
    say(`writing ${path} (0.7 GB, once)`);
    await writeSynthetic(path, reading.model);
  }
  return path;
}
