import type { Rule } from '../experiment/rule.js';
import { GRAPH_WEIGHTS } from '../models/conversions.js';
import type { ModelFormat } from '../models/formats.js';
import { choice, flag, headOf, type Reading, readSettings, type Setting, writeWord } from './spelling.js';

/**
 * Forms that ONNX graphs have for weights: half precision, blocks of int4 or int8, int8 with activations
 * rounded as they come.
 */
const TYPES = ['f16', 'int4', 'int8', 'int8_dynamic'] as const;
type GraphType = (typeof TYPES)[number];
/** Those that no GGUF file has. */
export const GRAPH_TYPES: readonly GraphType[] = TYPES.filter((type) => type !== 'f16');

const BLOCK_LENGTHS = [16, 32, 64, 128, 256] as const;
export type BlockLength = (typeof BLOCK_LENGTHS)[number];

/** How the weights of an ONNX graph are quantized. */
export interface GraphQuantization {
  readonly type: GraphType;
  readonly blockLength: BlockLength;
  /** Each block has a zero of its own. */
  readonly zeroPoints: boolean;
  /** Of the product with the vocabulary; `same` = as the others. */
  readonly outputType: 'same' | 'int4' | 'int8' | 'float';
  /** Of the table that tokens are looked up in. */
  readonly embeddingType: 'int4' | 'int8' | 'float';
  /** What products of blocks round their inputs to: 0 = nothing, 4 = int8. */
  readonly accuracyLevel: '0' | '4';
}

const blockLength: Setting<BlockLength> = {
  help: 'Weights that share a scale, in ONNX’s int4 and int8.',
  fallback: 32,
  form: `one of ${BLOCK_LENGTHS.join(', ')}`,
  read: (text) => BLOCK_LENGTHS.find((length) => String(length) === text),
  write: String,
};

export const GRAPH_SETTINGS = {
  blockLength,
  zeroPoints: flag(false, 'Gives each block a zero of its own, in ONNX’s int4 and int8.'),
  outputType: choice(['same', 'int4', 'int8', 'float'], 'same', 'Type of the output matrix.'),
  embeddingType: choice(['float', 'int4', 'int8'], 'float', 'Type of the token embedding.'),
  accuracyLevel: choice(
    ['0', '4'],
    '4',
    'What ONNX’s products of int4 and int8 round their inputs to: 4 = int8, 0 = nothing.',
  ),
} as const;

/** @returns null for a word that is none of ONNX's forms. */
export function readGraphQuantization(spelling: string): Reading<GraphQuantization> | null {
  const type = TYPES.find((name) => name === headOf(spelling));
  if (type === undefined) return null;
  // Blocks alone have something to set.
  const settings = type.startsWith('int') && type !== 'int8_dynamic' ? GRAPH_SETTINGS : {};
  const reading = readSettings(spelling, settings);
  if (!reading.ok) return reading;
  const unset = readSettings(type, GRAPH_SETTINGS);
  return unset.ok ? { ok: true, value: { type, ...unset.value, ...reading.value } } : unset;
}

/** @returns the canonical word of one that was read. */
export function graphWord({ type, ...values }: GraphQuantization): string {
  return writeWord(type, values, GRAPH_SETTINGS);
}

/** Bits of a weight in blocks, its scale and zero included; null for other words. */
export function blockBits(spelling: string): number | null {
  const reading = readGraphQuantization(spelling);
  if (reading === null || !reading.ok) return null;
  const { type, blockLength: length, zeroPoints } = reading.value;
  if (type === 'int8_dynamic') return 8;
  if (type === 'f16') return null;
  const bits = type === 'int4' ? 4 : 8;
  return bits + (32 + (zeroPoints ? bits : 0)) / length;
}

/**
 * @param opens formats that a runner opens. @returns what refuses the words of forms that they do not have.
 */
export function formsOf(opens: readonly ModelFormat[]): Rule {
  const graphs = opens.includes('onnx');
  const others = opens.some((format) => format !== 'onnx');
  return {
    axes: ['quantization'],
    reason({ quantization }) {
      const spelling = String(quantization);
      if (!graphs) return others ? notOfGraphs(headOf(spelling)) : null;
      return others ? null : notOfFiles(spelling);
    },
  };
}

function notOfGraphs(head: string): string | null {
  if (GRAPH_TYPES.every((type) => type !== head)) return null;
  const like = head === 'int4' ? 'q4_0' : 'q8_0';
  return `quantization ${head} is a form of ONNX graphs: give it to the runner onnx, or choose a type of llama.cpp such as ${like}`;
}

function notOfFiles(spelling: string): string | null {
  const head = headOf(spelling);
  if (head === 'base' || TYPES.some((type) => type === head)) return null;
  const choose = `choose ${GRAPH_TYPES.join(', ')}, f16, q8_0, or q4_0?outputType=q8_0`;
  if (!GRAPH_WEIGHTS.includes(head))
    return `quantization ${head} is a type of llama.cpp that ONNX graphs have no form for: ${choose}`;
  const vocabulary = /[?&](?:pure=true|outputType=(?:q4_0|q8_0|f16|f32))/.test(spelling);
  return head === 'q4_0' && !vocabulary
    ? `quantization ${spelling} gives the output matrix q6_k, which ONNX graphs have no form for: ${choose}`
    : null;
}
