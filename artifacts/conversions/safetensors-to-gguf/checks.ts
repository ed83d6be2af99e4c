import { FormatError } from '../../../formats/format.js';
import type { Architecture } from './architecture.js';
import { type FolderConfig, headLength, keyValueHeads } from './config.js';
import type { Weights } from './weights.js';

/** Tensors of a file by their kind (`attn_q.weight`) and layer, −1 for none. */
export type Kinds = ReadonlyMap<string, ReadonlyMap<number, Weights>>;

/** A layer has experts, or it is dense. */
const OF_EXPERTS = /^(?:ffn_(?:gate|up|down)_(?:exps|shexp)|ffn_gate_inp(?:_shexp)?|exp_probs_b)\./;
const OF_DENSE = /^ffn_(?:gate|up|down)\./;

/**
 * Holds what a folder has against its config.
 * @throws FormatError for a layer that lacks what others have, and for the first tensor of another shape than
 *   the config says.
 */
export function requireWhole(kinds: Kinds, architecture: Architecture, config: FolderConfig): void {
  for (const kind of ['token_embd.weight', 'attn_output.weight'])
    if (!kinds.has(kind)) throw new FormatError(`it has no tensor that becomes ${kind}`);
  const inLayers = [...kinds].filter(([, layers]) => !layers.has(-1));
  const experts = inLayers.filter(([kind]) => OF_EXPERTS.test(kind));
  const dense = inLayers.filter(([kind]) => OF_DENSE.test(kind));
  const always = inLayers.filter(([kind]) => !OF_EXPERTS.test(kind) && !OF_DENSE.test(kind));
  const count = config.size('num_hidden_layers');
  for (let layer = 0; layer < count; layer++) {
    const own = experts.some(([, layers]) => layers.has(layer)) ? experts : dense;
    const missing = [...always, ...own].find(([, layers]) => !layers.has(layer));
    if (missing !== undefined)
      throw new FormatError(`its layer ${layer} has no tensor that becomes ${missing[0]}`);
  }
  const shapes = { ...shapesOf(config), ...architecture.shapes?.(config) };
  for (const [kind, layers] of kinds) {
    const wanted = shapes[kind]?.join(', ');
    for (const [layer, { shape }] of layers) {
      if (layer >= count)
        throw new FormatError(`it has a layer ${layer}, and its config says num_hidden_layers ${count}`);
      if (wanted === undefined || shape.join(', ') === wanted) continue;
      const name = layer < 0 ? kind : `blk.${layer}.${kind}`;
      throw new FormatError(
        `what becomes ${name} is [${shape.join(', ')}], and should be [${wanted}] by its config`,
      );
    }
  }
}

/**
 * Shapes of plain attention and of dense layers, as far as the config says them; outermost dimension first.
 */
function shapesOf(config: FolderConfig): Readonly<Record<string, readonly number[]>> {
  const n = config.size('hidden_size');
  const queries = config.size('num_attention_heads') * headLength(config);
  const keys = keyValueHeads(config) * headLength(config);
  const shapes: Record<string, readonly number[]> = {
    'attn_norm.weight': [n],
    'attn_q.weight': [queries, n],
    'attn_k.weight': [keys, n],
    'attn_v.weight': [keys, n],
    'attn_output.weight': [n, queries],
    'ffn_norm.weight': [n],
    'output_norm.weight': [n],
  };
  const vocabulary = config.has('vocab_size') ? config.size('vocab_size') : null;
  if (vocabulary !== null)
    for (const kind of ['token_embd.weight', 'output.weight']) shapes[kind] = [vocabulary, n];
  const hidden = config.has('intermediate_size') ? config.size('intermediate_size') : null;
  if (hidden !== null) {
    for (const kind of ['ffn_gate.weight', 'ffn_up.weight']) shapes[kind] = [hidden, n];
    shapes['ffn_down.weight'] = [n, hidden];
  }
  const experts = ['num_local_experts', 'num_experts', 'n_routed_experts'].find((name) => config.has(name));
  const each = config.has('moe_intermediate_size') ? config.size('moe_intermediate_size') : hidden;
  if (experts !== undefined && each !== null) {
    const number = config.size(experts);
    for (const kind of ['ffn_gate_exps.weight', 'ffn_up_exps.weight']) shapes[kind] = [number, each, n];
    shapes['ffn_down_exps.weight'] = [number, n, each];
    shapes['ffn_gate_inp.weight'] = [number, n];
  }
  return shapes;
}
