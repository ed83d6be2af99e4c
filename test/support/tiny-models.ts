import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeFloats } from '../../core/techniques/float-types.js';
import { type SafetensorSource, writeSafetensors } from '../../formats/safetensors/writer.js';
import { type FolderModel, inLayers, tinyLlama, weightsNamed, writeFolder } from './model-folder.js';
import { BERT_CONFIG, tokenizerFolder, WORDS } from './tokenizer-folders.js';

/**
 * Latent attention of 2 heads: V2 is of as many layers as llama.cpp takes for one whose queries have no rank,
 * V3 has experts behind its first layer, judged by sigmoids.
 */
export function tinyDeepseek(version: 2 | 3 = 2): FolderModel {
  const [n, heads, nope, rope, value, rank] = [16, 2, 4, 2, 3, 5];
  const layers = version === 2 ? 26 : 2;
  const { tensors: llama } = tinyLlama();
  const ofModel = Object.entries(llama).filter(([name]) => !name.includes('.layers.'));
  const shared = {
    architectures: [`DeepseekV${version}ForCausalLM`],
    model_type: `deepseek_v${version}`,
    vocab_size: 32,
    hidden_size: n,
    intermediate_size: 24,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    max_position_embeddings: 64,
    kv_lora_rank: rank,
    qk_nope_head_dim: nope,
    qk_rope_head_dim: rope,
    v_head_dim: value,
  };
  const attention = {
    'input_layernorm.weight': [n],
    'post_attention_layernorm.weight': [n],
    'self_attn.kv_a_proj_with_mqa.weight': [rank + rope, n],
    'self_attn.kv_a_layernorm.weight': [rank],
    'self_attn.kv_b_proj.weight': [heads * (nope + value), rank],
    'self_attn.o_proj.weight': [n, heads * value],
  };
  const dense = {
    'mlp.gate_proj.weight': [24, n],
    'mlp.up_proj.weight': [24, n],
    'mlp.down_proj.weight': [n, 24],
  };
  if (version === 2) {
    const queries = { 'self_attn.q_proj.weight': [heads * (nope + rope), n] };
    return {
      config: { ...shared, q_lora_rank: null },
      tensors: {
        ...Object.fromEntries(ofModel),
        ...inLayers({ ...attention, ...dense, ...queries }, layers),
      },
    };
  }
  const queries = {
    'self_attn.q_a_proj.weight': [6, n],
    'self_attn.q_a_layernorm.weight': [6],
    'self_attn.q_b_proj.weight': [heads * (nope + rope), 6],
  };
  const experts = Array.from({ length: 4 }, (_, expert) =>
    ['gate', 'up', 'down'].map((kind): [string, number[]] => [
      `mlp.experts.${expert}.${kind}_proj.weight`,
      kind === 'down' ? [n, 8] : [8, n],
    ]),
  ).flat();
  const mixture = {
    ...Object.fromEntries(experts),
    'mlp.gate.weight': [4, n],
    'mlp.gate.e_score_correction_bias': [4],
    'mlp.shared_experts.gate_proj.weight': [8, n],
    'mlp.shared_experts.up_proj.weight': [8, n],
    'mlp.shared_experts.down_proj.weight': [n, 8],
  };
  const second = Object.entries(inLayers(mixture)).filter(([name]) => name.includes('.layers.1.'));
  return {
    config: {
      ...shared,
      q_lora_rank: 6,
      first_k_dense_replace: 1,
      n_routed_experts: 4,
      n_shared_experts: 1,
      num_experts_per_tok: 2,
      moe_intermediate_size: 8,
      n_group: 2,
      topk_group: 1,
      routed_scaling_factor: 2.5,
      norm_topk_prob: true,
    },
    tensors: {
      ...Object.fromEntries(ofModel),
      ...inLayers({ ...attention, ...queries }),
      ...inLayers(dense, 1),
      ...Object.fromEntries(second),
    },
  };
}

/** Experts with inputs first, gate and up in turns; windows and sinks. */
export function tinyGptOss(each = 3): FolderModel {
  const [n, heads, keys, length, experts, vocabulary] = [32, 4, 2, 4, 2, 32];
  const attention = {
    q_proj: [heads * length, n],
    k_proj: [keys * length, n],
    v_proj: [keys * length, n],
    o_proj: [n, heads * length],
  };
  return {
    config: {
      architectures: ['GptOssForCausalLM'],
      model_type: 'gpt_oss',
      vocab_size: vocabulary,
      hidden_size: n,
      intermediate_size: each,
      num_hidden_layers: 2,
      num_attention_heads: heads,
      num_key_value_heads: keys,
      head_dim: length,
      num_local_experts: experts,
      num_experts_per_tok: 1,
      sliding_window: 8,
      max_position_embeddings: 64,
      rms_norm_eps: 1e-5,
      rope_theta: 150_000,
    },
    tensors: {
      'model.embed_tokens.weight': [vocabulary, n],
      ...inLayers({
        'input_layernorm.weight': [n],
        ...Object.fromEntries(
          Object.entries(attention).flatMap(([name, shape]) => [
            [`self_attn.${name}.weight`, shape],
            [`self_attn.${name}.bias`, shape.slice(0, 1)],
          ]),
        ),
        'self_attn.sinks': [heads],
        'post_attention_layernorm.weight': [n],
        'mlp.router.weight': [experts, n],
        'mlp.router.bias': [experts],
        'mlp.experts.gate_up_proj': [experts, n, 2 * each],
        'mlp.experts.gate_up_proj_bias': [experts, 2 * each],
        'mlp.experts.down_proj': [experts, each, n],
        'mlp.experts.down_proj_bias': [experts, n],
      }),
      'model.norm.weight': [n],
      'lm_head.weight': [vocabulary, n],
    },
  };
}

/** The same as it is published: experts in blocks of MXFP4, outputs first. @returns the folder. */
export async function packedGptOss(): Promise<string> {
  const [n, each, experts] = [32, 32, 2];
  const { config, tensors } = tinyGptOss(each);
  const folder = await writeFolder({ config, tensors });
  const packed = { gate_up_proj: 2 * each, down_proj: n };
  const left = Object.entries(tensors).filter(([name]) => !/experts\.(?:gate_up|down)_proj$/.test(name));
  const sources: SafetensorSource[] = left.map(([name, shape]) => ({
    name,
    dtype: 'F32',
    shape,
    data: () => [encodeFloats(weightsNamed(name, shape), 'f32')],
  }));
  for (const name of [0, 1].flatMap((layer) =>
    Object.keys(packed).map((kind) => `model.layers.${layer}.mlp.experts.${kind}`),
  )) {
    const rows = packed[name.split('.').at(-1) as keyof typeof packed];
    const blocks = [experts, rows, 1, 16];
    const bytes = (of: string, count: number, most: number) =>
      Uint8Array.from(weightsNamed(of, [count]), (value) => Math.round((value + 1) * 127.5) % most);
    sources.push(
      {
        name: `${name}_blocks`,
        dtype: 'U8',
        shape: blocks,
        data: () => [bytes(name, experts * rows * 16, 256)],
      },
      {
        name: `${name}_scales`,
        dtype: 'U8',
        shape: blocks.slice(0, 3),
        data: () => [bytes(`${name} scales`, experts * rows, 8).map((value) => 118 + value)],
      },
    );
  }
  await writeSafetensors(join(folder, 'model.safetensors'), {
    metadata: new Map([['format', 'pt']]),
    tensors: sources,
  });
  writeFileSync(
    join(folder, 'config.json'),
    JSON.stringify({ ...config, quantization_config: { quant_method: 'mxfp4' } }),
  );
  return folder;
}

/** An encoder of 12 words. @returns its folder. */
export async function tinyBert(): Promise<string> {
  const [n, hidden] = [16, 24];
  const layer = {
    'attention.self.query': [n, n],
    'attention.self.key': [n, n],
    'attention.self.value': [n, n],
    'attention.output.dense': [n, n],
    'intermediate.dense': [hidden, n],
    'output.dense': [n, hidden],
  };
  const withBias = (name: string, shape: readonly number[]): [string, readonly number[]][] => [
    [`${name}.weight`, shape],
    [`${name}.bias`, shape.slice(0, 1)],
  ];
  const layers = [0, 1].flatMap((i) => [
    ...Object.entries(layer).flatMap(([name, shape]) => withBias(`encoder.layer.${i}.${name}`, shape)),
    ...withBias(`encoder.layer.${i}.attention.output.LayerNorm`, [n]),
    ...withBias(`encoder.layer.${i}.output.LayerNorm`, [n]),
  ]);
  const at = tokenizerFolder({});
  await writeFolder(
    {
      config: {
        architectures: ['BertModel'],
        model_type: 'bert',
        vocab_size: WORDS.length,
        hidden_size: n,
        intermediate_size: hidden,
        num_hidden_layers: 2,
        num_attention_heads: 4,
        max_position_embeddings: 32,
        type_vocab_size: 2,
        layer_norm_eps: 1e-12,
      },
      tensors: {
        'embeddings.word_embeddings.weight': [WORDS.length, n],
        'embeddings.position_embeddings.weight': [32, n],
        'embeddings.token_type_embeddings.weight': [2, n],
        ...Object.fromEntries(withBias('embeddings.LayerNorm', [n])),
        ...Object.fromEntries(layers),
        ...Object.fromEntries(withBias('pooler.dense', [n, n])),
      },
    },
    { at },
  );
  rmSync(join(at, 'tokenizer.json'));
  writeFileSync(join(at, 'vocab.txt'), WORDS.join('\n'));
  writeFileSync(join(at, 'tokenizer_config.json'), JSON.stringify(BERT_CONFIG));
  return at;
}
