import { type Reading, refused } from '../../core/input/reading.js';
import { nearest } from '../../core/input/suggest.js';
import { FILE_TYPES, fileType } from '../../core/techniques/file-types.js';
import { NUMBER_FORMATS, type NumberFormat } from '../../core/work/operator-call.js';
import type { PassRequest } from '../../core/work/pass/setting.js';
import type { Arithmetic } from '../../core/work/work.js';
import { cacheBitsOf, FORMATS } from '../operators/number-format.js';

/** What numbers are stored in. */
export interface Bits {
  /** Bits of a weight, including scales if a quantization was named; null = those of the model. */
  readonly weights: number | null;
  readonly activations: number;
  readonly cache: number;
  /** The data type in which matrices are multiplied, to which both operands are converted. */
  readonly arithmetic: Arithmetic;
}

const WHOLE = [1, 2, 3, 4, 5, 6, 8, 16, 32];
const NUMBER = String.raw`fp8|\d{1,3}`;
const WORD = new RegExp(`^w(${NUMBER})a(${NUMBER})(?:kv(${NUMBER}))?$`);

const GRAMMAR = `native, a format that engines on GPUs serve (${NUMBER_FORMATS.join(', ')}, with kv8 behind it for a cache in fp8), w4a16, w8a8kv8 (bits ${WHOLE.join(', ')} or fp8), or a quantization such as q4_k_m`;

/**
 * Reads bits as papers write them: weights, activations, and cache; if the cache is not named, it has the
 * bits of activations.
 */
export function readBits(setting: string): Reading<Bits> {
  if (setting === 'native')
    return { ok: true, value: { weights: null, activations: 16, cache: 16, arithmetic: 'f16' } };
  const served = servedFormats(setting);
  if (served !== null && served.matrices !== null) {
    const { weightBytes, arithmetic } = FORMATS[served.matrices];
    const weights = 8 * weightBytes;
    const cache = cacheBitsOf(served.cache);
    return {
      ok: true,
      value: {
        weights,
        activations: 16,
        cache,
        arithmetic,
      },
    };
  }
  const mixture = fileType(setting);
  if (mixture !== null)
    return {
      ok: true,
      value: { weights: mixture.bitsPerWeight, activations: 16, cache: 16, arithmetic: 'f16' },
    };
  const match = WORD.exec(setting);
  if (match === null) return unknown(setting);
  const [weights = '', activations = '', cache = activations] = match.slice(1);
  for (const part of [weights, activations, cache]) {
    if (part !== 'fp8' && !WHOLE.includes(Number(part))) return unknown(setting, part);
  }
  return {
    ok: true,
    value: {
      weights: size(weights),
      activations: size(activations),
      cache: size(cache),
      arithmetic: arithmeticOf(weights, activations),
    },
  };
}

/** Formats of matrices and of the cache under an engine on a GPU. */
export interface ServedBits {
  /** null = as the model has them. */
  readonly matrices: NumberFormat | null;
  readonly cache: NumberFormat;
}

/** @returns null for a word of other bits, which engines on GPUs do not serve. */
export function servedFormats(setting: string): ServedBits | null {
  if (setting === 'native') return { matrices: null, cache: 'bf16' };
  const matrices = setting.replace(/kv8$/, '');
  const format = NUMBER_FORMATS.find((known) => known === matrices);
  if (format === undefined) return null;
  return {
    matrices: format,
    cache: setting === matrices ? 'bf16' : 'fp8',
  };
}

const size = (part: string) => (part === 'fp8' ? 8 : Number(part));

/** The wider operand decides; integers are converted before they are multiplied with floats. */
function arithmeticOf(weights: string, activations: string): Arithmetic {
  if (weights === 'fp8' && activations === 'fp8') return 'fp8';
  const integers = weights !== 'fp8' && activations !== 'fp8';
  const wider = Math.max(size(weights), size(activations));
  if (integers && wider <= 4) return 'int4';
  if (integers && wider <= 8) return 'int8';
  return wider > 16 ? 'f32' : 'f16';
}

function unknown(setting: string, part?: string): Reading<never> {
  const guess = nearest(setting, [
    'native',
    ...FILE_TYPES.map(({ name }) => name),
    'w16a16',
    'w8a8',
    'w4a16',
    'w4a4',
  ]);
  const why = part === undefined ? '' : `: there is no format of ${part} bits`;
  const meant = guess === null || guess === setting ? '' : `; did you mean ${guess}?`;
  return refused(`bits ${JSON.stringify(setting)} are unknown${why}; known are ${GRAMMAR}${meant}`);
}

/** @returns the parts of a pass request for numbers that are stored with these bits. */
export function storedIn({
  weights,
  activations,
  cache,
  arithmetic,
}: Bits): Pick<PassRequest, 'activationBits' | 'cacheBits' | 'arithmetic' | 'weights'> {
  return {
    activationBits: activations,
    cacheBits: { key: cache, value: cache },
    arithmetic: {
      matrix: arithmetic,
      quantizedMatrix: arithmetic,
      // Scores and probabilities are not quantized with the matrices.
      attention: activations > 16 ? 'f32' : 'f16',
      vector: 'f32',
    },
    weights: weights === null ? null : { bits: weights, valueBits: weights, density: 1 },
  };
}
