import type { Rule } from '../../experiment/rule.js';
import { CALIBRATION_SETTINGS, type CalibrationSpec } from '../calibration-spec.js';
import { type LayerPatterns, layerPatterns } from '../layer-choice.js';
import { DAMPENING } from '../pruning/methods/sparsegpt.js';
import {
  choice,
  headOf,
  integer,
  type Reading,
  readSettings,
  rejected,
  type Settings,
  type SettingValues,
  writeWord,
} from '../spelling.js';
import { FOUR_BIT_NAMES, type FourBitName, fourBitBits, fourBitFormat } from './formats.js';
import { ROTATED_BLOCK, ROTATIONS, type RotationName } from './rotation.js';

/** How the linear layers of a model are quantized to four bits. */
export interface FourBitSpec {
  readonly type: FourBitName;
  readonly method: 'nearest' | 'search' | 'gptq';
  readonly rotation: RotationName;
  readonly layers: LayerPatterns;
  readonly exclude: LayerPatterns;
  /** null: the weights alone decide. */
  readonly gptq: GptqSettings | null;
}

export interface GptqSettings {
  /** Share of the mean diagonal that is added to the Hessian. */
  readonly dampening: number;
  /** Columns that are rounded before the weights right of them are updated. */
  readonly blockColumns: number;
  readonly calibration: CalibrationSpec;
}

const OWN = {
  method: choice(
    ['nearest', 'search', 'gptq'],
    'nearest',
    'How weights become mxfp4, nvfp4 or if4: rounded by the prescribed scales, by scales of the least error, or by GPTQ.',
  ),
  rotation: choice(
    ROTATIONS,
    'none',
    'What mxfp4, nvfp4 and if4 rotate before rounding: nothing, blocks of 32 inputs, or the whole of them.',
  ),
  layers: layerPatterns(['*'], 'Linear layers that mxfp4, nvfp4 and if4 quantize, by pattern.'),
  exclude: layerPatterns([], 'Of those, layers that stay as they are.'),
} as const;

const GPTQ = {
  ...OWN,
  ...DAMPENING,
  blockColumns: integer(
    32,
    65_536,
    128,
    'Columns that `method=gptq` rounds before the weights right of them are updated (`blocksize`).',
  ),
  ...CALIBRATION_SETTINGS,
} as const;

export const FOUR_BIT_SETTINGS: Settings = GPTQ;

const isName = (head: string): head is FourBitName => FOUR_BIT_NAMES.some((name) => name === head);

/** GPTQ alone calibrates, so that no setting is idle. */
const settingsFor = (spelling: string) => (/[?&]method=gptq(&|$)/.test(spelling) ? GPTQ : OWN);

/** @returns null for a word that is none of these formats. */
export function readFourBit(spelling: string): Reading<FourBitSpec> | null {
  const type = headOf(spelling);
  if (!isName(type)) return null;
  const reading = readSettings(spelling, settingsFor(spelling) as typeof GPTQ);
  if (!reading.ok) return reading;
  const { method, rotation, layers, exclude } = reading.value;
  const gptq = method === 'gptq' ? gptqOf(reading.value) : null;
  const { blockWeights } = fourBitFormat(type);
  if (gptq !== null && gptq.blockColumns % blockWeights !== 0)
    return rejected(`blockColumns ${gptq.blockColumns} cuts blocks of ${blockWeights}: make it a multiple`);
  return { ok: true, value: { type, method, rotation, layers, exclude, gptq } };
}

function gptqOf(values: SettingValues<typeof GPTQ>): GptqSettings {
  const { dampening, blockColumns, text, sequences, tokens, order, seed } = values;
  return { dampening, blockColumns, calibration: { text, sequences, tokens, order, seed } };
}

/** @returns the canonical word of one that can be read. */
export function fourBitWord(spelling: string): Reading<string> {
  const settings = settingsFor(spelling);
  const reading = readSettings(spelling, settings);
  return reading.ok ? { ok: true, value: writeWord(headOf(spelling), reading.value, settings) } : reading;
}

/**
 * @returns bits of the weights of quantized layers in the file that runs, scales included; null for other
 *   words, and where the file has the values in the type of the base.
 */
export function storedBits(spelling: string): number | null {
  const reading = readFourBit(spelling);
  return reading?.ok && isStored(reading.value) ? fourBitBits(reading.value.type) : null;
}

/**
 * @returns whether the engine multiplies by the four-bit weights themselves: llama.cpp has products of MXFP4,
 *   and none that rotates inputs.
 */
export function isStored({ type, rotation }: Pick<FourBitSpec, 'type' | 'rotation'>): boolean {
  return type === 'mxfp4' && rotation === 'none';
}

/** @returns the inputs that whole blocks of a layer come to: what its columns must be a multiple of. */
export function inputsOfBlock({ type, rotation }: Pick<FourBitSpec, 'type' | 'rotation'>): number {
  const { blockWeights } = fourBitFormat(type);
  return rotation === 'block32' ? Math.max(blockWeights, ROTATED_BLOCK) : blockWeights;
}

/** Most layers of a model are as wide as its embedding; one of another width says so when it is its turn. */
export const blocksDivideWidth: Rule = {
  axes: ['model', 'quantization'],
  reason({ model, quantization }, facts) {
    const reading = readFourBit(String(quantization));
    const width = facts?.embeddingLength ?? null;
    if (width === null || !reading?.ok || reading.value.layers.join() !== '*') return null;
    const block = inputsOfBlock(reading.value);
    if (width % block === 0 || reading.value.exclude.length > 0) return null;
    return `layers of model ${model} are ${width} wide, which blocks of ${block} do not divide: choose another type`;
  },
};

/** A rotation mixes weights, and GPTQ moves errors onto all of them. */
export const fourBitFillsZeros: Rule = {
  axes: ['sparsity', 'quantization'],
  reason({ sparsity, quantization }) {
    const reading = readFourBit(String(quantization));
    if (sparsity === 'none' || !reading?.ok) return null;
    const { method, rotation } = reading.value;
    if (rotation === 'none' && method !== 'gptq') return null;
    const what = rotation === 'none' ? 'method=gptq' : `rotation=${rotation}`;
    return `${what} would fill weights that were pruned: leave it out, or set sparsity to none`;
  },
};
