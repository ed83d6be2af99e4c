import { join } from 'node:path';
import { writeSynthetic } from '../../artifacts/files/synthetic/model.js';
import { readSynthetic } from '../../core/models/synthetic.js';
import { plainQuantization } from '../../core/techniques/quantization.js';
import type { TrainingSettings } from '../../core/training/methods.js';
import { loadLlama } from '../../engines/native/llama.js';
import { architectureOf } from '../../engines/runners/ggml/architecture.js';
import { Engine } from '../../engines/runners/ggml/engine.js';
import { openWeights } from '../../engines/runners/ggml/load.js';
import { GgmlTrainer } from '../../engines/runners/ggml/trainer.js';
import { quantizeFile } from '../../engines/runners/llama-cpp/index.js';
import type { TrainingBatch } from '../../engines/runners/trainer.js';
import { copyGguf, readMetadataValue } from '../../formats/gguf/copy.js';
import { readGgufHeader } from '../../formats/gguf/header.js';
import { writeGguf } from '../../formats/gguf/writer.js';
import { readTensor } from '../../formats/tensor-data.js';
import { sound } from '../support/reading.js';
import { modelPath, prompt } from './loading.js';

export const SETTINGS: TrainingSettings = {
  method: 'lora',
  rank: 4,
  alpha: 8,
  targets: 'all',
  trainedLayers: 1,
  learningRate: 1e-2,
  learningRateRatio: 16,
  weightDecay: 0,
  schedule: 'constant',
  rampSteps: 0,
  steps: 1,
  answersOnly: false,
  sequences: 2,
  windowTokens: 12,
  heldOutShare: 0,
  seed: 3,
};

/** Makes a trainer for a shipped model or a file; gone with `close`. */
export async function trainerFor(
  model: string,
  changes: Partial<TrainingSettings> = {},
): Promise<{ readonly trainer: GgmlTrainer; close(): void }> {
  const settings = { ...SETTINGS, ...changes };
  const path = modelPath(model);
  const llama = await loadLlama({ backend: 'shipped', deviceClass: 'cpu' });
  const header = readGgufHeader(path);
  const architecture = architectureOf(path, header);
  const engine = new Engine(llama, 1, 50);
  const weights = openWeights(engine, path, header, architecture, settings);
  const trainer = new GgmlTrainer(engine, architecture, weights, settings);
  return { trainer, close: () => engine.close() };
}

/** Windows of tokens below a vocabulary's size, the same for the same seed. */
export function batchOf(
  { sequences, windowTokens }: Pick<TrainingSettings, 'sequences' | 'windowTokens'>,
  vocabulary: number,
  seed = 7,
): TrainingBatch {
  const drawn = prompt(sequences * windowTokens * 2, seed).map((token) => token % vocabulary);
  return {
    tokens: drawn.slice(0, sequences * windowTokens),
    labels: drawn.slice(sequences * windowTokens),
  };
}

/** A file of few weights, of a shape that the shipped models do not have. */
export async function writeShape(folder: string, source: string): Promise<string> {
  const reading = sound(readSynthetic(source));
  const path = join(folder, `${source.replace(/\W+/g, '-')}.gguf`);
  await writeSynthetic(path, reading.model);
  return path;
}

/** A Qwen 3 of a Qwen 2's weights: no biases, and norms for the heads of Q and K. */
export async function asQwen3(qwen2: string, folder: string): Promise<string> {
  const { metadata, tensors } = readGgufHeader(qwen2);
  const pairs = await Promise.all(
    [...metadata.keys()].map(async (key) => {
      const value = (await readMetadataValue(qwen2, key))!;
      if (key === 'general.architecture') return [key, { type: 'string', value: 'qwen3' }] as const;
      return [key.replace(/^qwen2\./, 'qwen3.'), value] as const;
    }),
  );
  const number = (key: string) => Number(metadata.get(`qwen2.${key}`));
  const length = number('embedding_length') / number('attention.head_count');
  const norms = Array.from({ length: number('block_count') }, (_, layer) =>
    ['q', 'k'].map((which) => ({
      name: `blk.${layer}.attn_${which}_norm.weight`,
      type: 'f32',
      shape: [length],
      data: () => [new Uint8Array(Float32Array.from({ length }, (_, i) => 0.5 + (i % 5) / 4).buffer)],
    })),
  ).flat();
  const path = join(folder, 'qwen3.gguf');
  const kept = tensors
    .filter(({ name }) => !name.endsWith('.bias'))
    .map((tensor) => ({ ...tensor, data: () => readTensor(tensor) }));
  await writeGguf(path, { metadata: new Map(pairs), tensors: [...kept, ...norms] });
  return path;
}

/** The shipped model in another type. */
export async function quantized(model: string, quantization: string, folder: string): Promise<string> {
  const outputPath = join(folder, `${model}-${quantization}.gguf`);
  await quantizeFile({
    inputPath: modelPath(model),
    outputPath,
    quantization: plainQuantization(quantization),
    imatrix: null,
    threads: 1,
  });
  return outputPath;
}

/** A copy of a model with a tensor or a key that its training graph has no place for. */
export async function changed(
  model: string,
  folder: string,
  name: string,
  changes: Parameters<typeof copyGguf>[2],
): Promise<string> {
  const path = join(folder, `${name}.gguf`);
  await copyGguf(modelPath(model), path, changes);
  return path;
}
