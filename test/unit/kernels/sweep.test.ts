import { describe, expect, test } from 'vitest';
import { SHAPE_AXES } from '../../../core/kernels/axes.js';
import { OPS } from '../../../core/kernels/gen/ops.js';
import { RUNNERS } from '../../../core/runners/index.js';
import { parseSweep } from '../../../core/sweep/parse.js';
import { planSpace } from '../../../core/sweep/space.js';
import { WORKLOADS } from '../../../core/workloads/index.js';

function planned(workload: string, more = 'runners: { kind: kernels, threads: 1 }') {
  const parsed = parseSweep(`
apiVersion: ridgepoint.dev/v1
kind: Sweep
metadata: { name: ops }
spec:
  models: builtin:tiny
  ${more}
  workloads: ${workload}
`);
  if (!parsed.ok)
    throw new Error(
      parsed.diagnostics.map(({ message, suggestion }) => `${message} ${suggestion}`).join('\n'),
    );
  return planSpace(parsed.sweep);
}

const skipped = (workload: string) => planned(workload).impossible.map(({ reason }) => reason);

describe('a sweep over ops', () => {
  test('multiplies op, variant, type and shape', () => {
    const space = planned(
      '{ kind: kernel, op: attention-decode, variant: [packed, plain], elementType: [f16, int8], context: [64, 128], kvHeads: [1, 8] }',
    );
    expect(space.count).toBe(16);
    expect(space.impossible).toEqual([]);
  });

  test('every parameter of every op is an axis, and no axis of anything else', () => {
    const others = [...RUNNERS, ...WORKLOADS.filter(({ kind }) => kind !== 'kernel')].flatMap(({ options }) =>
      Object.keys(options.shape),
    );
    const axes = SHAPE_AXES.map(({ name }) => name);
    expect(axes).toEqual([...new Set(axes)]);
    expect(
      [...axes, 'op', 'variant', 'elementType', 'cacheState'].filter((name) => others.includes(name)),
    ).toEqual([]);
    expect(axes.length).toBe(
      new Set(OPS.flatMap(({ parameters }) => parameters.map(({ name }) => name))).size,
    );
  });

  test.each([
    ['{ kind: kernel, op: gemv, variant: packed }', 'the op gemv has no variant packed'],
    ['{ kind: kernel, op: attention-prefill, elementType: int8 }', 'attention-prefill has no type int8'],
    ['{ kind: kernel, op: gemv, context: 64 }', 'the op gemv has no context in its shape: leave it out'],
    ['{ kind: kernel, op: rope, length: 1 }', 'length of rope goes from 2 to 1024'],
    ['{ kind: kernel, op: attention-decode, kvHeads: 3 }', 'heads has to be a multiple of kvHeads'],
    ['{ kind: kernel, op: moe, experts: 4 }', 'used has to be at most experts'],
    ['{ kind: kernel, op: sparse-2of4, columns: 66 }', 'columns has to be a multiple of 4'],
    ['{ kind: kernel, op: rope, length: 127 }', 'length has to be a multiple of 2'],
    [
      '{ kind: kernel, op: nsa-decode, compressStride: 33 }',
      'compressStride has to be at most compressBlock',
    ],
    ['{ kind: latency }', 'the runner kernels cannot do the workload latency'],
  ])('%s is skipped with its reason', (workload, reason) => {
    expect(skipped(workload)).toEqual([expect.stringContaining(reason)]);
    expect(planned(workload).count).toBe(0);
  });

  test('what contradicts is left out, and the rest runs', () => {
    const space = planned('{ kind: kernel, op: [gemv, attention-decode], context: 64, variant: best }');
    expect(space.count).toBe(1);
    expect(space.impossible).toHaveLength(1);
  });

  const gpu = 'runners: { kind: kernels }\n  placement: { device: [cpu, "cuda:h100"] }';
  test('devices choose among the variants of an op: each of them runs where it belongs', () => {
    const variants = planned('{ kind: kernel, op: gemm, variant: [avx512, cuda, cuda-tensor] }', gpu);
    expect(variants.count).toBe(3);
    const best = planned('{ kind: kernel, op: [gemm, sparse-blocks], variant: best, elementType: f16 }', gpu);
    expect(best.count).toBe(4);
    expect(best.impossible).toEqual([]);
  });

  test.each([
    [
      '{ kind: kernel, op: lora, variant: cuda-fused }',
      'runners: { kind: kernels }',
      'the variant cuda-fused of lora does not run on cpu: choose best, separate, fused, grouped, or placement: device: cuda',
    ],
    [
      '{ kind: kernel, op: attention-prefill, elementType: f32 }',
      'runners: { kind: kernels }\n  placement: { device: cuda }',
      'attention-prefill has no type f32: it has f16, bf16',
    ],
    [
      '{ kind: kernel, op: gemv }',
      'runners: { kind: kernels, threads: 4 }\n  placement: { device: cuda }',
      'threads are of the CPU',
    ],
  ])('%s on %s is skipped with its reason', (workload, more, reason) => {
    const space = planned(workload, more);
    expect(space.impossible.map((one) => one.reason)).toEqual([expect.stringContaining(reason)]);
    expect(space.count).toBe(0);
  });

  test('a batch of zero is an error of the file; an unknown op has its nearest name', () => {
    expect(() => planned('{ kind: kernel, op: attention-decode, opBatch: 0 }')).toThrow(/opBatch/);
    expect(() => planned('{ kind: kernel, op: lora, variant: rocm }')).toThrow(/variant/);
    expect(() => planned('{ kind: kernel, op: atention-decode }')).toThrow(/attention-decode/);
  });
});
