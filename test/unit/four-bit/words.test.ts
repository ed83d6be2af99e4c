import { describe, expect, test } from 'vitest';
import { llamaCpp } from '../../../core/runners/llama-cpp.js';
import { blocksDivideWidth, fourBitFillsZeros, storedBits } from '../../../core/techniques/four-bit/spec.js';
import { quantization } from '../../../core/techniques/quantization.js';

const canonical = (word: string) => {
  const reading = quantization.read(word);
  return reading.ok ? reading.value : `${reading.message} [${reading.suggestion}]`;
};

describe('a word of four bits', () => {
  test.each([
    ['mxfp4', 'mxfp4'],
    ['mxfp4?method=nearest&rotation=none', 'mxfp4'],
    ['if4?rotation=whole&method=search', 'if4?method=search&rotation=whole'],
    ['nvfp4?method=gptq&sequences=128&tokens=256', 'nvfp4?method=gptq&tokens=256'],
    ['nvfp4?layers=ffn_*&exclude=ffn_down', 'nvfp4?exclude=ffn_down&layers=ffn_*'],
  ])('%s is %s', (word, expected) => {
    expect(canonical(word)).toBe(expected);
    expect(canonical(expected)).toBe(expected);
  });

  test.each([
    ['mxfp4?rotation=half', /rotation of .* must be none or block32 or whole/],
    ['mxfp4?method=awq', /method of .* must be nearest or search or gptq/],
    // Nothing calibrates, so the setting would do nothing.
    ['mxfp4?tokens=256', /has no setting "tokens"; it can have method, rotation, layers, exclude/],
    ['mxfp4?method=gptq&blockColumns=40', /blockColumns 40 cuts blocks of 32/],
    ['mxfp4?outputType=q8_0', /has no setting "outputType"/],
    ['nvpf4', /\[nvfp4\]/],
  ])('%s is refused', (word, why) => {
    expect(canonical(word)).toMatch(why);
  });

  test('only what the engine has products of is stored', () => {
    const words = ['mxfp4', 'mxfp4?method=gptq', 'mxfp4?rotation=block32', 'nvfp4', 'q4_0'];
    expect(words.map(storedBits)).toEqual([4.25, 4.25, null, null, null]);
  });
});

describe('rules of a sweep', () => {
  const reasonOf = (values: Record<string, string>, embeddingLength: number | null = 576) => {
    const facts = embeddingLength === null ? null : ({ embeddingLength, quantization: 'f16' } as never);
    const rules = [blocksDivideWidth, fourBitFillsZeros];
    expect(llamaCpp.rules).toEqual(expect.arrayContaining(rules));
    const found = rules.map((rule) =>
      rule.reason({ model: 'm', sparsity: 'none', ...values } as never, facts),
    );
    return found.filter((reason) => reason !== null).join();
  };

  test('blocks divide the width of a model, as far as that is known', () => {
    expect(reasonOf({ quantization: 'mxfp4' })).toBe('');
    expect(reasonOf({ quantization: 'mxfp4' }, 80)).toMatch(/are 80 wide, which blocks of 32 do not divide/);
    expect(reasonOf({ quantization: 'nvfp4' }, 80)).toBe('');
    expect(reasonOf({ quantization: 'nvfp4?rotation=block32' }, 80)).toMatch(/blocks of 32 do not divide/);
    expect(reasonOf({ quantization: 'mxfp4' }, null)).toBe('');
  });

  test('pruned weights stay pruned', () => {
    const sparsity = 'magnitude:50%';
    expect(reasonOf({ sparsity, quantization: 'mxfp4?method=search' })).toBe('');
    expect(reasonOf({ sparsity, quantization: 'mxfp4?method=gptq' })).toMatch(
      /method=gptq would fill weights that were pruned/,
    );
    expect(reasonOf({ sparsity, quantization: 'if4?rotation=whole' })).toMatch(/rotation=whole would fill/);
  });
});
