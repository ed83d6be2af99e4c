import { join } from 'node:path';
import { expect, test } from 'vitest';
import { safetensorsToGguf } from '../../artifacts/conversions/safetensors-to-gguf/converter.js';
import { toFailure } from '../../core/errors.js';
import type { Options } from '../../core/experiment/experiment.js';
import { readOptions } from '../../core/experiment/options.js';
import { llamaCpp } from '../../core/runners/llama-cpp.js';
import { openEncoder } from '../../engines/runners/llama-cpp/encoder.js';
import { temporaryFolder } from '../support/folder.js';
import { tinyBert } from '../support/tiny-models.js';
import { modelPath } from './loading.js';

async function encoder(): Promise<string> {
  const outputPath = join(temporaryFolder(), 'bert.gguf');
  const request = { inputPath: await tinyBert(), outputPath, type: null, dequantize: false };
  await safetensorsToGguf.convert(request, () => {});
  return outputPath;
}

const open = (path: string, texts: object, options: Options = {}) =>
  openEncoder({
    modelPath: path,
    options: readOptions(llamaCpp.options, { threads: 1, ...options }),
    deviceClass: 'cpu',
    deviceId: 'cpu0',
    cpus: [0],
    graph: { items: 1, size: 8, sizes: {}, seed: 1, ...texts },
  });

async function refusal(work: Promise<unknown>): Promise<string> {
  const { code, message } = await work.then(
    () => ({ code: 'none', message: '' }),
    (error) => toFailure(error),
  );
  return `${code}: ${message}`;
}

test('llama.cpp runs an encoder as a graph: texts in, states out', async () => {
  const graph = await open(await encoder(), { items: 3, sizes: { sequence: 16 } });
  try {
    expect(graph.record).toEqual({
      items: 3,
      inputs: [{ name: 'input_ids', type: 'int32', shape: [3, 16] }],
      outputs: [{ name: 'last_hidden_state', type: 'float32', shape: [3, 16, 16] }],
    });
    const seconds = graph.call(3);
    expect(seconds).toHaveLength(3);
    expect(Math.min(...seconds)).toBeGreaterThan(0);
    expect(graph.facts.kvCacheBytes).toBe(0);
    expect(graph.facts.parameters).toBeGreaterThan(0);
  } finally {
    graph.close();
  }
});

test('texts that it cannot take, and models that decode, are refused before anything is computed', async () => {
  const path = await encoder();
  expect(await refusal(open(path, { size: 33 }))).toMatch(/impossible-combination: .* longer than the 32/);
  expect(await refusal(open(path, { items: 4 }, { ubatch: 16 }))).toMatch(/4 × 8 tokens at once, and ubatch/);
  expect(await refusal(open(path, { sizes: { height: 8 } }))).toMatch(/no open dimension height/);
  expect(await refusal(open(modelPath('tiny'), {}))).toMatch(/impossible-combination: .* decodes/);
});
