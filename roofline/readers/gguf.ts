import type {
  ActivationFunction,
  Gating,
  LayerGroup,
  ModelArchitecture,
  PositionShape,
} from '../../core/work/architecture.js';
import { ggufAttention } from './gguf-attention.js';
import { ggufFeedForward } from './gguf-feed-forward.js';
import { GgufFile, type WeightFile } from './gguf-file.js';
import { type ArchitectureReading, grouped, reading, Unreadable, unknownFamily } from './reading.js';

/** What the tensors of a file do not tell of its architecture. */
interface GgufFamily {
  readonly activation: ActivationFunction;
  readonly embeddingScaled?: true;
  /**
   * Layers of which the last sees all tokens and the others a window, where the file says a window but not
   * which.
   */
  readonly windowPeriod?: number;
  /** The graph has no window, whatever the file says. */
  readonly windowIgnored?: true;
  /** Of so many layers the last has no positions. */
  readonly unturnedPeriod?: number;
  /** The last layer is computed for all tokens. */
  readonly wholeLastLayer?: true;
  /** Weights of experts are a softmax over those that were chosen. */
  readonly gating?: Gating;
  readonly encoder?: true;
}

/**
 * llama.cpp v0.4.0, src/models: attention with softmax in every layer, and nothing that its tensors do not
 * show.
 */
const GGUF_FAMILIES: Readonly<Record<string, GgufFamily>> = {
  llama: { activation: 'silu', windowIgnored: true },
  qwen2: { activation: 'silu', windowIgnored: true },
  qwen2moe: { activation: 'silu', windowIgnored: true },
  qwen3: { activation: 'silu', windowIgnored: true },
  qwen3moe: { activation: 'silu', windowIgnored: true },
  olmo2: { activation: 'silu', windowPeriod: 4 },
  smollm3: { activation: 'silu', windowIgnored: true, unturnedPeriod: 4 },
  gemma: { activation: 'gelu', embeddingScaled: true, windowIgnored: true },
  gemma2: { activation: 'gelu', embeddingScaled: true, windowPeriod: 2 },
  gemma3: { activation: 'gelu', embeddingScaled: true, windowPeriod: 6 },
  phi2: { activation: 'gelu', windowIgnored: true },
  phi3: { activation: 'silu', windowIgnored: true },
  gpt2: { activation: 'gelu', windowIgnored: true },
  gptneox: { activation: 'gelu', windowIgnored: true },
  falcon: { activation: 'gelu', windowIgnored: true },
  chatglm: { activation: 'silu', windowIgnored: true },
  starcoder2: { activation: 'gelu', windowIgnored: true },
  granite: { activation: 'silu', windowIgnored: true },
  granite_swa: { activation: 'silu' },
  internlm2: { activation: 'silu', windowIgnored: true },
  deepseek2: { activation: 'silu', windowIgnored: true },
  'gpt-oss': {
    activation: 'silu-clamped',
    windowPeriod: 2,
    wholeLastLayer: true,
    gating: 'softmax-of-chosen',
  },
  bert: { activation: 'gelu', windowIgnored: true, encoder: true },
};

/** Reads an architecture from the header of a GGUF file: real tensors, their shapes and types. */
export function architectureFromGguf(header: WeightFile): ArchitectureReading {
  return reading(() => {
    const file = new GgufFile(header);
    return architectureOf(file, familyOf(file.family));
  });
}

function familyOf(name: string): GgufFamily {
  if (Object.hasOwn(GGUF_FAMILIES, name)) return GGUF_FAMILIES[name]!;
  throw unknownFamily('architecture', name, Object.keys(GGUF_FAMILIES));
}

function architectureOf(file: GgufFile, family: GgufFamily): ModelArchitecture {
  const embedding = file.size('embedding_length');
  const layers = file.size('block_count');
  if (layers > 4096) throw new Unreadable(`the file claims ${layers} layers; 4096 is the most there can be`);
  const table = file.required('token_embd.weight');
  const output = file.tensor('output.weight');
  const vocabulary = table.shape[1] ?? 0;
  if (table.shape[0] !== embedding)
    throw new Unreadable(
      `token_embd.weight has rows of ${table.shape[0]} elements, and the file says embedding_length ${embedding}`,
    );
  return {
    family: file.family,
    embedding,
    vocabulary,
    contextLength: file.size('context_length'),
    tied: output === undefined,
    layers: grouped(Array.from({ length: layers }, (_, index) => layer(file, family, index, layers))),
    embeddingBits: file.bits(table),
    outputBits: file.bits(output ?? table),
    outputType: (output ?? table).type,
    outputBias: file.tensor('output.bias') !== undefined,
    positions: positionsOf(file),
    norm: NORM_BIASES.some((name) => file.tensor(name) !== undefined) ? 'layer' : 'rms',
    vectorBits: 32,
    embeddingScaled: family.embeddingScaled === true,
    ...(family.encoder === true
      ? { encoder: { tokenTypes: file.tensor('token_types.weight')?.shape[1] ?? 0 } }
      : {}),
    ...(family.wholeLastLayer === true ? { wholeLastLayer: true } : {}),
  };
}

function layer(file: GgufFile, family: GgufFamily, index: number, layers: number): Omit<LayerGroup, 'count'> {
  const tensorName = (name: string) => `blk.${index}.${name}`;
  const norms = [
    'attn_norm.weight',
    'attn_norm_2.weight',
    'ffn_norm.weight',
    'post_attention_norm.weight',
    'post_ffw_norm.weight',
    'attn_output_norm.weight',
    'layer_output_norm.weight',
  ].filter((name) => file.tensor(tensorName(name)) !== undefined);
  const attention = ggufAttention(file, tensorName, windowOf(file, family, index, layers));
  const feedForward = ggufFeedForward(file, tensorName, family.activation);
  const { unturnedPeriod } = family;
  const unturned = unturnedPeriod !== undefined && (index + 1) % unturnedPeriod === 0;
  // llama-hparams.h, enum llama_expert_gating_func_type: what is not said is a softmax.
  const gating = family.gating ?? (file.optionalSize('expert_gating_func') === 2 ? 'sigmoid' : null);
  const queryNorm = file.tensor(tensorName('attn_q_norm.weight'));
  const keyLength = attention.kind === 'latent' ? attention.headLength : attention.keyLength;
  return {
    attention: unturned && attention.kind === 'dot-product' ? { ...attention, unturned } : attention,
    feedForward:
      feedForward.experts === null || gating === null
        ? feedForward
        : { ...feedForward, experts: { ...feedForward.experts, gating } },
    norms: {
      perLayer: norms.length,
      onQueryAndKey: queryNorm !== undefined,
      ...(norms.length > 0 && norms.every((name) => BEHIND.test(name)) ? { behind: true } : {}),
      ...(queryNorm !== undefined && queryNorm.shape[0] !== keyLength ? { acrossHeads: true } : {}),
    },
  };
}

/** An encoder has no norm at its end. */
const NORM_BIASES = ['output_norm.bias', 'token_embd_norm.bias'];
const BEHIND = /^(?:post_attention|post_ffw|attn_output|layer_output)_norm/;

/** llama-hparams.cpp, set_swa_pattern: of every `period` layers the last sees all tokens; 0 = none does. */
function windowOf(file: GgufFile, family: GgufFamily, index: number, layers: number): number | null {
  if (family.windowIgnored === true) return null;
  const window = file.optionalSize('attention.sliding_window');
  if (window === null) return null;
  const each = file.list('attention.sliding_window_pattern', layers);
  if (each !== null) return each[index] === 0 ? null : window;
  const period = file.optionalSize('attention.sliding_window_pattern') ?? family.windowPeriod ?? 0;
  return period > 0 && index % period === period - 1 ? null : window;
}

function positionsOf(file: GgufFile): PositionShape {
  const learned = file.tensor('position_embd.weight');
  if (learned !== undefined)
    return { kind: 'learned', rows: learned.shape[1] ?? 0, bits: file.bits(learned) };
  const turned = file.optionalSize('rope.dimension_count') ?? file.optionalSize('attention.key_length');
  const heads = file.firstSize('attention.head_count');
  return { kind: 'rotary', length: turned ?? file.size('embedding_length') / heads };
}
