import type { Rule } from '../experiment/rule.js';
import { nearest } from '../input/suggest.js';
import { BUILTIN_TEXT, CALIBRATION_SETTINGS, type CalibrationSpec } from './calibration-spec.js';
import { fileType, NEED_IMPORTANCE_MATRIX, QUANTIZATIONS } from './file-types.js';
import { FOUR_BIT_NAMES } from './four-bit/formats.js';
import { FOUR_BIT_SETTINGS, fourBitWord, readFourBit } from './four-bit/spec.js';
import { GRAPH_SETTINGS, GRAPH_TYPES, graphWord, readGraphQuantization } from './graph-quantization.js';
import {
  flag,
  headOf,
  helpOf,
  integer,
  joinWord,
  optionalText,
  type Reading,
  readSettings,
  rejected,
  type Setting,
  writeWord,
} from './spelling.js';
import type { Technique } from './technique.js';
import { isFloat, tensorType, WRITTEN_TYPES } from './tensor-types.js';

/** The file as it is. */
export const BASE = 'base';

export interface TensorOverride {
  /**
   * Part of the names of tensors, e.g. `attn_v`, as llama-quantize's --tensor-type takes it: a regular
   * expression, searched for; of several that match a tensor the first counts.
   */
  readonly pattern: string;
  readonly type: string;
}

/** How the weights are quantized. */
export interface QuantizationSpec {
  /** A llama.cpp file type in lower case. */
  readonly type: string;
  readonly outputType: string | null;
  readonly embeddingType: string | null;
  readonly tensorTypes: readonly TensorOverride[];
  /** The text an importance matrix is made of; null = none. */
  readonly importance: CalibrationSpec | null;
  /** Every tensor gets the type, without the mixture that its name stands for. */
  readonly pure: boolean;
}

/** Types that a vocabulary matrix can have; no importance matrix covers it. */
const VOCABULARY_TYPES = WRITTEN_TYPES.filter((name) => tensorType(name)?.needsMatrix !== 'ggml');

const vocabularyType = (help: string): Setting<string | null> => ({
  help,
  fallback: null,
  form: `one of ${VOCABULARY_TYPES.join(', ')}`,
  read: (text) => VOCABULARY_TYPES.find((type) => type === text),
  write: (value) => value ?? '',
});

/** Names of tensors and what regular expressions are made of, without what parts the words of a setting. */
const OVERRIDE = /^([A-Za-z0-9_.\\|()[\]^$*-]{1,100}):([a-z0-9_]+)$/;

function readOverride(text: string): TensorOverride | null {
  const [, pattern = '', named] = OVERRIDE.exec(text) ?? [];
  const type = WRITTEN_TYPES.find((known) => known === named);
  return type === undefined || !isExpression(pattern) ? null : { pattern, type };
}

function isExpression(pattern: string): boolean {
  try {
    new RegExp(pattern);
    return true;
  } catch {
    return false;
  }
}

const overrides: Setting<readonly TensorOverride[]> = {
  help: 'Types of single tensors by part of their name: `attn_v:q8_0,ffn_down:q6_k`.',
  fallback: [],
  form: 'parts of names and their types, such as attn_v:q8_0,ffn_down:q6_k',
  read(text) {
    const pairs = text.split(',').map(readOverride);
    return pairs.every((pair) => pair !== null) ? pairs : undefined;
  },
  write: (value) => value.map(({ pattern, type }) => `${pattern}:${type}`).join(','),
};

const SETTINGS = {
  outputType: vocabularyType('Type of the output matrix.'),
  embeddingType: vocabularyType('Type of the token embedding.'),
  tensorTypes: overrides,
  pure: flag(false, 'Gives every tensor the type itself instead of the mixture its name stands for.'),
  importance: optionalText(
    '`builtin:sample` or a path below a model folder',
    /^[^\0]{1,1000}$/,
    'Text that an importance matrix is made of; types below 3 bits need one.',
  ),
  importanceSequences: { ...CALIBRATION_SETTINGS.sequences, help: 'Sequences of that text, at most.' },
  importanceTokens: integer(2, 1_048_576, 512, 'Tokens of a sequence of that text (llama-imatrix: -c).'),
} as const;

const NAMES: readonly string[] = [...QUANTIZATIONS, ...NEED_IMPORTANCE_MATRIX];

/** @returns the type with nothing else said. */
export function plainQuantization(type: string): QuantizationSpec {
  return { type, outputType: null, embeddingType: null, tensorTypes: [], importance: null, pure: false };
}

/**
 * @param hasMatrix whether an importance matrix comes from elsewhere, so that no text is needed.
 * @returns null for the file as it is.
 */
export function readQuantization(spelling: string, hasMatrix = false): Reading<QuantizationSpec | null> {
  if (spelling === BASE) return { ok: true, value: null };
  const head = headOf(spelling);
  const type = NAMES.find((name) => name === head);
  if (type === undefined && GRAPH_TYPES.some((name) => name === head))
    return rejected(`quantization ${head} is a form of ONNX graphs, and llama.cpp has no type of that name`);
  if (type === undefined) return unknownType(head);
  const reading = readSettings(spelling, SETTINGS);
  if (!reading.ok) return reading;
  const { importance: text, importanceSequences, importanceTokens, ...rest } = reading.value;
  if (text === null && !hasMatrix && fileType(type)?.written === 'with-matrix') {
    const message = `quantization ${type} needs an importance matrix: name the text it is made of`;
    return rejected(message, `${type}?importance=${BUILTIN_TEXT}`);
  }
  const importance: CalibrationSpec | null =
    text === null
      ? null
      : { text, sequences: importanceSequences, tokens: importanceTokens, order: 'dense', seed: 0 };
  const spec = { type, ...rest, importance };
  const flaw = flawOf(spec, hasMatrix || text !== null);
  return flaw === null
    ? { ok: true, value: spec }
    : rejected(`quantization ${JSON.stringify(spelling)}: ${flaw}`);
}

function unknownType(head: string): Reading<never> {
  const guess = ALSO_KNOWN_AS[head.toLowerCase()] ?? nearest(head, quantization.examples);
  const known = guess === null ? `one of ${quantization.examples.join(', ')}` : quantization.form;
  return rejected(`quantization must be ${known}, not ${JSON.stringify(head)}`, guess);
}

const ALSO_KNOWN_AS: Readonly<Record<string, string>> = {
  none: BASE,
  fp16: 'f16',
  fp32: 'f32',
  q8: 'q8_0',
  q6: 'q6_k',
  q3_k: 'q3_k_m',
  q4_k: 'q4_k_m',
  q5_k: 'q5_k_m',
};

export const quantization: Technique = {
  name: 'quantization',
  fallback: BASE,
  help: 'Type the weights are quantized to from the model file, by llama.cpp’s name, int4, int8 and int8_dynamic of ONNX graphs, or mxfp4, nvfp4 and if4; `base` runs the file as it is.',
  examples: [BASE, ...NAMES, ...GRAPH_TYPES, ...FOUR_BIT_NAMES],
  form: `one of ${NAMES.length + GRAPH_TYPES.length + FOUR_BIT_NAMES.length + 1} types`,
  keys: {
    type: 'Name of the type.',
    ...helpOf(FOUR_BIT_SETTINGS),
    ...helpOf(GRAPH_SETTINGS),
    ...helpOf(SETTINGS),
  },
  read(spelling) {
    const graph = GRAPH_TYPES.some((type) => type === headOf(spelling))
      ? readGraphQuantization(spelling)
      : null;
    if (graph !== null) return graph.ok ? { ok: true, value: graphWord(graph.value) } : graph;
    const fourBit = readFourBit(spelling);
    if (fourBit !== null) return fourBit.ok ? fourBitWord(spelling) : fourBit;
    const reading = readQuantization(spelling);
    if (!reading.ok) return reading;
    if (reading.value === null) return { ok: true, value: BASE };
    const values = readSettings(spelling, SETTINGS);
    return values.ok ? { ok: true, value: writeWord(headOf(spelling), values.value, SETTINGS) } : values;
  },
  spell: ({ type, ...settings }) => joinWord(String(type), Object.entries(settings)),
};

/** llama.cpp src/llama-quant.cpp: "requantizing from type %s is disabled". */
export const requantizing: Rule = {
  axes: ['model', 'quantization'],
  reason({ model, quantization: wanted }, facts) {
    const type = facts?.quantization ?? null;
    if (type === null || wanted === BASE || wanted === type || isFloat(type)) return null;
    return `model ${model} is quantized already (${type}) and is not quantized again: give its f16 file, or quantization base`;
  },
};

/**
 * What llama.cpp would pass over in silence, or abort on, in words that follow the spelling; null when there
 * is nothing. Everything else depends on the tensors of a model and is found out when they are quantized.
 */
function flawOf(spec: QuantizationSpec, hasMatrix: boolean): string | null {
  const { type, tensorTypes, outputType, embeddingType, pure } = spec;
  if (isFloat(type)) {
    // llama-quant.cpp, llama_tensor_get_type: both are looked at for quantized types only.
    if (tensorTypes.length > 0) return `llama.cpp ignores types of single tensors when it writes ${type}`;
    if (pure) return `${type} is no mixture, so pure changes nothing`;
  }
  const bare = tensorTypes.find((override) => tensorType(override.type)?.needsMatrix);
  if (bare !== undefined && !hasMatrix) {
    return `${bare.pattern}:${bare.type} needs an importance matrix: name the text it is made of (importance)`;
  }
  if (pure && tensorType(type)?.needsMatrix === 'ggml' && (outputType === null || embeddingType === null)) {
    return `pure gives ${type} to the token embedding and the output too, which no importance matrix covers: give both outputType and embeddingType`;
  }
  return null;
}
