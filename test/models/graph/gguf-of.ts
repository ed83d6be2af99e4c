import { rowsOfOnes } from '../../../artifacts/files/synthetic/weights.js';
import type { ModelArchitecture } from '../../../core/work/architecture.js';
import type { GgufValue } from '../../../formats/gguf/value.js';
import { type TensorSource, writeGguf } from '../../../formats/gguf/writer.js';

/** How a family is written where its architecture does not tell. */
export interface Written {
  /** GGUF `general.architecture`. */
  readonly as: string;
  readonly parallelNorm?: boolean;
  readonly window?: number;
  /** Of a layer, where they are none of those of most models. */
  readonly norms?: readonly string[];
  /** More keys, with or without the architecture in front. */
  readonly keys?: Readonly<Record<string, GgufValue>>;
}

/**
 * Writes a model of random weights in f16 (vectors in f32) as llama.cpp's converters write one of its family;
 * it has no vocabulary. Names: gguf-py/gguf/constants.py; dense layers first where the model has experts
 * behind them.
 */
export async function writeArchitecture(
  path: string,
  architecture: ModelArchitecture,
  { as, window, norms, keys }: Written,
): Promise<void> {
  const named = Object.entries(keys ?? {}).map(
    ([key, value]) => [key.startsWith('tokenizer.') ? key : `${as}.${key}`, value] as const,
  );
  await writeGguf(path, {
    metadata: new Map([...metadataOf(architecture, as, window), ...named]),
    tensors: tensorsOf(architecture, norms),
  });
}

function metadataOf(model: ModelArchitecture, as: string, window: number | undefined) {
  const [first] = model.layers;
  const attention = first!.attention;
  if (attention.kind === 'gated-delta') throw new Error('no GGUF file has the gated delta rule');
  const layers = model.layers.reduce((sum, { count }) => sum + count, 0);
  const experts = model.layers.at(-1)!.feedForward.experts;
  const u32 = (value: number): GgufValue => ({ type: 'u32', value });
  const numbers: Record<string, number> = {
    block_count: layers,
    context_length: model.contextLength,
    embedding_length: model.embedding,
    feed_forward_length: first!.feedForward.up.outputs,
    'attention.head_count': attention.heads,
    vocab_size: model.vocabulary,
    ...(window === undefined ? {} : { 'attention.sliding_window': window }),
    ...(model.positions.kind === 'rotary' ? { 'rope.dimension_count': model.positions.length } : {}),
    ...(attention.kind === 'latent'
      ? {
          'attention.head_count_kv': 1,
          'attention.key_length': attention.kvRank + attention.ropeLength,
          'attention.value_length': attention.kvRank,
          'attention.key_length_mla': attention.headLength + attention.ropeLength,
          'attention.value_length_mla': attention.valueLength,
          'attention.kv_lora_rank': attention.kvRank,
          ...(attention.queryRank === null ? {} : { 'attention.q_lora_rank': attention.queryRank }),
          leading_dense_block_count: experts === null ? layers : first!.count,
          expert_feed_forward_length: model.layers.at(-1)!.feedForward.up.outputs,
          expert_shared_count: experts === null ? 0 : 1,
        }
      : {
          'attention.head_count_kv': attention.kvHeads,
          'attention.key_length': attention.keyLength,
          'attention.value_length': attention.valueLength,
        }),
    ...(experts === null ? {} : { expert_count: experts.count, expert_used_count: experts.usedPerToken }),
  };
  if (experts !== null && ['qwen3moe', 'qwen2moe', 'gpt-oss'].includes(as))
    numbers.expert_feed_forward_length = first!.feedForward.up.outputs;
  const epsilon = `attention.layer_norm_${model.norm === 'rms' ? 'rms_' : ''}epsilon`;
  return new Map<string, GgufValue>([
    ['general.architecture', { type: 'string', value: as }],
    ['tokenizer.ggml.model', { type: 'string', value: 'no_vocab' }],
    [`${as}.${epsilon}`, { type: 'f32', value: 1e-5 }],
    ...Object.entries(numbers).map(([key, value]) => [`${as}.${key}`, u32(value)] as const),
  ]);
}

function tensorsOf(
  model: ModelArchitecture,
  names: readonly string[] = ['attn_norm', 'ffn_norm', 'post_attention_norm', 'post_ffw_norm'],
): TensorSource[] {
  const weights = (name: string, ...shape: number[]): TensorSource => ({
    name: `${name}.weight`,
    type: 'f16',
    shape,
    data: () => [scattered(shape.reduce((a, b) => a * b))],
  });
  const vector = (name: string, length: number): TensorSource => ({
    name,
    type: 'f32',
    shape: [length],
    data: () => rowsOfOnes(4 * length),
  });
  const norm = (name: string, length = model.embedding) => [
    vector(`${name}.weight`, length),
    ...(model.norm === 'layer' ? [vector(`${name}.bias`, length)] : []),
  ];
  /** A table that is added to activations, which are floats. */
  const floats = (name: string, rows: number): TensorSource => ({
    ...vector(`${name}.weight`, model.embedding * rows),
    shape: [model.embedding, rows],
  });
  const matrix = (
    name: string,
    { inputs, outputs, bias }: { inputs: number; outputs: number; bias: boolean },
  ) => [weights(name, inputs, outputs), ...(bias ? [vector(`${name}.bias`, outputs)] : [])];
  const layers = model.layers.flatMap(({ count, ...layer }) => Array.from({ length: count }, () => layer));
  return [
    weights('token_embd', model.embedding, model.vocabulary),
    ...(model.positions.kind === 'learned' ? [floats('position_embd', model.positions.rows)] : []),
    ...(model.encoder === undefined
      ? norm('output_norm')
      : [...norm('token_embd_norm'), floats('token_types', model.encoder.tokenTypes)]),
    ...(model.tied ? [] : [weights('output', model.embedding, model.vocabulary)]),
    ...layers.flatMap(({ attention, feedForward, norms }, index) => {
      if (attention.kind === 'gated-delta') throw new Error('no GGUF file has the gated delta rule');
      const at = (name: string) => `blk.${index}.${name}`;
      const { experts, gate, up, down } = feedForward;
      return [
        ...names.slice(0, norms.perLayer).flatMap((name) => norm(at(name))),
        ...(norms.onQueryAndKey && attention.kind === 'dot-product'
          ? (
              [
                ['attn_q_norm', attention.heads],
                ['attn_k_norm', attention.kvHeads],
              ] as const
            ).flatMap(([name, heads]) =>
              norm(at(name), (norms.acrossHeads === true ? heads : 1) * attention.keyLength),
            )
          : []),
        ...(attention.kind === 'dot-product' && attention.sinks === true
          ? [vector(at('attn_sinks.weight'), attention.heads)]
          : []),
        ...(attention.kind === 'latent'
          ? [
              ...(attention.downQuery === null || attention.queryRank === null
                ? matrix(at('attn_q'), attention.upQuery)
                : [
                    ...matrix(at('attn_q_a'), attention.downQuery),
                    ...norm(at('attn_q_a_norm'), attention.queryRank),
                    ...matrix(at('attn_q_b'), attention.upQuery),
                  ]),
              ...matrix(at('attn_kv_a_mqa'), attention.downKeyValue),
              ...norm(at('attn_kv_a_norm'), attention.kvRank),
              weights(at('attn_k_b'), attention.headLength, attention.kvRank, attention.heads),
              weights(at('attn_v_b'), attention.kvRank, attention.valueLength, attention.heads),
            ]
          : attention.fused
            ? matrix(at('attn_qkv'), {
                ...attention.query,
                outputs: attention.query.outputs + attention.key.outputs + attention.value.outputs,
              })
            : [
                ...matrix(at('attn_q'), attention.query),
                ...matrix(at('attn_k'), attention.key),
                ...matrix(at('attn_v'), attention.value),
              ]),
        ...matrix(at('attn_output'), attention.output),
        ...(experts === null
          ? [
              ...(gate === null || feedForward.fused ? [] : matrix(at('ffn_gate'), gate)),
              ...matrix(at('ffn_up'), { ...up, outputs: (feedForward.fused ? 2 : 1) * up.outputs }),
              ...matrix(at('ffn_down'), down),
            ]
          : [
              ...matrix(at('ffn_gate_inp'), experts.router),
              ...(
                [
                  ['ffn_gate_exps', up],
                  ['ffn_up_exps', up],
                  ['ffn_down_exps', down],
                ] as const
              ).flatMap(([name, { inputs, outputs, bias }]) => [
                weights(at(name), inputs, outputs, experts.count),
                ...(bias
                  ? [
                      {
                        ...vector(at(`${name}.bias`), outputs * experts.count),
                        shape: [outputs, experts.count],
                      },
                    ]
                  : []),
              ]),
              ...(experts.gating === 'sigmoid' ? [vector(at('exp_probs_b.bias'), experts.count)] : []),
              ...(experts.sharedGate ? [vector(at('ffn_gate_inp_shexp.weight'), model.embedding)] : []),
              ...(experts.sharedWidth === 0
                ? []
                : [
                    weights(at('ffn_gate_shexp'), up.inputs, experts.sharedWidth),
                    weights(at('ffn_up_shexp'), up.inputs, experts.sharedWidth),
                    weights(at('ffn_down_shexp'), experts.sharedWidth, down.outputs),
                  ]),
            ]),
      ];
    }),
  ];
}

/** Halves of either sign around 0.02: what is computed does not matter, that it stays finite does. */
function scattered(count: number): Uint8Array {
  let state = count;
  const halves = Uint16Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return 0x2500 | ((state >>> 16) & 0x81ff);
  });
  return new Uint8Array(halves.buffer);
}
