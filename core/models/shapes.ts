/** Architectures that a shape can have: each is written as llama.cpp's converters write it. */
export const ARCHITECTURES = ['llama', 'qwen2', 'deepseek2'] as const;
export type Architecture = (typeof ARCHITECTURES)[number];

/**
 * Multi-head latent attention (arXiv 2405.04434, section 2.1): one vector a token stands for the K and V of
 * all heads.
 */
export interface LatentShape {
  /** Elements of the vector that is kept for a token. */
  readonly kvRank: number;
  /** Elements that queries are made from. */
  readonly queryRank: number;
  /** Elements of a head that carry the position; they are kept once for all heads. */
  readonly ropeLength: number;
}

/**
 * The shape of a dense decoder: what decides how fast a model runs and how much memory it takes, whatever
 * its weights say.
 */
export interface ModelShape {
  /** GGUF `general.architecture`. qwen2 adds biases to Q, K and V; deepseek2 has latent attention. */
  readonly architecture: Architecture;
  readonly layers: number;
  readonly embedding: number;
  readonly heads: number;
  readonly kvHeads: number;
  /** Elements of one head; of its part without positions, where attention is latent. */
  readonly headLength: number;
  /** null for attention over keys and values themselves. */
  readonly latent: LatentShape | null;
  readonly feedForward: number;
  readonly vocabulary: number;
  readonly contextLength: number;
  readonly ropeBase: number;
  readonly rmsEpsilon: number;
  /** The output matrix is the embedding's: one matrix less. */
  readonly tied: boolean;
  /** Llama 3.1 and later keep a factor for each frequency in the file (rope_freqs.weight). */
  readonly ropeFactors: boolean;
}

export interface PublishedShape extends ModelShape {
  /** Where the numbers are published: the model's config.json. */
  readonly source: string;
}

const LLAMA_3 = {
  architecture: 'llama',
  vocabulary: 128_256,
  contextLength: 131_072,
  ropeBase: 500_000,
  rmsEpsilon: 1e-5,
  ropeFactors: true,
} as const;

/** Published models by the name that follows `synthetic:`. */
export const SHAPES: ReadonlyMap<string, PublishedShape> = new Map<string, PublishedShape>([
  [
    'smollm2-135m',
    {
      architecture: 'llama',
      layers: 30,
      embedding: 576,
      heads: 9,
      kvHeads: 3,
      headLength: 64,
      latent: null,
      feedForward: 1536,
      vocabulary: 49_152,
      contextLength: 8192,
      ropeBase: 100_000,
      rmsEpsilon: 1e-5,
      tied: true,
      ropeFactors: false,
      source: 'https://huggingface.co/HuggingFaceTB/SmolLM2-135M/blob/main/config.json',
    },
  ],
  [
    'qwen2.5-0.5b',
    {
      architecture: 'qwen2',
      layers: 24,
      embedding: 896,
      heads: 14,
      kvHeads: 2,
      headLength: 64,
      latent: null,
      feedForward: 4864,
      vocabulary: 151_936,
      contextLength: 32_768,
      ropeBase: 1_000_000,
      rmsEpsilon: 1e-6,
      tied: true,
      ropeFactors: false,
      source: 'https://huggingface.co/Qwen/Qwen2.5-0.5B/blob/main/config.json',
    },
  ],
  [
    'tinyllama-1.1b',
    {
      architecture: 'llama',
      layers: 22,
      embedding: 2048,
      heads: 32,
      kvHeads: 4,
      headLength: 64,
      latent: null,
      feedForward: 5632,
      vocabulary: 32_000,
      contextLength: 2048,
      ropeBase: 10_000,
      rmsEpsilon: 1e-5,
      tied: false,
      ropeFactors: false,
      source: 'https://huggingface.co/TinyLlama/TinyLlama-1.1B-Chat-v1.0/blob/main/config.json',
    },
  ],
  [
    'llama-3.2-1b',
    {
      ...LLAMA_3,
      layers: 16,
      embedding: 2048,
      heads: 32,
      kvHeads: 8,
      headLength: 64,
      latent: null,
      feedForward: 8192,
      tied: true,
      source: 'https://huggingface.co/meta-llama/Llama-3.2-1B/blob/main/config.json',
    },
  ],
  [
    'llama-3.2-3b',
    {
      ...LLAMA_3,
      layers: 28,
      embedding: 3072,
      heads: 24,
      kvHeads: 8,
      headLength: 128,
      latent: null,
      feedForward: 8192,
      tied: true,
      source: 'https://huggingface.co/meta-llama/Llama-3.2-3B/blob/main/config.json',
    },
  ],
  [
    'llama-3.1-8b',
    {
      ...LLAMA_3,
      layers: 32,
      embedding: 4096,
      heads: 32,
      kvHeads: 8,
      headLength: 128,
      latent: null,
      feedForward: 14_336,
      tied: false,
      source: 'https://huggingface.co/meta-llama/Llama-3.1-8B/blob/main/config.json',
    },
  ],
]);
