import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { measureQuality } from '../../agent/quality/opened/measure.js';
import { quantizeFile as quantizeToFourBits } from '../../artifacts/four-bit/quantize.js';
import { decodeFloats, encodeFloats } from '../../core/techniques/float-types.js';
import { readQuantization } from '../../core/techniques/quantization.js';
import { kernelsLibrary } from '../../engines/native/kernel-library.js';
import { quantizeFile } from '../../engines/runners/llama-cpp/index.js';
import { copyGguf } from '../../formats/gguf/copy.js';
import { readGgufHeader } from '../../formats/gguf/header.js';
import { sharedFolder } from '../support/folder.js';
import { load, modelPath } from './loading.js';

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

/** @returns the weights that ggml's blocks of MXFP4 stand for. */
function valuesOf(blocks: Buffer): Float32Array {
  const sizes = [0, 0.5, 1, 1.5, 2, 3, 4, 6];
  const values: number[] = [];
  for (let at = 0; at < blocks.length; at += 17) {
    const scale = 2 ** (blocks[at]! - 127);
    for (const shift of [0, 4])
      for (let i = 1; i < 17; i++) {
        const code = (blocks[at + i]! >> shift) & 15;
        values.push(scale * sizes[code & 7]! * (code < 8 ? 1 : -1));
      }
  }
  return Float32Array.from(values);
}

const LAYER = /^blk\.\d+\.(attn_[qkv]|attn_output|ffn_(gate|up|down))\.weight$/;

// CMake and a C++ compiler, or the package with the kernels.
describe.skipIf(kernelsLibrary() === null)('four bits (needs the native kernels)', () => {
  test('MXFP4 has the bytes of llama.cpp', async () => {
    const reading = readQuantization(
      'q8_0?tensorTypes=(attn_(q|k|v|output)|ffn_(gate|up|down)).weight:mxfp4',
    );
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
      expect.stringMatching(
        /no products of nvfp4: .* as f16; quality is that of nvfp4, speed and memory .* of f16/,
      ),
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
      // The scale is rounded to three bits behind the first, of small blocks to fewer.
      const ratio = most(block) / most(before.subarray(at, at + 16));
      expect(Math.abs(ratio - 1)).toBeLessThan(1 / 15);
    }
    expect(
      tensor(path, 'token_embd.weight').data.equals(tensor(modelPath('tiny'), 'token_embd.weight').data),
    ).toBe(true);
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
    const { path } = await quantize('mxfp4');
    const floats = join(folder, 'floats.gguf');
    const tensors = readGgufHeader(path)
      .tensors.filter(({ type }) => type === 'mxfp4')
      .map(({ name, shape }) => {
        const values = valuesOf(tensor(path, name).data);
        return [name, { type: 'f32', shape, data: () => [encodeFloats(values, 'f32')] }] as const;
      });
    await copyGguf(path, floats, { tensors: new Map(tensors) });
    const [stored, expected, dense] = await Promise.all([path, floats, modelPath('tiny')].map(perplexity));
    // Inputs of its products are rounded to 8 bits.
    expect(Math.abs(stored! / expected! - 1)).toBeLessThan(0.01);
    expect(stored! / dense!).toBeGreaterThan(1.02);
    const model = await load(path);
    // llama.cpp has no name for a file of MXFP4, and says so at every load.
    expect(model.warnings).toEqual([]);
    model.close();
  });

  test('a rotation is turned back: what the engine reads has the meaning of the base', async () => {
    const dense = await perplexity(modelPath('tiny'));
    for (const rotation of ['block32', 'whole'])
      expect(await perplexity((await quantize(`nvfp4?rotation=${rotation}`)).path)).toBeLessThan(1.5 * dense);
  });

  test('layers that are not there, and a text that gives less than was asked for', async () => {
    await expect(quantize('mxfp4?layers=ffn_gone')).rejects.toThrow(
      /has no linear layer for layers=ffn_gone/,
    );
    const { warnings } = await quantize('nvfp4?method=gptq&sequences=999&tokens=64&layers=attn_q');
    expect(warnings.join()).toMatch(/gave \d+ calibration sequences of 64 tokens, and 999 were asked for/);
  });

  test('a quantized file is refused', async () => {
    const { path } = await quantize('mxfp4');
    await expect(quantize('mxfp4', path)).rejects.toThrow(/is mxfp4, and float weights are needed/);
  });
});
