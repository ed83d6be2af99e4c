import { describe, expect, test } from 'vitest';
import type { ModelFacts } from '../../../core/experiment/experiment.js';
import { sparse } from '../../../core/runners/sparse.js';

const reasons = (quantization: string, base: string | null, architecture = 'llama') =>
  sparse.rules
    .map((rule) =>
      rule.reason(
        { model: 'm', quantization, sparsity: 'none' },
        base === null ? null : ({ quantization: base, architecture } as ModelFacts),
      ),
    )
    .filter((reason) => reason?.startsWith('the runner sparse'));

describe('the runner sparse', () => {
  test('takes float weights, whether the file has them or they are made', () => {
    expect(reasons('base', 'f16')).toEqual([]);
    expect(reasons('bf16', 'f16')).toEqual([]);
    expect(reasons('base', null)).toEqual([]);
  });

  test('refuses quantized weights before anything runs', () => {
    const sentence = (type: string) =>
      `the runner sparse packs float weights, and model m would be ${type}: leave quantization out, and choose the type with sparseType`;
    expect(reasons('q4_k_m', 'f16')).toEqual([sentence('q4_k_m')]);
    expect(reasons('base', 'q8_0')).toEqual([sentence('q8_0')]);
    expect(reasons('q4_0', null)).toEqual([sentence('q4_0')]);
  });

  test('refuses architectures that our own graphs do not know', () => {
    expect(reasons('base', 'f16', 'gemma3')).toEqual([
      'the runner sparse cannot run model m: its architecture is gemma3, and our own graphs know llama, qwen2, qwen3',
    ]);
  });
});
