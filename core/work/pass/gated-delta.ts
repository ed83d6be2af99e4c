import type { GatedDeltaAttention } from '../architecture.js';
import { convolutionStateBytes, convolvedWidth, ruleStateBytes } from '../kept.js';
import type { LinearAttentionCall } from '../operator-call.js';
import type { KernelCall, OperatorWork } from '../work.js';
import { ACTIVATION_OPERATIONS, elementwise, NORM_OPERATIONS, SIGMOID_OPERATIONS } from './elementwise.js';
import type { LayerPass } from './layer-pass.js';
import { linear } from './linear.js';
import { calling, operator, phaseOf } from './operators.js';
import type { SequenceGroup } from './setting.js';

/**
 * Tokens that a prefill takes at once (flash-linear-attention, fla/ops/gated_delta_rule/chunk.py): inside of
 * a chunk they meet each other, before it they meet the state.
 */
const CHUNK = 64;

/**
 * A layer of the gated delta rule (arXiv 2412.06464; transformers, modeling_qwen3_5_moe.py): projections, a
 * short convolution over keys, queries and values, the rule on the state of each head, a gated norm, output.
 */
export function gatedDelta(pass: LayerPass, shape: GatedDeltaAttention): OperatorWork[] {
  const { heads, keyHeads, keyLength, valueLength, output } = shape;
  const { tokens } = pass;
  const values = tokens * heads * valueLength;
  return [
    ...projections(pass, shape),
    convolution(pass, shape),
    elementwise(pass, {
      name: 'decay',
      module: 'attention',
      // exp(−A softplus(a + b)) and a sigmoid.
      flops: tokens * heads * (2 * SIGMOID_OPERATIONS + 2),
      read: 2 * tokens * heads,
      written: 2 * tokens * heads,
    }),
    // Queries and keys get the length 1 inside the rule's kernel.
    elementwise(pass, {
      name: 'qk_norm',
      module: 'attention',
      flops: NORM_OPERATIONS.rms * 2 * tokens * keyHeads * keyLength,
    }),
    rule(pass, shape),
    elementwise(pass, {
      name: 'gated_norm',
      module: 'attention',
      flops: (NORM_OPERATIONS.rms + ACTIVATION_OPERATIONS.silu + 1) * values,
      read: 2 * values,
      written: values,
      weightsRead: (valueLength * pass.vectorBits) / 8,
    }),
    ...linear(pass, output, { name: 'o_proj', module: 'output', rows: tokens }),
  ];
}

function projections(pass: LayerPass, { input, gate, control, fused }: GatedDeltaAttention): OperatorWork[] {
  const qkv = { module: 'qkv', rows: pass.tokens } as const;
  return [
    ...(fused === true
      ? linear(pass, { ...input, outputs: input.outputs + gate.outputs }, { ...qkv, name: 'qkvz_proj' })
      : [
          ...linear(pass, input, { ...qkv, name: 'qkv_proj' }),
          ...linear(pass, gate, { ...qkv, name: 'z_proj' }),
        ]),
    ...linear(pass, control, { ...qkv, name: 'ba_proj' }),
  ];
}

/** Each channel by itself over the last tokens, then silu: 2 · convolution + 4 FLOPs an element. */
function convolution(pass: LayerPass, shape: GatedDeltaAttention): OperatorWork {
  const { tokens, activationBytes, activationBits, vectorBits, arithmetic } = pass;
  const width = convolvedWidth(shape);
  const state = stateTraffic(pass, convolutionStateBytes(shape, activationBits));
  return operator({
    name: 'convolution',
    module: 'attention',
    class: 'elementwise',
    arithmetic: arithmetic.vector,
    flops: tokens * width * (2 * shape.convolution + ACTIVATION_OPERATIONS.silu),
    traffic: {
      weightsRead: (width * shape.convolution * vectorBits) / 8,
      activationsRead: tokens * width * activationBytes,
      activationsWritten: tokens * width * activationBytes,
      ...state,
    },
    kernelCalls: callsOf(pass, shape, 'convolution'),
  });
}

/**
 * One token: the state decays, what it says of the key is taken off the value, the rest is written, and the
 * query reads: 7 keyLength · valueLength FLOPs a head. Several: in chunks of c tokens, with (6 + 1/c)
 * keyLength · valueLength + c (6 keyLength + 4 valueLength) a token, the inverse of a chunk's triangle left
 * out. The state is read and written once.
 */
function rule(pass: LayerPass, shape: GatedDeltaAttention): OperatorWork {
  const { heads, keyHeads, keyLength, valueLength } = shape;
  const { batch, tokens, activationBytes, arithmetic } = pass;
  const square = keyLength * valueLength;
  const flops = batch.reduce((sum, { sequences, newTokens }) => {
    const chunk = Math.min(CHUNK, newTokens);
    const each =
      newTokens === 1 ? 7 * square : (6 + 1 / chunk) * square + chunk * (6 * keyLength + 4 * valueLength);
    return sum + sequences * newTokens * heads * each;
  }, 0);
  // Chunks are products of matrices, single tokens are not.
  const inChunks = batch.some(({ newTokens }) => newTokens > 1);
  return operator({
    name: 'delta_rule',
    module: 'attention',
    class: 'attention',
    arithmetic: inChunks ? arithmetic.attention : arithmetic.vector,
    flops,
    traffic: {
      activationsRead: tokens * (2 * keyHeads * keyLength + heads * (valueLength + 2)) * activationBytes,
      activationsWritten: tokens * heads * valueLength * activationBytes,
      ...stateTraffic(pass, ruleStateBytes(shape)),
    },
    kernelCalls: callsOf(pass, shape, 'recurrence'),
  });
}

/** A sequence that begins has no state to read. */
function stateTraffic({ batch }: LayerPass, bytes: number) {
  const sequences = (groups: readonly SequenceGroup[]) => groups.reduce((sum, one) => sum + one.sequences, 0);
  const going = batch.filter(({ cachedTokens }) => cachedTokens > 0);
  return { cacheRead: bytes * sequences(going), cacheWritten: bytes * sequences(batch) };
}

function callsOf(
  pass: LayerPass,
  { heads, keyHeads, keyLength, valueLength, convolution }: GatedDeltaAttention,
  kernel: LinearAttentionCall['kernel'],
): readonly KernelCall[] | undefined {
  if (pass.kernels === null) return undefined;
  return pass.batch.flatMap(({ sequences, newTokens, cachedTokens }) => {
    const phase = phaseOf({ sequences, newTokens, cachedTokens });
    const call: LinearAttentionCall = {
      family: 'linear-attention',
      rule: 'gated-delta',
      kernel,
      phase,
      keyHeads,
      valueHeads: heads,
      keyLength,
      valueLength,
      convolution,
      sequences,
      newTokens,
    };
    return calling(pass, call, 'sequences') ?? [];
  });
}
