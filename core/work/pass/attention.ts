import type { DotProductAttention } from '../architecture.js';
import type { OperatorWork } from '../work.js';
import { cacheStore } from './cache-store.js';
import { elementwise, rope, SIGMOID_OPERATIONS } from './elementwise.js';
import type { LayerPass } from './layer-pass.js';
import { linear } from './linear.js';
import { sparseAttention } from './native-sparse.js';
import { fromActivations, type Scores, scores } from './scores.js';

/** MHA, GQA and MQA: projections, positions, what goes into the cache, scores and their sums, output. */
export function dotProduct(
  pass: LayerPass,
  shape: DotProductAttention,
  headNorms: readonly OperatorWork[],
): OperatorWork[] {
  const { heads, kvHeads, keyLength, valueLength, sparse } = shape;
  const { tokens, positions } = pass;
  const turned = positions.kind === 'rotary' ? positions.length : keyLength;
  // NSA keeps keys and values of its own for each of its three branches.
  const branches = sparse === null ? 1 : 3;
  return [
    ...projections(pass, shape, branches),
    ...headNorms,
    ...(shape.unturned === true ? [] : rope(pass, heads + branches * kvHeads, keyLength, turned)),
    ...(sparse === null
      ? [
          ...(pass.keeps ? [cacheStore(pass, tokens * kvHeads, keyLength, valueLength)] : []),
          ...seen(pass, {
            queryHeads: heads,
            cacheHeads: kvHeads,
            keyLength,
            valueLength,
            window: shape.window,
            valuesInKeys: false,
          }),
        ]
      : sparseAttention(pass, shape, sparse)),
    ...(shape.gated === true ? [outputGate(pass, tokens * heads * valueLength)] : []),
    ...linear(pass, shape.output, { name: 'o_proj', module: 'output', rows: tokens }),
  ];
}

/** y σ(g) for each element of every head. */
function outputGate(pass: LayerPass, elements: number): OperatorWork {
  return elementwise(pass, {
    name: 'attention_gate',
    module: 'attention',
    flops: (SIGMOID_OPERATIONS + 1) * elements,
    read: 2 * elements,
    written: elements,
  });
}

/** Where nothing is kept, keys and values are activations like any others. */
function seen(pass: LayerPass, shape: Scores): OperatorWork[] {
  const all = scores(pass, shape);
  return pass.keeps ? all : all.map(fromActivations);
}

function projections(pass: LayerPass, shape: DotProductAttention, branches: number): OperatorWork[] {
  const { query, key, value, fused } = shape;
  const { tokens: rows } = pass;
  if (fused) {
    const outputs = query.outputs + key.outputs + value.outputs;
    return linear(pass, { ...query, outputs }, { name: 'qkv_proj', module: 'qkv', rows });
  }
  const branch = (name: string, matrix: typeof key) => linear(pass, matrix, { name, module: 'qkv', rows });
  return [
    ...linear(pass, query, { name: 'q_proj', module: 'qkv', rows }),
    ...Array.from({ length: branches }, () => [...branch('k_proj', key), ...branch('v_proj', value)]).flat(),
  ];
}
