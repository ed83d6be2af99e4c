import type { LlmViewerModel } from '../../roofline/llm-viewer/model.js';

/** The configs LLM-Viewer has, by the name of its module; it chooses by a part of the model's name. */
export type LlmViewerConfig = 'Llama' | 'opt' | 'chatglm3' | 'gpt-j-6B';

type Parameters = Readonly<Record<string, unknown>>;

/** Where each config looks: a name of a model's config.json, or a number that is fixed there. */
interface Names {
  readonly hidden: string;
  readonly intermediate: string | number;
  readonly heads: string;
  readonly kvHeads: string;
  readonly layers: string;
  readonly vocabulary: string;
}

const BOTH_NORMS = ['attn_norm', 'mlp_norm'];

/** OPT has no gate and GPT-J's width is in its config: the module says otherwise, and so do we here. */
const CONFIGS: Readonly<Record<LlmViewerConfig, Names & { gate: boolean; norms: readonly string[] }>> = {
  Llama: {
    hidden: 'hidden_size',
    intermediate: 'intermediate_size',
    heads: 'num_attention_heads',
    kvHeads: 'num_key_value_heads',
    layers: 'num_hidden_layers',
    vocabulary: 'vocab_size',
    gate: true,
    norms: BOTH_NORMS,
  },
  opt: {
    hidden: 'hidden_size',
    intermediate: 'ffn_dim',
    heads: 'num_attention_heads',
    kvHeads: 'num_attention_heads',
    layers: 'num_hidden_layers',
    vocabulary: 'vocab_size',
    gate: true,
    norms: BOTH_NORMS,
  },
  chatglm3: {
    hidden: 'hidden_size',
    intermediate: 'ffn_hidden_size',
    heads: 'num_attention_heads',
    kvHeads: 'multi_query_group_num',
    layers: 'num_layers',
    vocabulary: 'padded_vocab_size',
    gate: true,
    norms: BOTH_NORMS,
  },
  'gpt-j-6B': {
    hidden: 'n_embd',
    intermediate: 16_384,
    heads: 'num_attention_heads',
    kvHeads: 'num_attention_heads',
    layers: 'num_hidden_layers',
    vocabulary: 'vocab_size',
    gate: false,
    norms: ['attn_norm'],
  },
};

/** @returns the numbers of a config.json as the named module of LLM-Viewer reads them. */
export function readLlmViewerModel(config: LlmViewerConfig, parameters: Parameters): LlmViewerModel {
  const { gate, norms, ...names } = CONFIGS[config];
  const read = (name: string | number) => (typeof name === 'number' ? name : Number(parameters[name]));
  return {
    hidden: read(names.hidden),
    intermediate: read(names.intermediate),
    heads: read(names.heads),
    kvHeads: read(names.kvHeads),
    layers: read(names.layers),
    vocabulary: read(names.vocabulary),
    gate,
    norms,
  };
}
