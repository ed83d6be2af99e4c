import type { AttentionShape, LatentAttention, MatrixShape } from '../../core/work/architecture.js';
import type { GgufFile } from './gguf-file.js';
import { Unreadable } from './reading.js';

/** @param at a tensor's name in its layer. @throws Unreadable when shapes contradict each other. */
export function ggufAttention(
  file: GgufFile,
  at: (name: string) => string,
  window: number | null,
): AttentionShape {
  if (file.tensor(at('attn_kv_a_mqa.weight')) !== undefined) return latent(file, at);
  const output = file.matrix(at('attn_output'));
  const headCount = file.firstSize('attention.head_count');
  const width = file.size('embedding_length') / headCount;
  const keyLength = file.optionalSize('attention.key_length') ?? width;
  const valueLength = file.optionalSize('attention.value_length') ?? width;
  // By the tensors, which stay right where layers differ or heads were pruned.
  const heads = output.inputs / valueLength;
  const { fused, query, key, value } = projections(file, at, heads * keyLength, keyLength, valueLength);
  const kvHeads = key.outputs / keyLength;
  for (const [what, number] of [
    ['heads', heads],
    ['key/value heads', kvHeads],
  ] as const) {
    if (!Number.isInteger(number) || number < 1)
      throw new Unreadable(`${at('attn_*')} hold ${number} ${what} of ${keyLength} elements`);
  }
  return {
    kind: 'dot-product',
    heads,
    kvHeads,
    keyLength,
    valueLength,
    window,
    query,
    key,
    value,
    output,
    fused,
    ...(file.tensor(at('attn_sinks.weight')) === undefined ? {} : { sinks: true }),
    sparse: null,
  };
}

interface Projections {
  readonly fused: boolean;
  readonly query: MatrixShape;
  readonly key: MatrixShape;
  readonly value: MatrixShape;
}

function projections(
  file: GgufFile,
  at: (name: string) => string,
  queries: number,
  keyLength: number,
  valueLength: number,
): Projections {
  if (file.tensor(at('attn_qkv.weight')) === undefined) {
    return {
      fused: false,
      query: file.matrix(at('attn_q')),
      key: file.matrix(at('attn_k')),
      value: file.matrix(at('attn_v')),
    };
  }
  const whole = file.matrix(at('attn_qkv'));
  const kvHeads = (whole.outputs - queries) / (keyLength + valueLength);
  return {
    fused: true,
    query: { ...whole, outputs: queries },
    key: { ...whole, outputs: kvHeads * keyLength },
    value: { ...whole, outputs: kvHeads * valueLength },
  };
}

/** src/models/deepseek2.cpp: k_b and v_b are kept head by head, k_b as its transpose. */
function latent(file: GgufFile, at: (name: string) => string): LatentAttention {
  const kvRank = file.size('attention.kv_lora_rank');
  const queryRank = file.optionalSize('attention.q_lora_rank');
  const ropeLength = file.size('rope.dimension_count');
  const byHead = (name: string): MatrixShape & { readonly length: number } => {
    const tensor = file.required(at(`${name}.weight`));
    const [inner = 0, outer = 0, heads = 0] = tensor.shape;
    const length = inner === kvRank ? outer : inner;
    const shape = { inputs: kvRank, outputs: heads * length, bits: file.bits(tensor), bias: false };
    return { ...shape, type: tensor.type, length };
  };
  const { length: headLength, ...upKey } = byHead('attn_k_b');
  const { length: valueLength, ...upValue } = byHead('attn_v_b');
  return {
    kind: 'latent',
    heads: upKey.outputs / headLength,
    kvRank,
    queryRank,
    ropeLength,
    headLength,
    valueLength,
    downQuery: queryRank === null ? null : file.matrix(at('attn_q_a')),
    upQuery: file.matrix(at(queryRank === null ? 'attn_q' : 'attn_q_b')),
    downKeyValue: file.matrix(at('attn_kv_a_mqa')),
    upKey,
    upValue,
    output: file.matrix(at('attn_output')),
  };
}
