import { join } from 'node:path';
import type { Options } from '../../core/experiment/experiment.js';
import { readOptions } from '../../core/experiment/options.js';
import { llamaCpp } from '../../core/runners/llama-cpp.js';
import type { LlamaModel } from '../../engines/runners/llama-cpp/index.js';
import { type LlamaRequest, loadModel } from '../../engines/runners/llama-cpp/load.js';

const models = join(import.meta.dirname, '../../models');

/** @returns the path of a shipped model (`tiny`, `small`); other names are paths already. */
export function modelPath(name: string): string {
  return name.includes('/') ? name : join(models, `${name}-f16.gguf`);
}

/** Loads a model on the CPU with one thread: two would wait for each other on a busy machine. */
export async function load(
  name: string,
  options: Options = {},
  rest: Partial<Pick<LlamaRequest, 'contextTokens' | 'sequences' | 'wholeCache'>> = {},
): Promise<LlamaModel> {
  return await loadModel({
    modelPath: modelPath(name),
    options: readOptions(llamaCpp.options, { threads: 1, ...options }),
    deviceClass: 'cpu',
    deviceId: 'cpu0',
    cpus: [0],
    contextTokens: 128,
    sequences: 1,
    ...rest,
  });
}

/** @returns `count` token ids below 4000, the same for the same seed. */
export function prompt(count: number, seed: number): Int32Array {
  let state = seed * 2654435761;
  return Int32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return 3 + (state % 3997);
  });
}

export function logProbabilities(logits: Float32Array): Float64Array {
  const top = Math.max(...logits);
  const sum = logits.reduce((total, value) => total + Math.exp(value - top), 0);
  return Float64Array.from(logits, (value) => value - top - Math.log(sum));
}

/** @returns the root mean square of the differences. */
export function rootMeanSquare(a: Float32Array, b: Float32Array): number {
  const squares = a.reduce((total, value, i) => total + (value - (b[i] ?? 0)) ** 2, 0);
  return Math.sqrt(squares / a.length);
}
