import { encodeFloats } from '../../core/techniques/float-types.js';
import { readSpan } from '../../formats/gguf/copy.js';
import { type GgufFile, readGgufHeader } from '../../formats/gguf/header.js';
import type { GgufValue } from '../../formats/gguf/value.js';
import { type TensorSource, writeGguf } from '../../formats/gguf/writer.js';
import { readTensor } from '../../formats/tensor-data.js';

/** Experts of a block of these models, how many of them a token goes to, and the width inside each. */
export const EXPERTS = 5;
export const USED = 2;
export const INNER = 64;
/** Block 0 never sends a token to this one. */
export const UNREACHED = 4;

const BLOCKS = 2;
const WIDTH = 128;
const HEAD = 64;
/** Of latent attention. */
const LATENT = { rank: 32, rope: 16, rest: 32, values: 48, heads: 2 } as const;

/**
 * Writes a mixture of experts of two blocks: attention, embedding and vocabulary of the shipped tiny model
 * (Llama), experts and routers with weights that are random and always the same. Those of block 0's router
 * are a, −a, b, −b and zeros: two of the first four are above zero for every token, so the last expert is
 * never among the best two. Block 0 of DeepSeek has the tiny model's own network and no experts.
 */
export async function writeMixture(tiny: string, path: string, architecture: string): Promise<string> {
  const header = readGgufHeader(tiny);
  const metadata = new Map<string, GgufValue>();
  for (const [key, span] of header.spans)
    metadata.set(key.replace(/^llama\./, `${architecture}.`), {
      type: 'encoded',
      bytes: await readSpan(tiny, span),
    });
  const u32 = (key: string, value: number) => metadata.set(`${architecture}.${key}`, { type: 'u32', value });
  metadata.set('general.architecture', { type: 'string', value: architecture });
  u32('block_count', BLOCKS);
  u32('feed_forward_length', INNER);
  u32('expert_count', EXPERTS);
  u32('expert_used_count', USED);
  u32('expert_feed_forward_length', INNER);
  if (architecture === 'olmoe') u32('attention.head_count_kv', WIDTH / HEAD);
  if (architecture === 'qwen2moe') u32('expert_shared_feed_forward_length', INNER);
  if (LEADING.test(architecture)) {
    u32('feed_forward_length', 256);
    u32('leading_dense_block_count', 1);
    u32('expert_shared_count', 1);
    metadata.set(`${architecture}.expert_weights_scale`, { type: 'f32', value: 1 });
  }
  if (architecture === 'deepseek2') {
    const { rank, rope, rest, values } = LATENT;
    u32('attention.head_count_kv', 1);
    u32('attention.q_lora_rank', 0);
    u32('attention.kv_lora_rank', rank);
    u32('attention.key_length', rank + rope);
    u32('attention.value_length', rank);
    u32('attention.key_length_mla', rest + rope);
    u32('attention.value_length_mla', values);
    u32('rope.dimension_count', rope);
  }
  const blocks = Array.from({ length: BLOCKS }, (_, block) => block);
  const tensors = [
    ...keptOf(header, architecture),
    tensor('output.weight', 'f16', [WIDTH, 4096], 0.2),
    ...blocks.flatMap((block) => addedOf(architecture, block)),
  ];
  await writeGguf(path, { metadata, tensors });
  return path;
}

/** Architectures whose block 0 here is dense. */
const LEADING = /^deepseek2?$/;

/** What an architecture has otherwise than the tiny model, or not at all. */
const DROPPED: Readonly<Record<string, RegExp>> = {
  olmoe: /\.(ffn_(gate|up|down)|attn_[kv])\./,
  deepseek: /^blk\.1\.ffn_(gate|up|down)\./,
  deepseek2: /\.attn_(q|k|v|output)\.|^blk\.1\.ffn_(gate|up|down)\./,
};

/** The rest of the first blocks, by default all but the feed-forward networks. */
function keptOf({ tensors }: GgufFile, architecture: string): TensorSource[] {
  const dropped = DROPPED[architecture] ?? /\.ffn_(gate|up|down)\./;
  return tensors
    .filter(({ name }) => !dropped.test(name) && Number(/^blk\.(\d+)/.exec(name)?.[1] ?? 0) < BLOCKS)
    .map((tensor) => ({ ...tensor, data: () => readTensor(tensor) }));
}

function addedOf(architecture: string, block: number): TensorSource[] {
  const f16 = (rest: string, ...shape: number[]) => tensor(`blk.${block}.${rest}.weight`, 'f16', shape, 0.2);
  const norm = (rest: string, length: number) =>
    tensor(`blk.${block}.${rest}.weight`, 'f32', [length], 0.5, 1);
  const { rank, rope, rest, values, heads } = LATENT;
  const attention =
    architecture === 'deepseek2'
      ? [
          f16('attn_q', WIDTH, heads * (rest + rope)),
          f16('attn_kv_a_mqa', WIDTH, rank + rope),
          norm('attn_kv_a_norm', rank),
          f16('attn_k_b', rest, rank, heads),
          f16('attn_v_b', rank, values, heads),
          f16('attn_output', heads * values, WIDTH),
        ]
      : [];
  if (LEADING.test(architecture) && block === 0) return attention;
  return [
    ...attention,
    router(block),
    f16('ffn_gate_exps', WIDTH, INNER, EXPERTS),
    f16('ffn_up_exps', WIDTH, INNER, EXPERTS),
    f16('ffn_down_exps', INNER, WIDTH, EXPERTS),
    ...(architecture === 'qwen2moe'
      ? [tensor(`blk.${block}.ffn_gate_inp_shexp.weight`, 'f32', [WIDTH], 0.2)]
      : []),
    ...(/^(qwen2moe|deepseek2?)$/.test(architecture)
      ? [
          f16('ffn_gate_shexp', WIDTH, INNER),
          f16('ffn_up_shexp', WIDTH, INNER),
          f16('ffn_down_shexp', INNER, WIDTH),
        ]
      : []),
    ...(architecture === 'qwen3moe' ? [norm('attn_q_norm', HEAD), norm('attn_k_norm', HEAD)] : []),
    ...(architecture === 'olmoe'
      ? [
          norm('attn_q_norm', WIDTH),
          norm('attn_k_norm', WIDTH),
          f16('attn_k', WIDTH, WIDTH),
          f16('attn_v', WIDTH, WIDTH),
        ]
      : []),
  ];
}

function router(block: number): TensorSource {
  const name = `blk.${block}.ffn_gate_inp.weight`;
  const weights = random(name, WIDTH * EXPERTS, 0.3);
  if (block === 0) {
    for (const row of [1, 3])
      for (let j = 0; j < WIDTH; j++) weights[row * WIDTH + j] = -weights[(row - 1) * WIDTH + j]!;
    weights.fill(0, UNREACHED * WIDTH);
  }
  return { name, type: 'f32', shape: [WIDTH, EXPERTS], data: () => [encodeFloats(weights, 'f32')] };
}

function tensor(
  name: string,
  type: 'f16' | 'f32',
  shape: readonly number[],
  spread: number,
  middle = 0,
): TensorSource {
  const count = shape.reduce((a, b) => a * b, 1);
  return { name, type, shape, data: () => [encodeFloats(random(name, count, spread, middle), type)] };
}

/** @returns numbers within `spread` of the middle, always the same for the same name. */
function random(name: string, count: number, spread: number, middle = 0): Float32Array {
  let state = [...name].reduce(
    (hash, letter) => Math.imul(hash ^ letter.charCodeAt(0), 16777619),
    2166136261,
  );
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return middle + spread * (state / 2 ** 31 - 1);
  });
}
