import { closeSync, openSync, renameSync, writeSync } from 'node:fs';

/** The shape of a llama model: what decides how fast it runs, whatever its weights say. */
export interface ModelShape {
  readonly name: string;
  readonly layers: number;
  readonly embedding: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly feedForward: number;
  readonly vocabulary: number;
  readonly contextLength: number;
}

/** Llama 3.2 1B: 1.24 billion parameters, output tied to the embedding. */
export const LLAMA_1B: ModelShape = {
  name: 'synthetic-1b',
  layers: 16,
  embedding: 2048,
  heads: 32,
  kvHeads: 8,
  feedForward: 8192,
  vocabulary: 128_256,
  contextLength: 8192,
};

export type WeightType = 'f32' | 'f16' | 'q8_0' | 'q4_0';

/** ggml type number, elements and bytes of a block, and `general.file_type`. */
const TYPES = {
  f32: { id: 0, elements: 1, bytes: 4, file: 0 },
  f16: { id: 1, elements: 1, bytes: 2, file: 1 },
  q4_0: { id: 2, elements: 32, bytes: 18, file: 2 },
  q8_0: { id: 8, elements: 32, bytes: 34, file: 7 },
} as const;
const ALIGNMENT = 32;

interface Tensor {
  readonly name: string;
  readonly dimensions: readonly number[];
  readonly type: WeightType;
  readonly bytes: number;
}

/**
 * Writes a model with random weights: same shape, same speed as a real one, no vocabulary. The same
 * arguments give the same file. GGUF version 3, as ggml/docs/gguf.md lays it out.
 */
export function writeSyntheticGguf(path: string, shape: ModelShape, type: WeightType): void {
  const tensors = tensorsOf(shape, type);
  const header = headerOf(shape, type, tensors);
  const partial = `${path}.${process.pid}`;
  const file = openSync(partial, 'w');
  try {
    writeSync(file, header);
    const pools = new Map<WeightType, Buffer>();
    let turn = 0;
    for (const tensor of tensors) {
      const norm = tensor.dimensions.length === 1;
      const pool = norm ? ones(tensor.bytes) : (pools.get(tensor.type) ?? randomPool(tensor.type));
      if (!norm) pools.set(tensor.type, pool);
      // Each tensor begins elsewhere in the pool, so that no two are alike.
      const block = TYPES[tensor.type].bytes;
      let at = norm ? 0 : ((turn++ * 7919) % Math.floor(pool.length / block)) * block;
      for (let left = tensor.bytes; left > 0; ) {
        const count = Math.min(left, pool.length - at);
        writeSync(file, pool, at, count);
        left -= count;
        at = 0;
      }
      writeSync(file, Buffer.alloc(padding(tensor.bytes)));
    }
  } finally {
    closeSync(file);
  }
  renameSync(partial, path);
}

function tensorsOf(shape: ModelShape, type: WeightType): Tensor[] {
  const { embedding: d, feedForward: ff, vocabulary, layers } = shape;
  const kv = (d / shape.heads) * shape.kvHeads;
  const matrix = (name: string, ...dimensions: number[]): Tensor => {
    const { elements, bytes } = TYPES[type];
    const count = dimensions.reduce((a, b) => a * b, 1);
    return { name: `${name}.weight`, dimensions, type, bytes: (count / elements) * bytes };
  };
  const norm = (name: string): Tensor => ({
    name: `${name}.weight`,
    dimensions: [d],
    type: 'f32',
    bytes: d * 4,
  });
  const blocks = Array.from({ length: layers }, (_, layer) => {
    const p = `blk.${layer}.`;
    return [
      norm(`${p}attn_norm`),
      matrix(`${p}attn_q`, d, d),
      matrix(`${p}attn_k`, d, kv),
      matrix(`${p}attn_v`, d, kv),
      matrix(`${p}attn_output`, d, d),
      norm(`${p}ffn_norm`),
      matrix(`${p}ffn_gate`, d, ff),
      matrix(`${p}ffn_up`, d, ff),
      matrix(`${p}ffn_down`, ff, d),
    ];
  });
  return [matrix('token_embd', d, vocabulary), norm('output_norm'), ...blocks.flat()];
}

/** 32-bit words, 64-bit words, strings and floats, little-endian. */
class Writer {
  readonly #parts: Buffer[] = [];
  length = 0;

  bytes(part: Buffer): this {
    this.#parts.push(part);
    this.length += part.length;
    return this;
  }
  u32(value: number): this {
    const part = Buffer.alloc(4);
    part.writeUInt32LE(value);
    return this.bytes(part);
  }
  u64(value: number): this {
    const part = Buffer.alloc(8);
    part.writeBigUInt64LE(BigInt(value));
    return this.bytes(part);
  }
  f32(value: number): this {
    const part = Buffer.alloc(4);
    part.writeFloatLE(value);
    return this.bytes(part);
  }
  text(value: string): this {
    return this.u64(Buffer.byteLength(value)).bytes(Buffer.from(value));
  }
  done(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

const GGUF_U32 = 4;
const GGUF_F32 = 6;
const GGUF_STRING = 8;

function headerOf(shape: ModelShape, type: WeightType, tensors: readonly Tensor[]): Buffer {
  const texts = {
    'general.architecture': 'llama',
    'general.name': shape.name,
    // The engine then takes the number of tokens from llama.vocab_size and needs no tokenizer.
    'tokenizer.ggml.model': 'no_vocab',
  };
  const words = {
    'general.file_type': TYPES[type].file,
    'llama.context_length': shape.contextLength,
    'llama.embedding_length': shape.embedding,
    'llama.block_count': shape.layers,
    'llama.feed_forward_length': shape.feedForward,
    'llama.attention.head_count': shape.heads,
    'llama.attention.head_count_kv': shape.kvHeads,
    'llama.rope.dimension_count': shape.embedding / shape.heads,
    'llama.vocab_size': shape.vocabulary,
  };
  const floats = { 'llama.attention.layer_norm_rms_epsilon': 1e-5, 'llama.rope.freq_base': 500_000 };
  const pairs = [texts, words, floats].reduce((sum, group) => sum + Object.keys(group).length, 0);
  const writer = new Writer().bytes(Buffer.from('GGUF')).u32(3).u64(tensors.length).u64(pairs);
  for (const [key, value] of Object.entries(texts)) writer.text(key).u32(GGUF_STRING).text(value);
  for (const [key, value] of Object.entries(words)) writer.text(key).u32(GGUF_U32).u32(value);
  for (const [key, value] of Object.entries(floats)) writer.text(key).u32(GGUF_F32).f32(value);
  let offset = 0;
  for (const { name, dimensions, type: of, bytes } of tensors) {
    writer.text(name).u32(dimensions.length);
    for (const dimension of dimensions) writer.u64(dimension);
    writer.u32(TYPES[of].id).u64(offset);
    offset += bytes + padding(bytes);
  }
  return writer.bytes(Buffer.alloc(padding(writer.length))).done();
}

const padding = (length: number): number => (ALIGNMENT - (length % ALIGNMENT)) % ALIGNMENT;

function ones(bytes: number): Buffer {
  return Buffer.from(new Float32Array(bytes / 4).fill(1).buffer);
}

/** About a mebibyte of blocks whose values have a standard deviation near 0.02. */
function randomPool(type: WeightType): Buffer {
  const { bytes } = TYPES[type];
  const count = Math.floor(2 ** 20 / bytes);
  const pool = Buffer.alloc(count * bytes);
  let state = 1;
  const byte = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  };
  for (let i = 0; i < count; i++) {
    const at = i * bytes;
    if (type === 'f32') pool.writeFloatLE((byte() - 127.5) / 3700, at);
    else if (type === 'f16') pool.writeUInt16LE(((byte() & 1) << 15) | 0x2000 | (byte() << 2), at);
    else {
      // An f16 scale, then integers: ±8 in four bits, ±127 in eight.
      pool.writeUInt16LE(type === 'q4_0' ? 0x1c80 : 0x0929, at);
      for (let b = 2; b < bytes; b++) pool[at + b] = byte();
    }
  }
  return pool;
}
