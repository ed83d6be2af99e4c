import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { ggufToOnnx } from '../../artifacts/conversions/gguf-to-onnx/converter.js';
import { writeSynthetic } from '../../artifacts/files/synthetic/model.js';
import { bytesOf } from '../../artifacts/files/tree.js';
import { quantizeGraph } from '../../artifacts/onnx/quantize.js';
import { readOptions } from '../../core/experiment/options.js';
import { readSynthetic } from '../../core/models/synthetic.js';
import { onnx as description } from '../../core/runners/onnx.js';
import { type GraphQuantization, readGraphQuantization } from '../../core/techniques/graph-quantization.js';
import { readQuantization } from '../../core/techniques/quantization.js';
import { quantizeFile } from '../../engines/runners/llama-cpp/index.js';
import { loadModel } from '../../engines/runners/onnx/load.js';
import { onnx } from '../../formats/onnx/format.js';
import { sharedFolder } from '../support/folder.js';
import { OnnxRun } from '../support/onnx-run.js';
import { sound } from '../support/reading.js';
import { load, modelPath, prompt, rootMeanSquare } from './loading.js';

const folder = sharedFolder();

const tokens = prompt(40, 3);
const graphIn = (path: string) => join(path, 'model.onnx');

async function exported(name: string, model: string): Promise<string> {
  const outputPath = join(folder, name);
  await ggufToOnnx.convert(
    { inputPath: modelPath(model), outputPath, type: null, dequantize: false },
    () => {},
  );
  return outputPath;
}
async function quantized(name: string, word: string): Promise<string> {
  const reading = readQuantization(word);
  if (!reading.ok || reading.value === null) throw new Error(word);
  const outputPath = join(folder, `${name}-${word.replaceAll(/\W/g, '-')}.gguf`);
  const request = { inputPath: modelPath(name), outputPath, quantization: reading.value };
  await quantizeFile({ ...request, imatrix: null, threads: 1 });
  return outputPath;
}
async function ofLlama(path: string): Promise<Float32Array[]> {
  const model = await load(path, { kvCacheTypeK: 'f32', kvCacheTypeV: 'f32', flashAttention: false });
  const rows: Float32Array[] = [];
  model.text.evaluate(tokens, 0, (_, logits) => void rows.push(logits.slice()));
  model.close();
  return rows;
}
async function ofOnnx(path: string, pieces: readonly number[] = [tokens.length]): Promise<Float32Array[]> {
  const model = await OnnxRun.open(graphIn(path));
  const rows: Float32Array[] = [];
  let at = 0;
  for (const count of pieces) {
    rows.push(...(await model.evaluate(tokens.subarray(at, at + count))));
    at += count;
  }
  await model.close();
  return rows;
}
const apart = (a: readonly Float32Array[], b: readonly Float32Array[]) => {
  expect(a).toHaveLength(b.length);
  return Math.max(...a.map((row, i) => rootMeanSquare(row, b[i]!)));
};
/** What llama.cpp rounds on the way: f16 in products of f16 weights. */
const ROUNDING = 0.01;

describe('a graph made of a GGUF file', () => {
  test.each(['tiny', 'small'])('answers as llama.cpp does, at once and with a cache: %s', async (model) => {
    const path = await exported(model, model);
    const wanted = await ofLlama(model);
    expect(apart(await ofOnnx(path), wanted)).toBeLessThan(ROUNDING);
    expect(apart(await ofOnnx(path, [20, 1, 1, 18]), wanted)).toBeLessThan(ROUNDING);
  });

  test.each([
    'synthetic:qwen2?layers=2&embedding=128&vocabulary=4096&seed=5&type=f32',
    'synthetic:llama?layers=2&embedding=128&heads=4&kvHeads=2&headLength=32&vocabulary=4096&ropeBase=500000&type=bf16',
    'synthetic:llama-3.2-1b?layers=1&embedding=256&heads=4&kvHeads=2&feedForward=256&vocabulary=4096&contextLength=256&type=f32',
  ])('of any shape: %s', async (word) => {
    const reading = sound(readSynthetic(word));
    const path = join(folder, `synthetic-${word.replaceAll(/\W/g, '-')}.gguf`);
    await writeSynthetic(path, reading.model);
    const wanted = await ofLlama(path);
    const spread = rootMeanSquare(wanted[0]!, new Float32Array(wanted[0]!.length));
    const made = await exported(`${path.split('/').at(-1)}.onnx`, path);
    expect(apart(await ofOnnx(made), wanted) / spread).toBeLessThan(ROUNDING);
  });

  test('runs in the runner onnx, which asks for the logits it needs', async () => {
    const path = await exported('run', 'tiny');
    const options = readOptions(description.options, {});
    const request = { modelPath: path, options, deviceClass: 'cpu', deviceId: 'cpu0', cpus: [0] };
    const model = await loadModel({ ...request, contextTokens: 64, sequences: 1 });
    const wanted = await ofLlama('tiny');
    const rows: Float32Array[] = [];
    model.evaluate(tokens, tokens.length - 2, (_, logits) => void rows.push(logits.slice()));
    model.close();
    expect(model.facts.environment).toMatchObject({ kvCacheType: 'float32', kvCacheShared: true });
    expect(apart(rows, wanted.slice(-2))).toBeLessThan(ROUNDING);
  });

  test('of quantized weights has the very same weights', async () => {
    for (const word of ['q8_0', 'q4_0?outputType=q8_0', 'q4_0?pure=true']) {
      const path = await quantized('tiny', word);
      const made = await exported(`of-${word.replaceAll(/\W/g, '-')}`, path);
      const off = apart(await ofOnnx(made), await ofLlama(path));
      // Both round what comes to a product to int8, in other blocks.
      expect([word, off < 0.1]).toEqual([word, true]);
    }
  });

  test('says what it is, and what it is not made of', async () => {
    const path = await exported('facts', 'tiny');
    expect(onnx.inspect(path).facts).toMatchObject({
      format: 'onnx',
      architecture: 'llama',
      quantization: 'f32',
      bytes: expect.any(Number) as number,
      layers: 4,
      vocabularySize: 4096,
      heads: { query: 2, keyValue: 1 },
    });
    expect(onnx.details(path)).toMatchObject({ tokenizer: 'BPE', chatTemplate: null });
    const shapes = sound(onnx.shapes(path));
    expect(shapes.architecture.layers).toMatchObject([
      { count: 4, attention: { kvHeads: 1, query: { bits: 32 } } },
    ]);
    expect(shapes.architecture.graphLogits).toBe('last');
    const request = {
      inputPath: await quantized('tiny', 'q4_k_m'),
      outputPath: join(folder, 'never'),
      type: null,
      dequantize: false,
    };
    await expect(ggufToOnnx.convert(request, () => {})).rejects.toThrow(
      /is q\d_\w, and no ONNX graph is built of that/,
    );
  });
});

describe('a graph that is quantized', () => {
  let base: string;
  let wanted: Float32Array[];
  beforeAll(async () => {
    base = await exported('base', 'small');
    wanted = await ofOnnx(base);
  });
  const make = async (word: string) => {
    const spec = readGraphQuantization(word);
    if (!spec?.ok) throw new Error(word);
    const outputPath = join(folder, word.replaceAll(/\W/g, '-'));
    const quantization: GraphQuantization = spec.value;
    const made = await quantizeGraph({ inputPath: base, outputPath, quantization }, () => {});
    return { path: outputPath, ...made };
  };

  /**
   * How far logits may be from those of the floats (their own spread is about 3), and what the weights take
   * of the floats' bytes.
   */
  const FORMS: readonly (readonly [string, number, number])[] = [
    ['f16', 0.02, 0.51],
    ['int8', 0.1, 0.4],
    ['int8?accuracyLevel=0', 0.05, 0.4],
    ['int4', 0.8, 0.28],
    ['int4?accuracyLevel=0', 0.8, 0.28],
    ['int4?blockLength=64&zeroPoints=true', 0.8, 0.28],
    ['int4?blockLength=128&outputType=int8', 1, 0.28],
    ['int4?outputType=float', 0.8, 0.4],
    ['int4?embeddingType=int4', 1, 0.17],
    ['int8?embeddingType=int8', 0.1, 0.3],
    ['int8?embeddingType=int8&zeroPoints=true', 0.1, 0.3],
    ['int8_dynamic', 0.3, 0.4],
  ];

  test.each(FORMS)('%s', async (word, furthest, share) => {
    const { path, facts, warnings } = await make(word);
    expect(warnings).toEqual([]);
    const off = apart(await ofOnnx(path, [39, 1]), wanted);
    expect(off).toBeLessThan(furthest);
    expect(off).toBeGreaterThan(0);
    expect(bytesOf(graphIn(path)) / bytesOf(graphIn(base))).toBeLessThan(share);
    expect(facts.relativeError).toBeGreaterThan(0);
    expect(readFileSync(join(path, 'config.json'), 'utf8')).toBe(
      readFileSync(join(base, 'config.json'), 'utf8'),
    );
  });
});
