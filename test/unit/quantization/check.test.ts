import { describe, expect, test } from 'vitest';
import { FailureError } from '../../../core/errors.js';
import { readQuantization } from '../../../core/techniques/quantization.js';
import { Fallbacks } from '../../../engines/runners/llama-cpp/quantize.js';
import {
  checkMatrix,
  checkTensorTypes,
  notGiven,
} from '../../../engines/runners/llama-cpp/quantize-check.js';
import type { TensorInfo } from '../../../formats/gguf/header.js';

const specOf = (word: string) => {
  const reading = readQuantization(word, true);
  if (!reading.ok || reading.value === null) throw new Error(word);
  return reading.value;
};
const tensor = (name: string, type = 'f16', shape: number[] = [128, 128]): TensorInfo => ({
  name,
  type,
  shape,
  bytes: 0,
  offset: 0,
});
const TIED = ['token_embd.weight', 'blk.0.attn_q.weight', 'blk.0.attn_v.weight', 'blk.1.attn_v.weight'].map(
  (name) => tensor(name),
);
const MODEL = [...TIED, tensor('output.weight'), tensor('blk.0.attn_norm.weight', 'f32', [128])];
const refusal = (word: string, tensors: readonly TensorInfo[] = MODEL) => {
  try {
    checkTensorTypes(specOf(word), tensors);
    return null;
  } catch (error) {
    expect(error).toBeInstanceOf(FailureError);
    return (error as FailureError).failure.message;
  }
};

describe('types of single tensors', () => {
  test.each([
    ['q4_0?tensorTypes=attn_w:q8_0', /attn_w:q8_0 matches no matrix/],
    // Norms are never quantized, so a pattern for them would do nothing.
    ['q4_0?tensorTypes=attn_norm:q8_0', /attn_norm:q8_0 matches no matrix/],
    // The first that matches counts: nothing is left for the second.
    ['q4_0?tensorTypes=attn:q8_0,attn_v:q5_0', /attn_v:q5_0 matches no matrix/],
    ['q4_0?embeddingType=q6_k', /rows of token_embd.weight have 128 weights, and q6_k keeps blocks of 256/],
    ['q4_0?outputType=q4_k', /rows of output.weight have 128/],
    ['q4_0?tensorTypes=.*:iq2_xs', /would make token_embd.weight iq2_xs, and no importance matrix covers it/],
  ])('%s is refused', (word, why) => {
    expect(refusal(word)).toMatch(why);
  });

  test('what every tensor can have is let through', () => {
    expect(refusal('q4_0?tensorTypes=attn_v:q8_0,attn_q:q5_0&outputType=q8_0&embeddingType=q4_1')).toBeNull();
    expect(refusal('q4_0?outputType=q8_0', TIED)).toBeNull();
  });

  test('what was asked and not given is said', () => {
    const typed = (types: Readonly<Record<string, string>>) =>
      MODEL.map((one) => tensor(one.name, types[one.name] ?? 'q4_0'));
    const spec = specOf('q4_0?tensorTypes=attn_v:q6_k&outputType=q8_0');
    expect(notGiven(spec, MODEL, typed({ 'output.weight': 'q8_0' }))).toEqual([
      'attn_v:q6_k: 2 of 2 tensors got q4_0 instead',
    ]);
    const given = { 'output.weight': 'q8_0', 'blk.0.attn_v.weight': 'q6_k', 'blk.1.attn_v.weight': 'q6_k' };
    expect(notGiven(spec, MODEL, typed(given))).toEqual([]);
    const tied = specOf('q4_0?outputType=q8_0&embeddingType=q4_1');
    expect(notGiven(tied, TIED, [tensor('token_embd.weight', 'q4_1')])[0]).toMatch(
      /no output matrix of its own/,
    );
  });

  test('a matrix of another model is refused, one with gaps is told', () => {
    const matrix = (...names: string[]) => ({
      means: new Map(names.map((name) => [name, new Float32Array(128)])),
      uncounted: { matrices: 0, of: 0 },
      dataset: null,
      chunks: 0,
    });
    expect(() => checkMatrix('m.gguf', matrix('blk.0.q.weight'), MODEL)).toThrow(
      /covers no matrix of this model/,
    );
    expect(checkMatrix('m.gguf', matrix('blk.0.attn_q.weight'), MODEL)).toEqual([
      'm.gguf covers 1 of 3 matrices; the others are quantized without',
    ]);
    const all = ['blk.0.attn_q.weight', 'blk.0.attn_v.weight', 'blk.1.attn_v.weight'];
    expect(checkMatrix('m.gguf', matrix(...all), MODEL)).toEqual([]);
    const uncounted = { matrices: 3, of: 24 };
    expect(checkMatrix('m.gguf', { ...matrix(...all), uncounted }, MODEL)).toEqual([
      'no token of m.gguf reached 3 of 24 matrices of experts; all of their inputs weigh alike',
    ]);
  });
});

test('fallbacks are counted from what the engine says, however it is cut', () => {
  const heard = new Fallbacks();
  const line = (name: string) => [
    `warning: ${name}              - ncols    128 not divisible by 256 (required for type    q4_K) `,
    '-> falling back to    q5_0\n',
  ];
  for (const text of [...line('blk.0.attn_k.weight'), 'something else\n', ...line('blk.1.attn_k.weight')]) {
    heard.hear(text);
  }
  heard.hear('warning: x.weight - ncols 100 not divisible by 256 (required for type q6_K) ');
  heard.hear('(WARNING: must use F16 due to unusual shape) ');
  heard.hear('-> falling back to f16\n');
  expect(heard.sentences()).toEqual([
    'q4_k became q5_0 where rows of 128 weights are no blocks of 256: 2 tensors',
    'q6_k became f16 where rows of 100 weights are no blocks of 256: 1 tensor',
  ]);
});
