import { describe, expect, test } from 'vitest';
import type { ModelFormat } from '../../../core/models/formats.js';
import { chainOf } from '../../../core/techniques/chain.js';
import { UNCHANGED } from '../../../core/techniques/index.js';
import { SMALL_FACTS } from '../../support/experiments.js';

const facts = (format: ModelFormat, quantization = 'f16') => ({
  ...SMALL_FACTS,
  format,
  quantization,
  parameters: 3000,
  bytes: 6000,
  vocabularySize: 100,
  embeddingLength: 10,
});
const recipes = (
  technique: Partial<typeof UNCHANGED>,
  base: ReturnType<typeof facts>,
  opens: readonly ModelFormat[] = ['onnx'],
) => chainOf({ ...UNCHANGED, ...technique }, base, opens).map(({ recipe }) => recipe);

describe('what is done for a runner that opens graphs', () => {
  test('a GGUF file becomes a graph, and that is quantized last', () => {
    expect(recipes({}, facts('gguf'))).toEqual(['convert(onnx)']);
    expect(recipes({ quantization: 'int4' }, facts('gguf'))).toEqual(['convert(onnx)', 'quantize(int4)']);
    expect(recipes({ quantization: 'f16' }, facts('gguf'))).toEqual(['convert(onnx)', 'quantize(f16)']);
    expect(recipes({ sparsity: 'magnitude:50%', quantization: 'int8' }, facts('gguf'))).toEqual([
      'prune(magnitude:50%)',
      'convert(onnx)',
      'quantize(int8)',
    ]);
  });

  test('types of llama.cpp are given before', () => {
    expect(recipes({ quantization: 'q8_0' }, facts('gguf'))).toEqual(['quantize(q8_0)', 'convert(onnx)']);
    expect(recipes({ quantization: 'q8_0' }, facts('gguf', 'q8_0'))).toEqual(['convert(onnx)']);
  });

  test('a folder becomes a GGUF file first', () => {
    expect(recipes({ quantization: 'int4' }, facts('safetensors'))).toEqual([
      'convert(gguf)',
      'convert(onnx)',
      'quantize(int4)',
    ]);
  });

  test('a graph is quantized as it is', () => {
    expect(recipes({}, facts('onnx'))).toEqual([]);
    expect(recipes({ quantization: 'int8?blockLength=64' }, facts('onnx'))).toEqual([
      'quantize(int8?blockLength=64)',
    ]);
    // Nothing makes a GGUF file of a graph; the agent says so.
    expect(recipes({ sparsity: 'magnitude:50%' }, facts('onnx'))).toEqual([]);
  });

  test('f16 is llama.cpp’s where a runner opens GGUF files', () => {
    expect(recipes({ quantization: 'f16' }, facts('gguf', 'f32'), ['gguf'])).toEqual(['quantize(f16)']);
  });
});
