import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ggufToOnnx } from '../../artifacts/conversions/gguf-to-onnx/converter.js';
import { quantizeGraph } from '../../artifacts/onnx/quantize.js';
import { readOptions } from '../../core/experiment/options.js';
import { onnx } from '../../core/runners/onnx.js';
import { readGraphQuantization } from '../../core/techniques/graph-quantization.js';
import { plainQuantization } from '../../core/techniques/quantization.js';
import { quantizeFile } from '../../engines/runners/llama-cpp/index.js';
import { loadModel } from '../../engines/runners/onnx/load.js';
import { sharedFolder } from '../support/folder.js';
import { load, modelPath, prompt } from './loading.js';

const folder = sharedFolder();
const tokens = prompt(40, 3);

test('a graph of int8 that runs between two prompts leaves what llama.cpp computes as it was', async () => {
  const quantized = join(folder, 'q8_0.gguf');
  await quantizeFile({
    inputPath: modelPath('small'),
    outputPath: quantized,
    quantization: plainQuantization('q8_0'),
    imatrix: null,
    threads: 1,
  });
  const floats = join(folder, 'floats');
  const whole = { inputPath: modelPath('small'), outputPath: floats, type: null, dequantize: false };
  await ggufToOnnx.convert(whole, () => {});
  const graph = join(folder, 'graph');
  const spec = readGraphQuantization('int8_dynamic');
  if (!spec?.ok) throw new Error('int8_dynamic');
  await quantizeGraph({ inputPath: floats, outputPath: graph, quantization: spec.value }, () => {});

  const model = await load(quantized);
  const logits = () => {
    model.reset(0);
    model.prefill([tokens]);
    return model.logits(0).slice();
  };
  const before = logits();
  const other = await loadModel({
    modelPath: join(graph, 'model.onnx'),
    options: readOptions(onnx.options, {}),
    deviceClass: 'cpu',
    deviceId: 'cpu0',
    cpus: [0],
    contextTokens: 64,
    sequences: 1,
  });
  other.prefill([tokens]);
  other.close();
  expect(logits()).toEqual(before);
  model.close();
});
