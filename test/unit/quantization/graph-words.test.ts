import { describe, expect, test } from 'vitest';
import { formsOf, readGraphQuantization } from '../../../core/techniques/graph-quantization.js';
import { predictWeights } from '../../../core/techniques/predicted-weights.js';
import { quantization, readQuantization } from '../../../core/techniques/quantization.js';
import { SMALL_FACTS } from '../../support/experiments.js';

const canonical = (word: string) => {
  const reading = quantization.read(word);
  return reading.ok ? reading.value : reading.message;
};

describe('words of ONNX graphs', () => {
  test('have one spelling', () => {
    expect(canonical('int4')).toBe('int4');
    expect(canonical('int4?blockLength=32&accuracyLevel=4&zeroPoints=false')).toBe('int4');
    expect(canonical('int8?outputType=float&blockLength=128')).toBe('int8?blockLength=128&outputType=float');
    expect(quantization.spell({ type: 'int4', blockLength: 64, zeroPoints: true })).toBe(
      'int4?blockLength=64&zeroPoints=true',
    );
    expect(readGraphQuantization('int4?blockLength=64')).toMatchObject({
      ok: true,
      value: { type: 'int4', blockLength: 64, zeroPoints: false, outputType: 'same', embeddingType: 'float' },
    });
    expect(readGraphQuantization('q4_0')).toBeNull();
  });

  test('are refused with what they can be', () => {
    expect(canonical('int4?blockLength=48')).toBe(
      'blockLength of "int4?blockLength=48" must be one of 16, 32, 64, 128, 256',
    );
    expect(canonical('int4?pure=true')).toMatch(/has no setting "pure"; it can have blockLength/);
    expect(canonical('int8_dynamic?zeroPoints=true')).toMatch(/has no setting "zeroPoints"/);
    const llama = readQuantization('int4');
    expect(llama.ok ? '' : llama.message).toBe(
      'quantization int4 is a form of ONNX graphs, and llama.cpp has no type of that name',
    );
  });

  test('a runner is refused the forms that its files do not have', () => {
    const reason = (opens: Parameters<typeof formsOf>[0], word: string) =>
      formsOf(opens).reason({ quantization: word }, null);
    expect(reason(['gguf'], 'int4')).toBe(
      'quantization int4 is a form of ONNX graphs: give it to the runner onnx, or choose a type of llama.cpp such as q4_0',
    );
    expect(reason(['gguf'], 'q4_k_m')).toBeNull();
    expect(reason(['onnx'], 'q4_k_m')).toMatch(/has no form for: choose int4|have no form for: choose int4/);
    expect(reason(['onnx'], 'q4_0')).toMatch(/gives the output matrix q6_k/);
    for (const word of ['base', 'f16', 'int4', 'int8?blockLength=64', 'q8_0', 'q4_0?outputType=q8_0'])
      expect(reason(['onnx'], word)).toBeNull();
    expect(reason([], 'int4')).toBeNull();
  });

  test('sizes are predicted, the embedding a float unless it is asked for', () => {
    const facts = { ...SMALL_FACTS, parameters: 3000, vocabularySize: 100, embeddingLength: 10 };
    expect(predictWeights(facts, 'int4')).toBe((2000 * 5) / 8 + 4000);
    expect(predictWeights(facts, 'int8?blockLength=64&zeroPoints=true&embeddingType=int8')).toBe(
      (3000 * (8 + 40 / 64)) / 8,
    );
  });
});
