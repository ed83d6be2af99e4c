import { describe, expect, test } from 'vitest';
import { sizeOf } from '../../../core/work/model-size.js';
import { onnxPasses } from '../../../core/work/onnx.js';
import { passWork } from '../../../core/work/pass-work.js';
import { architectureFromOnnx, type OnnxWeights } from '../../../roofline/readers/onnx.js';
import { sound } from '../../support/reading.js';

/** 2 heads of 4, 1 of keys, 8 elements, feed-forward of 16, 300 tokens. */
const LAYER = [
  [8, 8],
  [8, 4],
  [8, 4],
  [8, 8],
  [8, 16],
  [8, 16],
  [16, 8],
] as const;

function weights(
  layers: number,
  leaveOut: number | null = null,
  outputBits: number | null = 16,
): OnnxWeights {
  const matrices = Array.from({ length: layers }, () => LAYER)
    .flat()
    .map(([inputs, outputs], i) => ({ name: `w${i}`, inputs, outputs, bits: 16 }));
  const output = { name: 'head', inputs: 8, outputs: 300, bits: outputBits };
  return {
    matrices: [...matrices.filter((_, i) => i !== leaveOut), output],
    tables: [{ name: 'table', rows: 300, columns: 8, bits: 16 }],
  };
}

const facts = { heads: 2, contextLength: 64, graphLogits: 'all' } as const;

describe('an ONNX graph', () => {
  test('its matrices are the model’s', () => {
    const reading = sound(architectureFromOnnx(weights(3), facts));
    const { architecture } = reading;
    expect(architecture).toMatchObject({ embedding: 8, vocabulary: 300, contextLength: 64 });
    expect(architecture.layers).toMatchObject([
      {
        count: 3,
        attention: { heads: 2, kvHeads: 1, keyLength: 4, query: { bits: 16 } },
        feedForward: { up: { inputs: 8, outputs: 16 } },
      },
    ]);
    const matrices = 3 * LAYER.reduce((sum, [a, b]) => sum + a * b, 0) + 2 * 8 * 300;
    expect(sizeOf(architecture).parameters).toBe(matrices + (3 * 2 + 1) * 8);
  });

  test('a prompt has one row of logits where its graph keeps the last, and else as many as it has tokens', () => {
    const rowsOf = (graphLogits: 'all' | 'last') => {
      const reading = sound(architectureFromOnnx(weights(3), { ...facts, graphLogits }));
      const workload = { promptTokens: 32, generateTokens: 1, sequences: 2, contextDepth: 0 };
      const [pass] = onnxPasses.prefill(workload, {}, reading.architecture);
      const { operators } = passWork(reading.architecture, pass!);
      return operators.find(({ name }) => name === 'lm_head')!.flops / (2 * 8 * 300);
    };
    expect(rowsOf('all')).toBe(64);
    expect(rowsOf('last')).toBe(2);
  });

  test('what it cannot be is refused in a sentence', () => {
    const refused = (held: OnnxWeights, heads = 2) => {
      const reading = architectureFromOnnx(held, { ...facts, heads });
      return reading.ok ? 'was read' : reading.reason;
    };
    expect(refused({ matrices: [], tables: [] })).toMatch(/gathers from no constant table/);
    expect(refused(weights(2, 3))).toMatch(/14 products with constants/);
    expect(refused(weights(2, null, null))).toMatch(/constant head has a data_type whose bits are not known/);
    expect(refused(weights(2), 3)).toMatch(/layer 0 are not those of a Llama-like layer with 3 heads/);
  });
});
