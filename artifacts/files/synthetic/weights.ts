import type { SyntheticType } from '../../../core/models/synthetic.js';
import { brainBits, halfBits } from '../../../core/techniques/float-types.js';
import { RandomWords } from './random.js';

/** Of the usual initialization (GPT-2, Llama): keeps activations finite through any depth with RMS norms. */
const STANDARD_DEVIATION = 0.02;
const CHUNK_BYTES = 2 ** 20;

/**
 * 65 536 evenly spaced values with that deviation: a uniform distribution, in arithmetic that is exact
 * everywhere.
 */
const UNIFORM = (() => {
  const values = new Float32Array(65_536);
  // A uniform distribution of width w has the deviation w / √12.
  const step = (STANDARD_DEVIATION * Math.sqrt(12)) / values.length;
  for (let i = 0; i < values.length; i++) values[i] = (i - (values.length - 1) / 2) * step;
  return values;
})();

/** ggml-common.h, block_q8_0 and block_q4_0: a half-precision scale, then 32 integers. In 16-bit words. */
const BLOCKS = {
  // 256 evenly spaced integers deviate by 73.9, 16 by 4.61.
  q8_0: { words: 17, scale: half(STANDARD_DEVIATION / 73.9), signs: 0 },
  // Four bits are -8 to 7: a scale of either sign leaves the weights without a bias.
  q4_0: { words: 9, scale: half(STANDARD_DEVIATION / 4.61), signs: 0x8000 },
} as const;

/**
 * The bytes of a tensor of random weights, the same for the same seed and label. A chunk is valid until the
 * next is asked for. Little-endian machines only, as GGUF readers are.
 */
export function* randomWeights(
  type: SyntheticType,
  bytes: number,
  seed: number,
  label: string,
): Generator<Uint8Array> {
  const random = RandomWords.forSeed(seed, label);
  // Whole blocks and whole words of the generator in every chunk.
  const unit = type === 'q8_0' || type === 'q4_0' ? BLOCKS[type].words * 4 : 4;
  const chunk = new Uint8Array(Math.floor(CHUNK_BYTES / unit) * unit);
  const write = writerOf(type, chunk, random);
  for (let left = bytes; left > 0; left -= chunk.length) {
    write();
    yield left < chunk.length ? chunk.subarray(0, left) : chunk;
  }
}

/** @returns a function that fills the chunk anew. */
function writerOf(type: SyntheticType, chunk: Uint8Array, random: RandomWords): () => void {
  if (type === 'f32') {
    const floats = new Float32Array(chunk.buffer);
    const words = new Uint32Array(floats.length / 2);
    const picks = new Uint16Array(words.buffer);
    return () => {
      random.fill(words);
      for (let i = 0; i < floats.length; i++) floats[i] = UNIFORM[picks[i]!]!;
    };
  }
  const words = new Uint32Array(chunk.buffer);
  const halves = new Uint16Array(chunk.buffer);
  if (type === 'f16' || type === 'bf16') {
    const table = Uint16Array.from(new Uint32Array(UNIFORM.buffer), type === 'f16' ? halfBits : brainBits);
    return () => {
      random.fill(words);
      for (let i = 0; i < halves.length; i++) halves[i] = table[halves[i]!]!;
    };
  }
  const { words: perBlock, scale, signs } = BLOCKS[type];
  return () => {
    random.fill(words);
    for (let i = 0; i < halves.length; i += perBlock) halves[i] = (halves[i]! & signs) | scale;
  };
}

/** Rows of ones, in f32: what norms and rope factors of an untrained model hold. */
export function* rowsOfOnes(bytes: number): Generator<Uint8Array> {
  yield new Uint8Array(new Float32Array(bytes / 4).fill(1).buffer);
}

/** The nearest half-precision number's bits. */
function half(value: number): number {
  return halfBits(new Uint32Array(Float32Array.of(value).buffer)[0]!);
}
