import { describe, expect, test } from 'vitest';
import { judge } from '../../../batching/judge.js';
import { type PackedMatrices, packedArchitecture } from '../../../core/work/packed.js';
import { operatorsOf, phaseWork } from '../../../core/work/phase-work.js';
import { sparsePasses } from '../../../core/work/sparse.js';
import { GIVEN, ROOFS, SMALL } from '../../support/roofline.js';
import { calmInput, experiment } from '../judgement/trace.js';

const WEIGHTS = { qkv: 64 * 128, output: 64 * 64, up: 64 * 256, down: 128 * 64 };
/** A bit for each weight and two bytes for each that is kept. */
const bitmap = (weights: number, share: number) => {
  const kept = Math.round(weights * share);
  return { weights, kept, bytes: weights / 8 + 2 * kept };
};
const layer = (share: number): PackedMatrices['layers'][number] => ({
  qkv: bitmap(WEIGHTS.qkv, share),
  output: bitmap(WEIGHTS.output, share),
  up: bitmap(WEIGHTS.up, share),
  down: bitmap(WEIGHTS.down, share),
});
const HEAD = { weights: 64_000, kept: 64_000, bytes: 128_000 };
const PACKED: PackedMatrices = { type: 'bf16', layers: [layer(0.5), layer(0.25)], head: HEAD };
const workload = { promptTokens: 600, generateTokens: 1, sequences: 2, contextDepth: 0 };
const operators = (phase: 0 | 1) =>
  operatorsOf(
    phaseWork(packedArchitecture(SMALL, PACKED), { sparseType: 'bf16' }, workload, sparsePasses)[phase]!,
  );

describe('packed matrices', () => {
  test('layers with the same formats are one group, and its sums are those of its layers', () => {
    const { layers, tied, outputBits } = packedArchitecture(SMALL, PACKED);
    expect(layers.map(({ count }) => count)).toEqual([2]);
    expect({ tied, outputBits }).toEqual({ tied: false, outputBits: 16 });
    const products = operators(1).filter(({ class: kind }) => kind === 'matvec');
    const weights = (name: string) => products.find((one) => one.name === name)!;
    expect(products.map(({ name }) => name)).toEqual([
      'qkv_proj',
      'o_proj',
      'gate_up_proj',
      'down_proj',
      'lm_head',
    ]);
    const both = (stack: keyof typeof WEIGHTS, of: 'bytes' | 'kept') =>
      PACKED.layers.reduce((sum, one) => sum + one[stack][of], 0);
    expect(weights('qkv_proj').traffic.weightsRead).toBeCloseTo(both('qkv', 'bytes'), 9);
    // Two sequences, and a multiply and an add for each weight that is kept.
    expect(weights('gate_up_proj').flops).toBeCloseTo(2 * 2 * both('up', 'kept'), 9);
    expect(weights('down_proj').arithmetic).toBe('bf16');
    expect(operators(1).some(({ name }) => name === 'dequantize')).toBe(false);
  });

  test('a layer whose matrices are all dense stands apart', () => {
    const mixed = { ...PACKED, layers: [layer(0.5), layer(1)] };
    const { layers } = packedArchitecture(SMALL, mixed);
    expect(layers.map(({ feedForward }) => feedForward.up.packed?.density)).toEqual([0.5, 1]);
  });

  test('prompts go in passes of 512 tokens of all sequences, each with the logits of its last ones', () => {
    const passes = sparsePasses.prefill(workload, {}, SMALL);
    expect(passes.map(({ batch }) => batch)).toEqual(
      [0, 256, 512].map((cachedTokens) => [
        { sequences: 2, newTokens: Math.min(256, 600 - cachedTokens), cachedTokens },
      ]),
    );
    const heads = operators(0).filter(({ name }) => name === 'lm_head');
    expect(heads.reduce((sum, { flops }) => sum + flops, 0)).toBe(3 * 2 * 2 * 64_000);
    // Rows are chosen before the last norm, and no layer is trimmed.
    const norms = operators(0).filter(({ name }) => name === 'output_norm');
    expect(norms.reduce((sum, { traffic }) => sum + traffic.activationsWritten, 0)).toBe(3 * 2 * 64 * 4);
  });

  test('a row of the runner is predicted by the roofs alone, whatever factors the node has of llama.cpp', () => {
    const { roofline, measurements } = judge(
      calmInput({
        experiment: { ...experiment, runner: { kind: 'sparse', options: { sparseType: 'bf16' } } },
        roofline: { ...GIVEN, architecture: packedArchitecture(SMALL, PACKED) },
      }),
    );
    expect(roofline!.factors).toBeNull();
    for (const phase of roofline!.phases) expect(phase.predictedSeconds).toBe(phase.roofSeconds);
    expect(measurements.decodePredictionErrorRatio).toMatchObject({
      source: `measured ${ROOFS.id}, without factors`,
    });
  });
});
