import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readQuantization } from '../../core/techniques/quantization.js';
import { quantizeFile } from '../../engines/runners/llama-cpp/index.js';
import { temporaryFolder } from '../support/folder.js';
import { splitGguf } from '../support/split-gguf.js';
import { load, modelPath, prompt } from './loading.js';

test('llama.cpp finds the parts of a split model by the first, and computes what it computes of the whole', async () => {
  const [first] = await splitGguf(modelPath('tiny'), temporaryFolder(), 3);
  const said = [];
  for (const path of [modelPath('tiny'), first!]) {
    const model = await load(path);
    model.prefill([prompt(24, 1)]);
    said.push({
      logits: [...model.logits(0)],
      weights: model.facts.modelBytes,
      count: model.facts.parameters,
    });
    model.close();
  }
  expect(said[1]).toEqual(said[0]);
});

test('what is quantized of the parts is one file, the same as of the whole', async () => {
  const folder = temporaryFolder();
  const [first] = await splitGguf(modelPath('tiny'), folder, 3);
  const quantization = readQuantization('q4_k_m', false);
  if (!quantization.ok || quantization.value === null) throw new Error('q4_k_m');
  const made = [];
  for (const [i, inputPath] of [modelPath('tiny'), first!].entries()) {
    const outputPath = join(folder, `${i}.out.gguf`);
    await quantizeFile({
      inputPath,
      outputPath,
      quantization: quantization.value,
      imatrix: null,
      threads: 1,
    });
    made.push(readFileSync(outputPath));
  }
  expect(made[1]!.equals(made[0]!)).toBe(true);
});
