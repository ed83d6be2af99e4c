import { type Architecture, bool, u32 } from '../architecture.js';

/**
 * Encoders for embeddings; what guesses masked tokens or pools is left out, and is new in a folder that is
 * made of the file.
 */
export const bert: Architecture = {
  classes: ['BertModel', 'BertForMaskedLM'],
  defaults: () => ({ layer_norm_eps: 1e-12, max_position_embeddings: 512, type_vocab_size: 2 }),
  places: {
    'embeddings.word_embeddings': 'token_embd',
    'embeddings.position_embeddings': 'position_embd',
    'embeddings.token_type_embeddings': 'token_types',
    'embeddings.LayerNorm': 'token_embd_norm',
    'encoder.layer.*.attention.self.query': 'blk.*.attn_q',
    'encoder.layer.*.attention.self.key': 'blk.*.attn_k',
    'encoder.layer.*.attention.self.value': 'blk.*.attn_v',
    'encoder.layer.*.attention.output.dense': 'blk.*.attn_output',
    'encoder.layer.*.attention.output.LayerNorm': 'blk.*.attn_output_norm',
    'encoder.layer.*.intermediate.dense': 'blk.*.ffn_up',
    'encoder.layer.*.output.dense': 'blk.*.ffn_down',
    'encoder.layer.*.output.LayerNorm': 'blk.*.layer_output_norm',
  },
  unused: (name) => /^(?:cls\.|pooler\.|embeddings\.position_ids$)/.test(name),
  entries: (config) => ({
    'attention.causal': bool(false),
    'tokenizer.ggml.token_type_count': u32(config.count('type_vocab_size')),
  }),
  values: (keys) => ({
    head_dim: undefined,
    layer_norm_eps: keys.number('attention.layer_norm_epsilon'),
    type_vocab_size: keys.rows('token_types.weight') ?? undefined,
    hidden_act: 'gelu',
  }),
};
