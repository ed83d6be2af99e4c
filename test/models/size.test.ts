import { join } from 'node:path';
import { expect, test } from 'vitest';
import { bitsPerWeight } from '../../core/metrics/derive.js';
import { plainQuantization } from '../../core/techniques/quantization.js';
import { loadLlama } from '../../engines/native/llama.js';
import { quantizeFile } from '../../engines/runners/llama-cpp/index.js';
import { modelFacts, weightBytes } from '../../formats/gguf/facts.js';
import { readGgufHeader } from '../../formats/gguf/header.js';
import { sharedFolder } from '../support/folder.js';
import { load, modelPath } from './loading.js';

const folder = sharedFolder();

/** How many types the mixture really has: a name does not tell. */
test.each([
  ['f16', 2],
  ['q8_0', 2],
  ['q4_k_m', 3],
  ['q4_k_s', 4],
  ['q2_k', 4],
  ['iq4_xs', 4],
])('bits per weight are those of the tensors of the file that runs %s', async (quantization, types) => {
  const path = join(folder, `${quantization}.gguf`);
  await quantizeFile({
    inputPath: modelPath('small'),
    outputPath: path,
    quantization: plainQuantization(quantization),
    imatrix: null,
    threads: 1,
  });
  const header = readGgufHeader(path);
  expect(new Set(header.tensors.map(({ type }) => type)).size).toBe(types);

  const llama = await loadLlama({ backend: 'shipped', deviceClass: 'cpu' });
  const model = await load(path, {}, { contextTokens: 64 });
  const printed = llama.log.find(/file size\s+=\s+([\d.]+ [MG]iB \([\d.]+ BPW\))/);
  model.close();
  // The engine's sum and ours, and what llama.cpp prints of it.
  const bytes = weightBytes(header);
  const bits = bitsPerWeight(bytes, modelFacts(header).parameters);
  expect(model.facts).toMatchObject({ modelBytes: bytes, parameters: modelFacts(header).parameters });
  expect(printed).toBe(`${(bytes / 2 ** 20).toFixed(2)} MiB (${bits.toFixed(2)} BPW)`);
});
