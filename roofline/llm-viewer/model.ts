import { FailureError, failure } from '../../core/errors.js';

/**
 * What LLM-Viewer knows of a model (github hahnyuan/LLM-Viewer, commit 1893e4b5, `configs/`): six numbers, whether the
 * feed-forward block has a gate, and which norms a layer has. Heads are always `hidden / heads` wide there.
 */
export interface LlmViewerModel {
  readonly hidden: number;
  readonly intermediate: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly layers: number;
  readonly vocabulary: number;
  readonly gate: boolean;
  readonly norms: readonly string[];
}

/** The configs LLM-Viewer has, by the name of its module; it chooses by a part of the model's name. */
export const LLM_VIEWER_CONFIGS = ['Llama', 'opt', 'chatglm3', 'gpt-j-6B'] as const;
export type LlmViewerConfig = (typeof LLM_VIEWER_CONFIGS)[number];

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

/**
 * Reads the numbers of a config.json as the named module of LLM-Viewer does.
 * @throws FailureError `model-unreadable` for a number that is missing or not a whole number above zero
 */
export function readLlmViewerModel(config: LlmViewerConfig, parameters: Parameters): LlmViewerModel {
  const { gate, norms, ...names } = CONFIGS[config];
  const read = (name: string | number): number => {
    const value = typeof name === 'number' ? name : parameters[name];
    if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0) return value;
    const message = `the model's config has ${name} = ${JSON.stringify(value)}, which is not a whole number above 0`;
    const hint = `The ${config} models of LLM-Viewer need ${Object.values(names).join(', ')}.`;
    throw new FailureError(failure('model-unreadable', message, { hint }));
  };
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
