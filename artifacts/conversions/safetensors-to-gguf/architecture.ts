import type { GgufValue } from '../../../formats/gguf/value.js';
import type { FolderConfig, Values } from './config.js';
import { halfOf, halved, paired, shifted, type Weights } from './weights.js';

/** A tensor of the file that a tensor of the folder goes into. */
export interface Placed {
  /** Its name without `.weight` and `.bias`, which are kept; `*` is the layer. */
  readonly to: string;
  /** What is done to it on the way; left out = nothing. */
  readonly transform?: (weights: Weights, config: FolderConfig) => Weights;
  /** What undoes it on the way back to a folder; left out where `transform` is = nothing can. */
  readonly inverse?: (weights: Weights, config: FolderConfig) => Weights;
}

/** Tensors of the file that one of the folder is taken apart into. */
interface TakenApart {
  readonly into: readonly Omit<Placed, 'back'>[];
  /** Puts them together again, given in their order; left out = nothing can. */
  readonly joined?: (parts: readonly Weights[]) => Weights;
}

/**
 * Where the tensors of a model go: transformers' name without `.weight` and `.bias`, then llama.cpp's. `*`
 * stands for the layer and `#` for the expert; all experts of a layer are stacked. A name without either
 * ending goes to one that is written whole.
 */
export type Places = Readonly<Record<string, string | Placed | TakenApart>>;

/**
 * Keys without the architecture in front, as `attention.head_count`, or whole, as
 * `tokenizer.ggml.token_type_count`.
 */
export type Entries = Readonly<Record<string, GgufValue | null>>;

/** What a GGUF file says, by its keys without the architecture in front. */
export interface Keys {
  /** @returns null where it does not say it. */
  readonly number: (key: string) => number | null;
  readonly text: (key: string) => string | null;
  readonly flag: (key: string) => boolean;
  /** Rows of a tensor; null = it has none of that name. */
  readonly rows: (tensor: string) => number | null;
  /** Whether it has a tensor of a name. */
  readonly has: (tensor: string) => boolean;
  /** Numbers of a small tensor; null = it has none of that name. */
  readonly values: (tensor: string) => readonly number[] | null;
}

/**
 * How a model of transformers is written for llama.cpp: as its own converter writes it, whose names, order of
 * rows and keys its graphs expect (conversion/ of llama.cpp).
 */
export interface Architecture {
  /** Classes of transformers that it is of, by the `architectures` of configs. */
  readonly classes: readonly string[];
  /** What the class of transformers takes where a config says nothing. */
  readonly defaults: (config: FolderConfig) => Values;
  readonly places: Places;
  /** Tensors that no graph has a use of. */
  readonly unused?: (name: string, config: FolderConfig) => boolean;
  /**
   * Shapes of tensors that are other ones than those of plain attention and dense layers (checks.ts), by
   * their kind.
   */
  readonly shapes?: (config: FolderConfig) => Readonly<Record<string, readonly number[]>>;
  /** What is said beside `commonEntries`, or in their place; null takes one out. */
  readonly entries: (config: FolderConfig) => Entries;
  /**
   * What a config of it says beside what every config does (gguf-to-safetensors/config.ts), from the keys
   * that `entries` wrote: null is said as such, and what is undefined is left out. Left out = folders are not
   * made of such files.
   */
  readonly values?: (keys: Keys) => Values;
  /** What its rule of positions says, where that is YaRN, that no key of the file does. */
  readonly yarn?: Values;
  /** Whether a file is of it, where several are written as one and their tensors do not tell. */
  readonly claims?: (keys: Keys) => boolean;
  /** Tensors that follow from the config. */
  readonly added?: (config: FolderConfig) => Readonly<Record<string, Weights>>;
  /**
   * What the graph leaves out of what the config asks for, in sentences; of a model that it would compute
   * wrongly, a FormatError.
   */
  readonly caveats?: (config: FolderConfig) => readonly string[];
}

/** What is said in the table of names (core/models/conversions.ts) with it. */
export interface NamedArchitecture extends Architecture {
  /** `general.architecture`. */
  readonly gguf: string;
}

export const u32 = (value: number): GgufValue => ({ type: 'u32', value });
export const f32 = (value: number): GgufValue => ({ type: 'f32', value });
export const bool = (value: boolean): GgufValue => ({ type: 'bool', value });
export const text = (value: string): GgufValue => ({ type: 'string', value });

/** What decoders have in common, whatever they join. */
export const COMMON: Places = {
  'model.embed_tokens': 'token_embd',
  'model.norm': 'output_norm',
  lm_head: 'output',
  'model.layers.*.input_layernorm': 'blk.*.attn_norm',
  'model.layers.*.self_attn.o_proj': 'blk.*.attn_output',
  'model.layers.*.post_attention_layernorm': 'blk.*.ffn_norm',
  'model.layers.*.mlp.down_proj': 'blk.*.ffn_down',
};
/** Those of the Llama family. */
export const DECODER: Places = {
  ...COMMON,
  'model.layers.*.self_attn.q_proj': 'blk.*.attn_q',
  'model.layers.*.self_attn.k_proj': 'blk.*.attn_k',
  'model.layers.*.self_attn.v_proj': 'blk.*.attn_v',
  'model.layers.*.mlp.gate_proj': 'blk.*.ffn_gate',
  'model.layers.*.mlp.up_proj': 'blk.*.ffn_up',
};

/** Queries and keys of graphs that turn neighbours and not halves. */
export const PAIRED: Places = {
  'model.layers.*.self_attn.q_proj': {
    to: 'blk.*.attn_q',
    transform: (weights, config) => paired(weights, config.size('num_attention_heads')),
    inverse: (weights, config) => halved(weights, config.size('num_attention_heads')),
  },
  'model.layers.*.self_attn.k_proj': {
    to: 'blk.*.attn_k',
    transform: (weights, config) => paired(weights, config.size('num_key_value_heads')),
    inverse: (weights, config) => halved(weights, config.size('num_key_value_heads')),
  },
};

/** Norms of queries and keys, for each head. */
export const HEAD_NORMS: Places = {
  'model.layers.*.self_attn.q_norm': 'blk.*.attn_q_norm',
  'model.layers.*.self_attn.k_norm': 'blk.*.attn_k_norm',
};

/** Experts that are chosen by a router, all of a layer in one tensor (transformers 5). */
export const FUSED_EXPERTS: Places = {
  'model.layers.*.mlp.gate': 'blk.*.ffn_gate_inp',
  'model.layers.*.mlp.experts.gate_up_proj': {
    into: [
      { to: 'blk.*.ffn_gate_exps.weight', transform: (weights) => halfOf(weights, 0) },
      { to: 'blk.*.ffn_up_exps.weight', transform: (weights) => halfOf(weights, 1) },
    ],
  },
  'model.layers.*.mlp.experts.down_proj': 'blk.*.ffn_down_exps.weight',
};
/** The same, or each by itself. */
export const EXPERTS: Places = {
  'model.layers.*.mlp.experts.#.gate_proj': 'blk.*.ffn_gate_exps',
  'model.layers.*.mlp.experts.#.up_proj': 'blk.*.ffn_up_exps',
  'model.layers.*.mlp.experts.#.down_proj': 'blk.*.ffn_down_exps',
  ...FUSED_EXPERTS,
};

/** @returns the places with those of norms that transformers adds 1 to. */
export function plusOne(places: Places, norms: RegExp): Places {
  const moved = {
    transform: (weights: Weights) => shifted(weights, 1),
    inverse: (weights: Weights) => shifted(weights, -1),
  };
  const all = Object.entries(places);
  return Object.fromEntries(
    all.map(([from, to]) => [from, norms.test(from) && typeof to === 'string' ? { to, ...moved } : to]),
  );
}
