import { describe, expect, test } from 'vitest';
import { nodeSeconds, type ProfiledPhase, profileCost } from '../../../core/result/profile-record.js';
import { NO_TRAFFIC, type OperatorWork } from '../../../core/work/work.js';
import { costlyPhases } from '../../../judgement/profile-cost.js';
import { type GraphNode, placeOf } from '../../../roofline/profile/nodes.js';
import { moduleRows } from '../../../roofline/profile/table.js';

const node = (op: string, name: string, ...sources: readonly string[]): GraphNode => ({
  op,
  name,
  type: 'f32',
  shape: [1, 1, 1, 1],
  sources: sources.map((source) => ({ name: source, type: 'f32', shape: [1, 1, 1, 1] })),
});

describe('nodes fall to modules', () => {
  test.each([
    // Weights say it, whatever the node is called.
    ['MUL_MAT', 'Qcur-3', 'blk.3.attn_q.weight', 'qkv attn_q'],
    ['MUL_MAT', 'node_7', 'blk.0.attn_qkv.weight', 'qkv attn_qkv'],
    ['MUL_MAT_ID', 'ffn_moe_up-1', 'blk.1.ffn_up_exps.weight', 'mlp ffn_up_exps'],
    ['MUL_MAT', 'ffn_moe_logits-1', 'blk.1.ffn_gate_inp.weight', 'router ffn_gate_inp'],
    ['MUL_MAT', 'ffn_shexp-1', 'blk.1.ffn_down_shexp.weight', 'mlp ffn_down_shexp'],
    ['MUL_MAT', 'result_output', 'output.weight', 'lm-head output'],
    // A tied matrix is both: what is done with it tells which.
    ['MUL_MAT', 'result_output', 'token_embd.weight', 'lm-head output'],
    ['GET_ROWS', 'inp_embd', 'token_embd.weight', 'embedding token_embd'],
    // Adapters, as llama.cpp names their tensors.
    ['MUL_MAT', 'node_9', 'blk.0.attn_q.weight.lora_a', 'adapter attn_q'],
    ['MUL_MAT', 'node_10', 'blk.0.ffn_up.weight.lora_b', 'adapter ffn_up'],
    // The cache, under views.
    ['SET_ROWS', 'cache_k_l0 (view)', 'node_3', 'attention cache_write'],
    ['MUL_MAT', 'kq-0', 'cache_k_l0 (view) (permuted)', 'attention kq'],
    ['CONT', 'kqv_out-0', 'kqv-0 (permuted)', 'attention kqv_out'],
    ['RMS_NORM', 'norm-5', 'l_out-4', 'norm norm'],
    ['ROPE', 'Kcur-2', 'Kcur-2', 'rope Kcur'],
    ['GLU', 'ffn_swiglu-0', 'ffn_gate-0', 'mlp ffn_swiglu'],
    ['ADD', 'ffn_inp-0', 'attn_out-0', 'residual ffn_inp'],
    ['SOFT_MAX', 'ffn_moe_probs-0', 'ffn_moe_logits-0', 'router ffn_moe_probs'],
    ['SCALE', 'inp_scaled', 'inp_embd', 'embedding inp_scaled'],
    ['TANH', 'node_12', 'node_11', 'other tanh'],
  ])('%s %s of %s → %s', (op, name, source, expected) => {
    const { module, operator } = placeOf(node(op, name, source));
    expect(`${module} ${operator}`).toBe(expected);
  });

  test('a weight that is the second source counts', () => {
    expect(placeOf(node('MUL', 'attn_norm-1', 'norm-1', 'blk.1.attn_norm.weight'))).toEqual({
      module: 'norm',
      operator: 'attn_norm',
    });
    expect(placeOf(node('ADD', 'node_4', 'node_3', 'blk.1.attn_q.bias')).module).toBe('qkv');
  });
});

describe('modules of a phase', () => {
  const phase: ProfiledPhase = {
    name: 'decode',
    tokens: 4,
    passes: 4,
    plainSeconds: 0.8,
    profiledSeconds: 1,
    operators: [
      { module: 'qkv', operator: 'attn_q', op: 'MUL_MAT', calls: 8, seconds: 0.3 },
      { module: 'qkv', operator: 'attn_k', op: 'MUL_MAT', calls: 8, seconds: 0.1 },
      { module: 'mlp', operator: 'ffn_up', op: 'MUL_MAT', calls: 8, seconds: 0.5 },
    ],
  };
  const asked = (module: 'qkv' | 'mlp', flops: number, weightsRead: number): OperatorWork => ({
    name: module,
    module,
    class: 'matvec',
    arithmetic: 'f16',
    calls: 8,
    flops,
    traffic: { ...NO_TRAFFIC, weightsRead },
    linkBytes: 0,
  });

  test('sums, shares and rates', () => {
    const rows = moduleRows(phase, [
      asked('qkv', 8e9, 4e9),
      asked('qkv', 2e9, 1e9),
      asked('mlp', 10e9, 20e9),
    ]);
    expect(rows.map(({ module, calls, share }) => [module, calls, share])).toEqual([
      ['qkv', 16, 0.4],
      ['mlp', 8, 0.5],
      ['around', 4, expect.closeTo(0.1, 12)],
    ]);
    expect(rows[0]).toMatchObject({ flops: 10e9, bytes: 5e9, intensity: 2, flopsPerSecond: 25e9 });
    expect(rows[0]!.bytesPerSecond).toBeCloseTo(12.5e9, 0);
    expect(rows[1]).toMatchObject({ intensity: 0.5, bytesPerSecond: 40e9 });
    expect(rows[2]).toMatchObject({ flops: null, bytesPerSecond: null });
    expect(nodeSeconds(phase)).toBeCloseTo(0.9, 12);
    expect(profileCost(phase)).toBeCloseTo(0.25, 12);
  });

  test('work that is not counted leaves rates empty', () => {
    expect(moduleRows(phase, null)[0]).toMatchObject({ flops: null, intensity: null, flopsPerSecond: null });
  });
});

test('what looking on cost is told from a quarter of the phase on, with the number', () => {
  const phase = (name: ProfiledPhase['name'], profiledSeconds: number): ProfiledPhase => ({
    name,
    tokens: 8,
    passes: 1,
    plainSeconds: 2,
    operators: [],
    profiledSeconds,
  });
  const costly = (...phases: ProfiledPhase[]) => costlyPhases({ rounds: 5, phases });
  expect(costly(phase('prefill', 1.9), phase('decode', 2.5))).toEqual([]);
  expect(costly(phase('prefill', 2.4), phase('decode', 2.826))).toEqual([
    'looking on made the decode 41.3 % longer: shares of its operators are of that slower phase',
  ]);
});
