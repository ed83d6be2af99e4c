import type { DecoderNumbers, GatedDeltaNumbers } from './assemble.js';
import type { FamilyReader } from './config.js';
import type { ConfigFile } from './config-file.js';
import { llama } from './config-llama.js';
import { qwenExperts } from './config-mixture.js';

/** Models of which most layers have linear attention. transformers, src/transformers/models/<model_type>. */
export const HYBRID_FAMILIES: readonly (readonly [string, FamilyReader])[] = [
  ['qwen3_next', (config) => ({ ...qwenHybrid(config), experts: qwenExperts(config, true) })],
  ['qwen3_5_text', qwenHybrid],
  ['qwen3_5_moe_text', (config) => ({ ...qwenHybrid(config), experts: qwenExperts(config, true) })],
];

type Numbers = Omit<DecoderNumbers, 'family'>;

/** modeling_qwen3_next.py: three layers of the gated delta rule, one of attention whose output has a gate. */
function qwenHybrid(config: ConfigFile): Numbers {
  // A mixture says no width of a layer without experts, for it has none.
  const numbers = llama(config.withDefaults({ intermediate_size: config.get('moe_intermediate_size') }), {
    headLength: 256,
  });
  const { attention } = numbers;
  const interval = config.size('full_attention_interval', 4);
  const types = config.list('layer_types');
  const turned = (config.nested('rope_parameters') ?? config).number('partial_rotary_factor', 0.25);
  const linear: GatedDeltaNumbers = {
    heads: config.size('linear_num_value_heads'),
    keyHeads: config.size('linear_num_key_heads'),
    keyLength: config.size('linear_key_head_dim'),
    valueLength: config.size('linear_value_head_dim'),
    convolution: config.size('linear_conv_kernel_dim', 4),
    stateBits: config.text('mamba_ssm_dtype') === 'bfloat16' ? 16 : 32,
    inLayer: (layer) => (types === null ? (layer + 1) % interval !== 0 : types[layer] === 'linear_attention'),
  };
  return {
    ...numbers,
    positions: { kind: 'rotary', length: attention.headLength * turned },
    attention: {
      ...attention,
      gated: config.flag('attn_output_gate', true),
    } as DecoderNumbers['attention'],
    queryKeyNorm: true,
    linear,
  };
}
