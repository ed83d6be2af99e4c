import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { measureQuality } from '../../agent/quality/opened/measure.js';
import { quantizeFile as quantizeToFourBits } from '../../artifacts/four-bit/quantize.js';
import { decodeFloats } from '../../core/techniques/float-types.js';
import { readQuantization } from '../../core/techniques/quantization.js';
import { kernelsLibrary } from '../../engines/native/kernel-library.js';
import { quantizeFile } from '../../engines/runners/llama-cpp/index.js';
import { readGgufHeader } from '../../formats/gguf/header.js';
import { sharedFolder } from '../support/folder.js';
import { modelPath } from './loading.js';

const sample = join(import.meta.dirname, '../../models/sample.txt');
const folder = sharedFolder();

let count = 0;
async function quantize(word: string, model = modelPath('tiny')) {
  const outputPath = join(folder, `${count++}.gguf`);
  const textPath = word.includes('gptq') ? sample : null;
  const order = { inputPath: model, outputPath, quantization: word, textPath, threads: 1 };
  return { ...(await quantizeToFourBits(order, () => {})), path: outputPath };
}

function tensor(path: string, name: string) {
  const found = readGgufHeader(path).tensors.find((one) => one.name === name)!;
  return { ...found, data: readFileSync(path).subarray(found.offset, found.offset + found.bytes) };
}

async function perplexity(modelPathOf: string): Promise<number> {
  const model = {
    runnerKind: 'llama-cpp',
    modelPath: modelPathOf,
    options: { threads: 1 },
    deviceClass: 'cpu',
    deviceId: 'cpu0',
    cpus: [0],
  };
  const text = {
    path: sample,
    windows: { scheme: 'llama' as const, context: 256, stride: null },
    basePrecision: 'llama' as const,
    maxWindows: 12,
  };
  const job = { model, base: null, request: { text, tasks: [] }, trainedContext: 512, scorers: {} };
  const outcome = await measureQuality(job, { progress: () => {}, checkStop: async () => {} });
  return outcome.text!.perplexity.value;
}

const LAYER = /^blk\.\d+\.(attn_[qkv]|attn_output|ffn_(gate|up|down))\.weight$/;

// CMake and a C++ compiler, or the package with the kernels.
describe.skipIf(kernelsLibrary() === null)('four bits (needs the native kernels)', () => {
  test('MXFP4 has the bytes of llama.cpp', async () => {
    const reading = readQuantization('q8_0?tensorTypes=(attn_(q|k|v|output)|ffn_(gate|up|down)).weight:mxfp4');
    if (!reading.ok || reading.value === null) throw new Error('no word');
    const theirs = join(folder, 'llama-cpp.gguf');
    const request = { inputPath: modelPath('tiny'), outputPath: theirs, imatrix: null, threads: 1 };
    await quantizeFile({ ...request, quantization: reading.value });
    const { path, warnings, facts } = await quantize('mxfp4');
    const layers = readGgufHeader(path).tensors.filter(({ name }) => LAYER.test(name));
    expect(layers.length).toBe(facts.quantizedLayers);
    for (const { name } of layers) {
      const [own, other] = [tensor(path, name), tensor(theirs, name)];
      expect([name, own.type, other.type]).toEqual([name, 'mxfp4', 'mxfp4']);
      expect(own.data.equals(other.data), name).toBe(true);
    }
    expect(warnings).toEqual([]);
    const weights = layers.reduce((sum, { shape }) => sum + shape[0]! * shape[1]!, 0);
    expect(facts.quantizedWeights).toBe(weights);
    expect(layers.reduce((sum, { bytes }) => sum + bytes, 0)).toBe((weights * 4.25) / 8);
    expect(facts.bitsPerQuantizedWeight).toBe(4.25);
  });

  test('what has no products in llama.cpp stands in the file as the values it means, and says so', async () => {
    const { path, warnings } = await quantize('nvfp4');
    expect(warnings).toEqual([
      expect.stringMatching(/no products of nvfp4: .* as f16; quality is that of nvfp4, speed and memory .* of f16/),
    ]);
    const name = 'blk.0.ffn_up.weight';
    const { type, data } = tensor(path, name);
    expect(type).toBe('f16');
    // Sixteen values of a block are at most fifteen different ones, its scale times E2M1.
    const values = decodeFloats(data, 'f16');
    const before = decodeFloats(tensor(modelPath('tiny'), name).data, 'f16');
    for (let at = 0; at < values.length; at += 16) {
      const block = values.subarray(at, at + 16);
      const sizes = [...new Set(block.map(Math.abs))].filter((size) => size > 0);
      expect(sizes.length).toBeLessThanOrEqual(7);
      const most = (of: Float32Array) => Math.max(...of.map(Math.abs));
      expect(most(block)).toBeCloseTo(most(before.subarray(at, at + 16)), 2);
    }
    expect(tensor(path, 'token_embd.weight').data.equals(tensor(modelPath('tiny'), 'token_embd.weight').data)).toBe(true);
  });

  test('a search leaves less error than the prescribed scales, and GPTQ less of the output than a search', async () => {
    for (const type of ['mxfp4', 'nvfp4', 'if4']) {
      const [nearest, search] = [await quantize(type), await quantize(`${type}?method=search`)];
      expect(Number(search.facts.relativeError), type).toBeLessThan(Number(nearest.facts.relativeError));
    }
    const gptq = 'method=gptq&order=dense&sequences=8&tokens=128';
    const by = async (word: string) => Number((await quantize(word)).facts.relativeOutputError);
    // A dampening that drowns the Hessian leaves a search, whose output error is measured all the same.
    expect(await by(`mxfp4?${gptq}`)).toBeLessThan(0.9 * (await by(`mxfp4?${gptq}&dampening=1000`)));
  });

  test('the engine multiplies by MXFP4 as by the values that it stands for', async () => {
    const [stored, rotatedBack] = [await quantize('mxfp4'), await quantize('mxfp4?rotation=block32')];
    const dense = await perplexity(modelPath('tiny'));
    for (const { path } of [stored, rotatedBack]) {
      const found = await perplexity(path);
      expect(found).toBeGreaterThan(0.9 * dense);
      expect(found).toBeLessThan(2 * dense);
    }
  });

  test.each([
    ['mxfp4?layers=ffn_gone', /has no linear layer for layers=ffn_gone/],
    ['nvfp4?method=gptq&sequences=6&tokens=100000&layers=attn_q', null],
  ])('%s', async (word, why) => {
    if (why !== null) await expect(quantize(word)).rejects.toThrow(why);
    else expect((await quantize(word)).warnings.join()).toMatch(/calibration sequences/);
  });

  test('a quantized file is refused', async () => {
    const { path } = await quantize('mxfp4');
    await expect(quantize('mxfp4', path)).rejects.toThrow(/is mxfp4, and float weights are needed/);
  });
});
