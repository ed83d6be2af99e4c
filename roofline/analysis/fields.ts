import { WEIGHT_TYPES } from '../../core/techniques/tensor-types.js';
import { readEngine, unknownEngine } from '../step/engines.js';
import { checkAttention } from './attention-word.js';
import { readBits } from './bits.js';
import { ANALYSIS_MODES, type PointField } from './point.js';
import { readPacked } from './sparsity-word.js';

const LARGEST = 1e9;

/** A field of a file or an option. `must` says what a value must be, as a phrase after "must be". */
export interface Field {
  readonly expected: string;
  /** True when integers may be written as ranges (`1-64*2`). */
  readonly counts: boolean;
  /** One value, as JSON Schema. */
  readonly scalar: Readonly<Record<string, unknown>>;
  /** @returns the value, or why it is invalid. */
  read(value: unknown): unknown;
}

/** The result of `read` for an invalid value. */
export class NotAValue {
  readonly message: string | null;
  constructor(message: string | null = null) {
    this.message = message;
  }
}

const names: Field = {
  expected: 'a name',
  counts: false,
  scalar: { type: 'string', minLength: 1 },
  read: (value) => (typeof value === 'string' && value.trim() !== '' ? value.trim() : new NotAValue()),
};

const integerField = (least: number): Field => ({
  expected: `a whole number of at least ${least}`,
  counts: true,
  scalar: { type: 'integer', minimum: least, maximum: LARGEST },
  read: (value) =>
    Number.isInteger(value) && Number(value) >= least && Number(value) <= LARGEST ? value : new NotAValue(),
});

const share: Field = {
  expected: 'a number from 0 to 1',
  counts: false,
  scalar: { type: 'number', minimum: 0, maximum: 1 },
  read: (value) => (typeof value === 'number' && value >= 0 && value <= 1 ? value : new NotAValue()),
};

const cacheType: Field = {
  expected: `one of ${WEIGHT_TYPES.join(', ')}`,
  counts: false,
  scalar: { enum: WEIGHT_TYPES },
  read: (value) => (WEIGHT_TYPES.some((type) => type === value) ? value : new NotAValue()),
};

/** Each field with what it is, for editors. */
export const FIELDS: Readonly<Record<PointField, Field & { readonly help: string }>> = {
  model: {
    ...names,
    help: 'builtin:NAME, a GGUF file, a config.json or its folder, synthetic:…, or a published name (llama-2-7b).',
  },
  hardware: {
    ...names,
    help: 'A device of the catalogue (`ridge roofline --list`), or `this`: the measured roofs of this node.',
  },
  mode: {
    help: 'corrected, or llm-viewer: the numbers of LLM-Viewer, its errors included.',
    expected: ANALYSIS_MODES.join(' or '),
    counts: false,
    scalar: { enum: [...ANALYSIS_MODES] },
    read: (value) => (ANALYSIS_MODES.some((mode) => mode === value) ? value : new NotAValue()),
  },
  engine: {
    ...names,
    help: 'An engine whose operators were measured (vllm, sglang or trtllm, with @RELEASE for one): predicted times stand beside the roofs.',
    expected: 'an engine: vllm, sglang or trtllm',
    read: (value) => {
      if (typeof value !== 'string') return new NotAValue();
      const engine = value.trim();
      return readEngine(engine) === null ? new NotAValue(unknownEngine(engine)) : engine;
    },
  },
  bits: {
    help: 'What numbers are stored in: native, w4a16, w8a8kv8, wfp8afp8, fp8, nvfp4, or a quantization such as q4_k_m.',
    expected: 'native, w4a16, w8a8kv8, or a quantization such as q4_k_m',
    counts: false,
    scalar: {
      type: 'string',
      examples: ['native', 'w16a16', 'w4a16', 'w8a8kv8', 'wfp8afp8', 'fp8', 'nvfp4', 'q4_k_m'],
    },
    read: (value) => {
      if (typeof value !== 'string') return new NotAValue();
      const setting = value.trim().toLowerCase();
      const reading = readBits(setting);
      return reading.ok ? setting : new NotAValue(reading.message);
    },
  },
  flashAttention: {
    help: 'Scores stay on chip, or are written to memory and read back.',
    expected: 'true or false',
    counts: false,
    scalar: { type: 'boolean' },
    read: (value) => (typeof value === 'boolean' ? value : new NotAValue()),
  },
  attention: {
    help: 'What is done to attention: base (as the model has it), mqa, kv-heads:N, window:TOKENS, or nsa (native sparse attention).',
    expected: 'base, mqa, kv-heads:N, window:TOKENS or nsa',
    counts: false,
    scalar: { type: 'string', examples: ['base', 'mqa', 'kv-heads:8', 'window:4096', 'nsa'] },
    read: (value) => {
      if (typeof value !== 'string') return new NotAValue();
      const reading = checkAttention(value);
      return reading.ok ? value : new NotAValue(reading.message);
    },
  },
  sparsity: {
    help: 'Pruned weights as they are packed, with the share that is pruned: none, 2:4, bitmap:0.5, csr:0.8.',
    expected: 'none, 2:4, bitmap:SHARE or csr:SHARE with the share that is pruned (bitmap:0.5)',
    counts: false,
    scalar: { type: 'string', pattern: String.raw`^(none|2:4|(bitmap|csr):0?\.\d{1,6})$` },
    read: (value) => (typeof value === 'string' && readPacked(value) !== undefined ? value : new NotAValue()),
  },
  kvCacheTypeK: {
    ...cacheType,
    help: "The type that keys are kept in (ggml's names, q8_0); as `bits` says when left out.",
  },
  kvCacheTypeV: { ...cacheType, help: 'The same for values.' },
  adapterRank: {
    ...integerField(0),
    help: 'Rank of LoRA adapters that run beside the matrices, not merged; 0 = none.',
  },
  adapters: { ...integerField(1), help: 'Different adapters in a batch: each is read once.' },
  tensorParallel: {
    ...integerField(1),
    help: 'Devices that share each matrix; the analysis is of one of them.',
  },
  pipelineParallel: {
    ...integerField(1),
    help: 'Stages of consecutive layers, each on a device of its own.',
  },
  microBatches: {
    ...integerField(1),
    help: 'Parts that the batch is cut into, so that pipeline stages work at one time.',
  },
  expertParallel: {
    ...integerField(1),
    help: 'Devices that the experts are spread over; a multiple of the tensor parallelism. Beyond it, each group has its share of the batch.',
  },
  distinctExperts: {
    help: 'Different experts that a pass reads in a layer, where it was measured; as uniform routing expects when left out.',
    expected: 'a number above 0',
    counts: false,
    scalar: { type: 'number', exclusiveMinimum: 0, maximum: LARGEST },
    read: (value) => (typeof value === 'number' && value > 0 && value <= LARGEST ? value : new NotAValue()),
  },
  offload: {
    ...share,
    help: 'Share of the layers whose weights stay with the host and come over its link in every pass.',
  },
  tokensPerStep: { ...integerField(1), help: 'Tokens that a decode step verifies of each sequence.' },
  batch: { ...integerField(1), help: 'Sequences that are computed together, on all devices.' },
  decodes: {
    ...integerField(0),
    help: 'Further sequences that decode a token in the pass of the prefill: a mixed batch.',
  },
  context: {
    ...integerField(1),
    help: 'Tokens of each sequence after the prefill, and those a decode step attends to.',
  },
  promptTokens: {
    ...integerField(1),
    help: 'New tokens of the prefill, the last of the context; all of it when left out.',
  },
  draft: { ...names, help: 'A small model that proposes tokens, for speculative decoding.' },
  draftTokens: { ...integerField(1), help: 'Tokens that the draft proposes in a row.' },
  acceptance: { ...share, help: 'Chance that a proposed token is taken, from 0 to 1.' },
  generateTokens: { ...integerField(0), help: 'Tokens to generate after the prefill, for the total time.' },
};
