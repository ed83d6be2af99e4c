import { decodeFloats, encodeFloats, type FloatType } from '../../core/techniques/float-types.js';

/** A matrix whose weights are in memory. */
export interface LinearWeights {
  readonly values: Float32Array;
  readonly inputs: number;
  readonly outputs: number;
  /** It lies with its outputs as rows. */
  readonly turned: boolean;
}

/** How the weights of an output are rounded: by blocks of neighbours, each with its scale. */
export interface BlockForm {
  readonly bits: 4 | 8;
  readonly blockLength: number;
  /** Each block has the number that stands for zero, too; else the middle does. */
  readonly zeroPoints: boolean;
}

/** As MatMulNBits takes it. */
export interface BlockWeights {
  /** [outputs, blocks, blockLength · bits / 8], the first of two in the low half of a byte. */
  readonly quants: Uint8Array;
  /** [outputs, blocks] */
  readonly scales: Float32Array;
  /** [outputs, ⌈blocks · bits / 8⌉]; null = the middle is zero. */
  readonly zeroPoints: Uint8Array | null;
  /** Of what was lost and of what there was, summed over all weights. */
  readonly lost: number;
  readonly power: number;
}

/** @returns blocks of a row. */
export function blocksOf(inputs: number, { blockLength }: Pick<BlockForm, 'blockLength'>): number {
  return Math.ceil(inputs / blockLength);
}

/**
 * Rounds a matrix to the blocks of `MatMulNBits`, by the rule of ONNX Runtime's own quantizer
 * (MlasQuantizeBlockwise), in single precision as it does, so that the bytes are the same: without zero
 * points the weight of the largest magnitude becomes the lowest number, by a scale that may be negative; with
 * them the range from the lowest to the highest weight, zero included, is divided evenly. Zeros stay exactly
 * zero in both.
 * @param scaleType what scales are stored in.
 */
export function quantizeBlocks(
  { values, inputs, outputs, turned }: LinearWeights,
  form: BlockForm,
  scaleType: FloatType = 'f32',
): BlockWeights {
  const { bits, blockLength, zeroPoints: hasZeroPoints } = form;
  const blocks = blocksOf(inputs, form);
  const blobBytes = (blockLength * bits) / 8;
  const quants = new Uint8Array(outputs * blocks * blobBytes);
  const scales = new Float32Array(outputs * blocks);
  const middle = 2 ** (bits - 1);
  const highest = 2 ** bits - 1;
  const zeroBytes = Math.ceil((blocks * bits) / 8);
  // What pads the last byte is the middle, too.
  const zeroPoints = hasZeroPoints ? new Uint8Array(outputs * zeroBytes).fill(bits === 8 ? 128 : 0x88) : null;
  const [rowStride, step] = turned ? [inputs, 1] : [1, outputs];
  const { fround } = Math;
  const rounded = rounding(scaleType);
  let lost = 0;
  let power = 0;
  for (let block = 0; block < blocks; block++) {
    const from = block * blockLength;
    const count = Math.min(blockLength, inputs - from);
    for (let output = 0; output < outputs; output++) {
      const start = output * rowStride + from * step;
      let low = Number.POSITIVE_INFINITY;
      let high = Number.NEGATIVE_INFINITY;
      for (let i = 0, at = start; i < count; i++, at += step) {
        const value = values[at]!;
        if (value < low) low = value;
        if (value > high) high = value;
      }
      let zero = middle;
      let scale: number;
      if (zeroPoints === null) {
        scale = rounded(fround((Math.abs(high) > Math.abs(low) ? high : low) / -middle));
      } else {
        low = Math.min(low, 0);
        const exact = fround(fround(Math.max(high, 0) - low) / highest);
        const wanted = exact === 0 ? low : fround(0 - fround(low / exact));
        zero = Math.floor(Math.min(highest, Math.max(0, wanted)) + 0.5);
        scale = rounded(exact);
        if (bits === 8) zeroPoints[output * zeroBytes + block] = zero;
        else setHalf(zeroPoints, output * zeroBytes * 2 + block, zero);
      }
      scales[output * blocks + block] = scale;
      const factor = scale === 0 ? 0 : fround(1 / scale);
      const base = (output * blocks + block) * blobBytes;
      for (let i = 0, at = start; i < count; i++, at += step) {
        const value = values[at]!;
        const scaled = fround(fround(value * factor) + zero);
        const quant = Math.floor(Math.min(highest, Math.max(0, scaled)) + 0.5);
        if (bits === 8) quants[base + i] = quant;
        else if (i % 2 === 0) quants[base + (i >> 1)] = quant;
        else quants[base + (i >> 1)]! |= quant << 4;
        const off = value - (quant - zero) * scale;
        lost += off * off;
        power += value * value;
      }
    }
  }
  return { quants, scales, zeroPoints, lost, power };
}

function setHalf(bytes: Uint8Array, index: number, value: number): void {
  const byte = index >> 1;
  bytes[byte] = index % 2 === 0 ? (bytes[byte]! & 0xf0) | value : (bytes[byte]! & 0x0f) | (value << 4);
}

/** @returns what a number becomes when it is stored. */
function rounding(type: FloatType): (value: number) => number {
  if (type === 'f32') return (value) => value;
  const one = new Float32Array(1);
  return (value) => {
    one[0] = value;
    return decodeFloats(encodeFloats(one, type), type)[0]!;
  };
}

/** A matrix in int8 with one scale for each output, as `MatMulInteger` takes it. */
export interface ColumnWeights extends Pick<BlockWeights, 'lost' | 'power'> {
  /** [inputs, outputs] */
  readonly quants: Int8Array;
  /** [outputs] */
  readonly scales: Float32Array;
}

/** Rounds a matrix to int8: the largest magnitude of an output becomes 127. Zeros stay zero. */
export function quantizeColumns({ values, inputs, outputs, turned }: LinearWeights): ColumnWeights {
  const scales = new Float32Array(outputs);
  const [rowStride, step] = turned ? [inputs, 1] : [1, outputs];
  for (let input = 0; input < inputs; input++)
    for (let output = 0; output < outputs; output++) {
      const magnitude = Math.abs(values[output * rowStride + input * step]!) / 127;
      if (magnitude > scales[output]!) scales[output] = magnitude;
    }
  const quants = new Int8Array(inputs * outputs);
  let lost = 0;
  let power = 0;
  for (let input = 0; input < inputs; input++)
    for (let output = 0; output < outputs; output++) {
      const value = values[output * rowStride + input * step]!;
      const scale = scales[output]!;
      const quant = scale === 0 ? 0 : Math.max(-127, Math.min(127, Math.round(value / scale)));
      quants[input * outputs + output] = quant;
      lost += (value - quant * scale) ** 2;
      power += value * value;
    }
  return { quants, scales, lost, power };
}
