import { expect, test } from 'vitest';
import { namedArchitecture } from '../../../roofline/configs/index.js';
import { formatsAsked } from '../../../roofline/served-formats.js';

const reading = namedArchitecture('llama-3.1-8b');
if (!reading.ok) throw new Error(reading.reason);
const { architecture } = reading;

test.each([
  [{}, { matrices: null, cache: 'bf16' }],
  [
    { dataType: 'bfloat16', kvCacheType: 'auto' },
    { matrices: null, cache: 'bf16' },
  ],
  [
    { quantizationMethod: null, kvCacheType: 'fp8_e4m3' },
    { matrices: null, cache: 'fp8' },
  ],
  [{ quantizationMethod: 'fp8' }, { matrices: 'fp8', cache: 'bf16' }],
  [
    { quantizationMethod: 'fp8_per_block', kvCacheType: 'fp8' },
    { matrices: 'fp8-block', cache: 'fp8' },
  ],
  [{ quantizationMethod: 'w8a8_fp8' }, { matrices: 'fp8', cache: 'bf16' }],
  [{ quantizationMethod: 'modelopt_fp4' }, { matrices: 'nvfp4', cache: 'bf16' }],
  [{ quantizationMethod: 'mxfp4' }, { matrices: 'mxfp4', cache: 'bf16' }],
  [{ quantizationMethod: 'awq_marlin' }, { matrices: 'int4', cache: 'bf16' }],
  [{ quantizationMethod: 'auto_gptq' }, { matrices: 'int4', cache: 'bf16' }],
  [{ quantizationMethod: 'experts_int8' }, { matrices: 'int8', cache: 'bf16' }],
  [{ quantizationMethod: 'unquant' }, { matrices: null, cache: 'bf16' }],
])('%j is served in %j', (options, formats) => {
  expect(formatsAsked(architecture, options)).toEqual(formats);
});

test.each([
  [{ dataType: 'float32' }, 'no operators are measured in float32'],
  [
    { kvCacheType: 'int4_per_token_head' },
    'no operators are measured with a KV cache in int4_per_token_head',
  ],
  [{ quantizationMethod: 'torchao' }, 'no operators are measured of weights in torchao'],
])('%j has no tables, and says why', (options, why) => {
  expect(formatsAsked(architecture, options)).toBe(why);
});

test('a method that only reads what a file has leaves its formats to the file', () => {
  const layers = architecture.layers.map(({ attention, ...group }) => ({
    ...group,
    attention: { ...attention, output: { ...attention.output, bits: 4.5 } },
  }));
  expect(formatsAsked({ ...architecture, layers }, { quantizationMethod: 'compressed-tensors' })).toEqual({
    matrices: null,
    cache: 'bf16',
  });
});
