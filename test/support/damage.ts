import { sectionsOf } from './gguf-patch.js';

/** What a seed does to a file. */
export interface Damage {
  readonly kind: string;
  readonly bytes: Buffer;
}

const EXTREMES = [
  0n,
  1n,
  0x7fn,
  0xffffn,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  0x100000000n,
  0x1fffffffffffffn,
  0x7fffffffffffffffn,
  0xffffffffffffffffn,
];
const NUMBERS = [0, 1, 2, 3, 7, 64, 127, 4096, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];
const PLAIN_NUMBERS = [
  'llama.vocab_size',
  'llama.context_length',
  'llama.embedding_length',
  'llama.block_count',
  'llama.feed_forward_length',
  'llama.attention.head_count',
  'llama.attention.head_count_kv',
  'llama.rope.dimension_count',
  'llama.attention.layer_norm_rms_epsilon',
  'llama.rope.freq_base',
  'general.file_type',
  'general.quantization_version',
];

type Random = (below: number) => number;

/** Numerical Recipes' generator: small, and the same everywhere. */
function randomOf(seed: number): Random {
  let state = Math.imul(seed + 1, 2654435761) >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const of = <T>(random: Random, values: readonly T[]): T => values[random(values.length)] as T;

/**
 * Damages a copy of a shipped model: the same seed does the same again, and seeds that follow each other do
 * different kinds of damage.
 */
export function damage(original: Buffer, seed: number): Damage {
  const kinds = Object.entries(KINDS);
  const [kind, change] = kinds[seed % kinds.length] as [string, Change];
  const bytes = Buffer.from(original);
  return { kind, bytes: change(bytes, randomOf(seed), original) };
}

type Change = (bytes: Buffer, random: Random, original: Buffer) => Buffer;

/** Where names of keys and tensors begin; the eight bytes before each are its length. */
function names(original: Buffer): number[] {
  const { metadata, data } = sectionsOf(original);
  const text = original.toString('latin1', metadata, data);
  const found = text.matchAll(
    /(general|llama|tokenizer\.ggml)\.[a-z_.]+|(blk\.\d+|token_embd|output_norm)[a-z_.]*\.weight/g,
  );
  return [...found].map((match) => metadata + match.index);
}

const lengthOf = (bytes: Buffer, at: number): number => Number(bytes.readBigUInt64LE(at - 8));

const KINDS: Record<string, Change> = {
  'bytes of the metadata': (bytes, random, original) => {
    // The vocabulary makes up most of it and matters least: half of the changes stay before it.
    const { metadata, tensorInfos } = sectionsOf(original);
    const end = random(2) === 0 ? tensorInfos : original.indexOf('tokenizer.ggml.tokens');
    for (let n = 1 + random(6); n > 0; n--) bytes[metadata + random(end - metadata)] = random(256);
    return bytes;
  },
  'bytes of the header': (bytes, random) => {
    for (let n = 1 + random(2); n > 0; n--) bytes[random(24)] = random(256);
    return bytes;
  },
  'bytes of the tensor infos': (bytes, random, original) => {
    const { tensorInfos, data } = sectionsOf(original);
    for (let n = 1 + random(4); n > 0; n--) bytes[tensorInfos + random(data - tensorInfos)] = random(256);
    return bytes;
  },
  'cut off': (bytes, random, original) => {
    const { data } = sectionsOf(original);
    return bytes.subarray(0, random(2) === 0 ? random(data) : data + random(bytes.length - data));
  },
  'an extreme length': (bytes, random, original) => {
    const places = [8, 16, ...names(original).flatMap((at) => [at - 8, at + lengthOf(original, at) + 4])];
    bytes.writeBigUInt64LE(of(random, EXTREMES), of(random, places));
    return bytes;
  },
  'another type': (bytes, random, original) => {
    const at = of(random, names(original));
    const end = at + lengthOf(original, at);
    const tensor = original.toString('latin1', at, end).endsWith('.weight');
    const dimensions = tensor ? original.readUInt32LE(end) : 0;
    bytes.writeUInt32LE(random(45), tensor ? end + 4 + 8 * dimensions : end);
    return bytes;
  },
  'an extreme number': (bytes, random, original) => {
    for (let n = 1 + random(2); n > 0; n--) {
      const key = of(random, PLAIN_NUMBERS);
      bytes.writeUInt32LE(of(random, NUMBERS), original.indexOf(key) + key.length + 4);
    }
    return bytes;
  },
  'two tensors exchanged': (bytes, random, original) => {
    const tensors = names(original).filter((at) => at > sectionsOf(original).tensorInfos);
    const [a, b] = [of(random, tensors), of(random, tensors)].map((at) => at + lengthOf(original, at) + 4);
    // Their shapes, or all that follows the name.
    const length = of(random, [8, 16, 28]);
    original.copy(bytes, a, b as number, (b as number) + length);
    original.copy(bytes, b as number, a as number, (a as number) + length);
    return bytes;
  },
  'random weights': (bytes, random, original) => {
    const { data } = sectionsOf(original);
    const length = Math.min(bytes.length - data, 2 ** random(21));
    const start = data + random(bytes.length - data - length + 1);
    for (let i = start; i < start + length; i++) bytes[i] = random(256);
    return bytes;
  },
};
