import type { ExpertsShape, FeedForwardShape, MatrixShape } from '../architecture.js';
import type { OperatorWork } from '../work.js';
import { dense } from './dense.js';
import { expertTensorOf, replicasOf } from './devices.js';
import { elementwise, SIGMOID_OPERATIONS } from './elementwise.js';
import type { LayerPass } from './layer-pass.js';
import { linear } from './linear.js';
import { calling, summed } from './operators.js';
import { SOFTMAX_OPERATIONS } from './scores.js';

/**
 * Different experts that so many tokens choose when every choice is equally likely: E (1 − (1 − k/E)ⁿ). Real
 * routing is uneven and reads fewer; a measured number can take its place.
 */
export function expectedDistinct(
  { count, usedPerToken }: Pick<ExpertsShape, 'count' | 'usedPerToken'>,
  tokens: number,
): number {
  return count * (1 - (1 - usedPerToken / count) ** tokens);
}

/**
 * A mixture of experts: every token through the router and `usedPerToken` experts, each expert that some
 * token chose read once. `count` is of the whole model; with expert parallelism a device holds its share of
 * them.
 */
export function experts(pass: LayerPass, shape: FeedForwardShape, choice: ExpertsShape): OperatorWork[] {
  const { feedForwardTokens: tokens, parallelism } = pass;
  const { expert } = parallelism;
  const { usedPerToken, router, sharedWidth } = choice;
  // Tokens of all replicas of the attention meet at the experts.
  const meeting = tokens * replicasOf(parallelism);
  const distinct = Math.min(choice.count, pass.distinctExperts ?? expectedDistinct(choice, meeting));
  const here = distinct / expert;
  const rows = (meeting * usedPerToken) / expert;
  const names = { gate: 'expert_gate_proj', up: 'expert_up_proj', down: 'expert_down_proj' };
  return [
    ...linear({ ...pass, weights: null }, router, { name: 'router', module: 'router', rows: tokens }),
    gate(pass, tokens * (choice.gating === 'softmax-of-chosen' ? usedPerToken : router.outputs), choice),
    ...fused(pass, shape, choice, meeting, [
      ...dense(pass, shape, rows, names, here),
      combination(pass, tokens, usedPerToken),
    ]),
    ...(sharedWidth === 0 ? [] : shared(pass, shape, choice)),
  ];
}

/** Engines on GPUs run all that the chosen experts do as one kernel. */
function fused(
  pass: LayerPass,
  { up }: FeedForwardShape,
  { count, usedPerToken }: ExpertsShape,
  tokens: number,
  routed: readonly OperatorWork[],
): readonly OperatorWork[] {
  const { parallelism, kernels, embedding } = pass;
  if (kernels === null || up.format === undefined) return routed;
  const tensor = expertTensorOf(parallelism);
  const kernelCalls = calling(pass, {
    family: 'experts',
    format: up.format,
    tokens,
    embedding,
    width: up.outputs * tensor,
    used: usedPerToken,
    count,
    tensor,
    expert: parallelism.expert,
  });
  const products = routed.find(({ class: kind }) => kind.startsWith('mat'))!;
  return [{ ...routed.reduce(summed), ...named(products), calls: 1, kernelCalls }];
}

const named = ({ module, class: kind, arithmetic }: OperatorWork) => ({
  name: 'experts',
  module,
  class: kind,
  arithmetic,
});

/** Weights of experts from what the router says of so many. */
function gate(pass: LayerPass, scores: number, { gating }: ExpertsShape): OperatorWork {
  const flops = (gating === 'sigmoid' ? SIGMOID_OPERATIONS : SOFTMAX_OPERATIONS) * scores;
  return elementwise(pass, {
    name: 'router_softmax',
    module: 'router',
    flops,
    read: scores,
    written: scores,
  });
}

/** The results of a token's experts, each times its weight, added up. */
function combination(pass: LayerPass, tokens: number, used: number): OperatorWork {
  const { embedding } = pass;
  return elementwise(pass, {
    name: 'expert_sum',
    module: 'mlp',
    flops: (2 * used - 1) * tokens * embedding,
    read: tokens * used * embedding,
    written: tokens * embedding,
  });
}

/** Experts that every token passes, beside the chosen ones, and the addition of what they give. */
function shared(
  pass: LayerPass,
  shape: FeedForwardShape,
  { sharedWidth, sharedGate, sharedStored }: ExpertsShape,
): OperatorWork[] {
  const { feedForwardTokens: tokens, embedding } = pass;
  const wide = (matrix: MatrixShape): MatrixShape => ({
    ...matrix,
    ...sharedStored,
    outputs: sharedWidth,
  });
  const whole: FeedForwardShape = {
    ...shape,
    gate: shape.gate === null ? null : wide(shape.gate),
    up: wide(shape.up),
    down: { ...shape.down, ...sharedStored, inputs: sharedWidth },
    experts: null,
  };
  const names = { gate: 'shared_gate_proj', up: 'shared_up_proj', down: 'shared_down_proj' };
  const gate: MatrixShape = {
    inputs: embedding,
    outputs: 1,
    bits: pass.vectorBits,
    bias: false,
    format: 'bf16',
  };
  return [
    ...dense(pass, whole, tokens, names),
    ...(sharedGate
      ? linear({ ...pass, weights: null }, gate, { name: 'shared_gate', module: 'router', rows: tokens })
      : []),
    elementwise(pass, {
      name: 'shared_add',
      module: 'mlp',
      flops: (sharedGate ? 2 : 1) * tokens * embedding,
      read: 2 * tokens * embedding,
      written: tokens * embedding,
    }),
  ];
}
