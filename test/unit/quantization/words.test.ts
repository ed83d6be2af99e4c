import { describe, expect, test } from 'vitest';
import { quantization, readQuantization } from '../../../core/techniques/quantization.js';

const canonical = (word: string) => {
  const reading = quantization.read(word);
  return reading.ok ? reading.value : `${reading.message} [${reading.suggestion}]`;
};

describe('a word of quantization', () => {
  test.each([
    ['base', 'base'],
    ['q4_k_m', 'q4_k_m'],
    ['q4_k_m?pure=false', 'q4_k_m'],
    ['q4_k_m?pure=true&embeddingType=q8_0', 'q4_k_m?embeddingType=q8_0&pure=true'],
    ['q4_0?tensorTypes=attn_v:q8_0,ffn_down:q6_k', 'q4_0?tensorTypes=attn_v:q8_0,ffn_down:q6_k'],
    // A regular expression, as llama-quantize takes it; what parts words is escaped.
    ['q4_0?tensorTypes=blk\\.(0|1)\\..*:f16', 'q4_0?tensorTypes=blk\\.(0|1)\\..*:f16'],
    ['iq2_xs?importance=builtin:sample&importanceTokens=512', 'iq2_xs?importance=builtin:sample'],
    [
      'q4_k_m?importance=texts/a%20b.txt&importanceTokens=64',
      'q4_k_m?importance=texts/a%20b.txt&importanceTokens=64',
    ],
  ])('%s is %s', (word, expected) => {
    expect(canonical(word)).toBe(expected);
    expect(canonical(expected)).toBe(expected);
  });

  test.each([
    ['q9_9', /must be one of .* not "q9_9"/],
    ['iq1_s', /needs an importance matrix.*\[iq1_s\?importance=builtin:sample\]/],
    ['q4_0?tensorTypes=attn_v:q9_k', /tensorTypes of .* must be parts of names and their types/],
    ['q4_0?tensorTypes=attn_v', /must be parts of names/],
    ['q4_0?tensorTypes=attn_(v:q8_0', /must be parts of names/],
    ['q4_0?tensorTypes=attn_v:iq2_xs', /attn_v:iq2_xs needs an importance matrix/],
    ['f16?tensorTypes=attn_v:q8_0', /ignores types of single tensors when it writes f16/],
    ['bf16?pure=true', /bf16 is no mixture, so pure changes nothing/],
    ['q4_0?outputType=iq2_xxs', /outputType of .* must be one of/],
    ['iq2_xs?pure=true&importance=builtin:sample', /give both outputType and embeddingType/],
    ['q4_0?importanceTokens=1', /importanceTokens of .* must be a whole number from 2/],
  ])('%s is refused', (word, why) => {
    expect(canonical(word)).toMatch(why);
  });

  test('a matrix that is there already needs no text', () => {
    expect(readQuantization('iq1_s').ok).toBe(false);
    expect(readQuantization('iq1_s', true)).toMatchObject({
      ok: true,
      value: { type: 'iq1_s', importance: null },
    });
    expect(readQuantization('q4_0?tensorTypes=attn_v:iq2_xs', true).ok).toBe(true);
  });

  test('what is asked for is read', () => {
    const reading = readQuantization(
      'q4_k_m?outputType=q8_0&tensorTypes=attn_v:q6_k,ffn_.*:q5_0&importance=t.txt&importanceSequences=7',
    );
    expect(reading).toEqual({
      ok: true,
      value: {
        type: 'q4_k_m',
        outputType: 'q8_0',
        embeddingType: null,
        tensorTypes: [
          { pattern: 'attn_v', type: 'q6_k' },
          { pattern: 'ffn_.*', type: 'q5_0' },
        ],
        pure: false,
        importance: { text: 't.txt', sequences: 7, tokens: 512, order: 'dense', seed: 0 },
      },
    });
  });
});
