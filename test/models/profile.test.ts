import { describe, expect, test } from 'vitest';
import { profileModel } from '../../agent/profile/run.js';
import { nodeSeconds, type ProfiledPhase, profileCost } from '../../core/result/profile-record.js';
import { kernelsLibrary } from '../../engines/native/kernel-library.js';
import { moduleRows } from '../../roofline/profile/table.js';
import { sharedFolder } from '../support/folder.js';
import { modelPath } from './loading.js';
import { VARIANTS, variantOf } from './variants.js';

const folder = sharedFolder();

const run = (path: string, workload = {}, options = {}) =>
  profileModel({
    runnerKind: 'llama-cpp',
    model: {
      modelPath: path,
      options: { threads: 1, ...options },
      deviceClass: 'cpu',
      deviceId: 'cpu0',
      cpus: [],
    },
    workload: { promptTokens: 8, generateTokens: 3, parallel: 2, contextDepth: 0, ...workload },
  });
const callsOf = ({ operators }: ProfiledPhase) =>
  Object.fromEntries(
    operators.map(({ module, operator, op, calls }) => [`${module} ${operator} ${op}`, calls]),
  );

describe.skipIf(kernelsLibrary() === null)('profiles (needs our native library)', () => {
  test('every node of a llama falls to its module, as often as there are layers and passes', async () => {
    const profile = await run(modelPath('tiny'));
    const [prefill, decode] = profile.phases;
    expect(profile.phases.map(({ name, tokens, passes }) => [name, tokens, passes])).toEqual([
      ['prefill', 16, 1],
      ['decode', 6, 3],
    ]);
    expect(callsOf(prefill!)).toEqual({
      'embedding token_embd GET_ROWS': 1,
      'norm norm RMS_NORM': 9,
      'norm attn_norm MUL': 4,
      'norm ffn_norm MUL': 4,
      'norm output_norm MUL': 1,
      'qkv attn_q MUL_MAT': 4,
      'qkv attn_k MUL_MAT': 4,
      'qkv attn_v MUL_MAT': 4,
      'rope Qcur ROPE': 4,
      'rope Kcur ROPE': 4,
      'attention cache_write SET_ROWS': 8,
      'attention flash_attn_ext FLASH_ATTN_EXT': 4,
      'output attn_output MUL_MAT': 4,
      'residual ffn_inp ADD': 4,
      'residual l_out ADD': 4,
      'mlp ffn_gate MUL_MAT': 4,
      'mlp ffn_up MUL_MAT': 4,
      'mlp ffn_swiglu GLU': 4,
      'mlp ffn_down MUL_MAT': 4,
      'lm-head output MUL_MAT': 1,
      // The rows of the last tokens.
      'other get_rows GET_ROWS': 2,
    });
    // Every sequence has one token in a step: all rows are wanted, and taking them is still a node.
    expect(callsOf(decode!)).toEqual(
      Object.fromEntries(Object.entries(callsOf(prefill!)).map(([key, calls]) => [key, 3 * calls])),
    );
    for (const phase of profile.phases) {
      expect(nodeSeconds(phase)).toBeLessThanOrEqual(phase.profiledSeconds);
      expect(nodeSeconds(phase)).toBeGreaterThan(0);
      expect(profileCost(phase)).toBeGreaterThan(-1);
      const rows = moduleRows(phase, null);
      expect(rows.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 9);
      expect(rows.at(-1)!.module).toBe('around');
    }
  });

  test.each(VARIANTS)('of %s nothing but the choice of rows is left without a module', async (variant) => {
    const profile = await run(await variantOf(variant, folder), { parallel: 1 });
    for (const phase of profile.phases) {
      const other = phase.operators.filter(({ module }) => module === 'other');
      expect(
        other.map(({ op }) => op),
        JSON.stringify(other),
      ).toEqual(['GET_ROWS']);
      const calls = callsOf(phase);
      const layers = 2 * phase.passes;
      expect(calls['output attn_output MUL_MAT']).toBe(layers);
      expect(calls['lm-head output MUL_MAT']).toBe(phase.passes);
      if (variant === 'deepseek2') {
        for (const matrix of ['attn_q_a', 'attn_q_b', 'attn_kv_a_mqa', 'attn_k_b', 'attn_v_b'])
          expect(calls[`qkv ${matrix} MUL_MAT`], matrix).toBe(layers);
      } else expect(calls['qkv attn_q MUL_MAT']).toBe(layers);
      if (variant === 'qwen2') expect(calls['qkv attn_q ADD']).toBe(layers);
      if (variant === 'qwen3') expect(calls['norm attn_q_norm MUL']).toBe(layers);
      if (variant === 'gemma') expect(calls['embedding inp_scaled SCALE']).toBe(phase.passes);
      if (variant === 'mixtral') {
        expect(calls['router ffn_gate_inp MUL_MAT']).toBe(layers);
        expect(calls['mlp ffn_gate_exps MUL_MAT_ID']).toBe(layers);
        expect(calls['router ffn_moe_argsort ARGSORT'] ?? calls['router ffn_moe_topk TOP_K']).toBe(layers);
      } else expect(calls['mlp ffn_down MUL_MAT']).toBe(layers);
    }
  });

  test('without flash attention its steps are attention; without a prompt there is no prefill', async () => {
    const workload = { promptTokens: 0, generateTokens: 2, contextDepth: 16 };
    const { phases } = await run(modelPath('tiny'), workload, { flashAttention: false });
    expect(phases.map(({ name }) => name)).toEqual(['decode']);
    const attention = phases[0]!.operators.filter(({ module }) => module === 'attention');
    expect(attention.map(({ operator }) => operator)).toEqual(
      expect.arrayContaining(['kq', 'kq_soft_max', 'kqv', 'kqv_out', 'cache_write']),
    );
  });
});
