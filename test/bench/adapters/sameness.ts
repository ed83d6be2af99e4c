import { join } from 'node:path';
import { type Comparison, compareLogits } from '../../../agent/quality/compare.js';
import type { QualityModel } from '../../../agent/quality/measure.js';
import { mergeAdapters } from '../../../artifacts/adapters/merge.js';
import { PORTABLE_MERGE } from '../../../core/techniques/adapters/merge.js';
import { plainQuantization } from '../../../core/techniques/quantization.js';
import { quantizeFile } from '../../../engines/runners/llama-cpp/index.js';
import { modelPath } from '../../models/loading.js';

export const quiet = { progress: () => {}, breathe: async () => {} };

/** Adapters by the name that the tables give them. */
export type Parts = readonly { readonly path: string; readonly scale: number }[];

export function asked(path: string, threads: number, adapters: Parts = [], exact = false): QualityModel {
  const options = {
    threads,
    ...(exact ? { flashAttention: false, kvCacheTypeK: 'f32', kvCacheTypeV: 'f32' } : {}),
  };
  return {
    runnerKind: 'llama-cpp',
    modelPath: path,
    adapters: adapters.map((adapter) => ({ ...adapter, source: adapter.path })),
    options,
    deviceClass: 'cpu',
    deviceId: '',
    cpus: [],
  };
}

/**
 * The logits of a model with adapters merged against those with them attached, over two windows of the shipped text. In f32 with exact
 * attention only the order of sums differs; in f16 every merged weight is rounded once more.
 */
export async function sameness(
  type: 'f32' | 'f16',
  parts: Parts,
  threads: number,
  folder: string,
): Promise<Comparison> {
  const base = type === 'f16' ? modelPath('small') : join(folder, 'small-f32.gguf');
  if (type === 'f32') {
    const quantization = plainQuantization('f32');
    await quantizeFile({
      inputPath: modelPath('small'),
      outputPath: base,
      quantization,
      imatrix: null,
      threads,
    });
  }
  const outputPath = join(folder, 'merged.gguf');
  const adapters = parts.map(({ path, scale }) => ({
    source: path,
    place: { form: 'gguf', path } as const,
    scale,
  }));
  await mergeAdapters({ inputPath: base, inputName: 'small', outputPath, adapters }, PORTABLE_MERGE);
  const job = {
    base: asked(base, threads, parts, true),
    model: asked(outputPath, threads, [], true),
    path: join(import.meta.dirname, '../../../models/sample.txt'),
    windows: { scheme: 'llama', context: 512, stride: null, maxWindows: 2 } as const,
  };
  return await compareLogits(job, quiet);
}
