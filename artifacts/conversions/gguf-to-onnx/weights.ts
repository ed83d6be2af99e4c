import {
  decodeFloats,
  encodeFloats,
  FLOAT_BYTES,
  isFloatType,
} from '../../../core/techniques/float-types.js';
import { knownTensorType } from '../../../core/techniques/tensor-types.js';
import type { FileTensor } from '../../../formats/gguf/header.js';
import { constant, type OnnxTensor } from '../../../formats/onnx/model.js';
import { readTensor } from '../../../formats/tensor-data.js';
import { readMatrix } from '../../../formats/tensor-matrix.js';
import { refusal } from './described.js';

/** Bytes of a turned matrix that are made at a time. */
const BAND_BYTES = 4 * 2 ** 20;
const CHUNK_BLOCKS = 65_536;

/** Whole rows of a tensor as f32, in its order. */
export function floats(tensor: FileTensor, name: string, shape: readonly number[]): OnnxTensor {
  const { type } = tensor;
  if (!isFloatType(type)) throw refusal(`its ${tensor.name} is ${type}`);
  return constant(name, 'f32', shape, async function* () {
    for await (const chunk of readTensor(tensor)) yield encodeFloats(decodeFloats(chunk, type), 'f32');
  });
}

/**
 * A float matrix as f32, inputs as rows, as `MatMul` takes it: the whole of it is in memory while it is
 * turned.
 */
export function turned(tensor: FileTensor, name: string): OnnxTensor {
  const { type, shape } = tensor;
  const [columns = 0, rows = 0] = shape;
  if (!isFloatType(type)) throw refusal(`its ${tensor.name} is ${type}`);
  return constant(name, 'f32', [columns, rows], async function* () {
    const { values } = await readMatrix({ ...tensor, type, rows, columns });
    const band = Math.max(1, Math.floor(BAND_BYTES / FLOAT_BYTES.f32 / rows));
    for (let start = 0; start < columns; start += band) {
      const count = Math.min(band, columns - start);
      const out = new Float32Array(count * rows);
      for (let row = 0; row < rows; row++)
        for (let column = 0; column < count; column++)
          out[column * rows + row] = values[row * columns + start + column]!;
      yield new Uint8Array(out.buffer);
    }
  });
}

/** A matrix of ggml's blocks in the form of `MatMulNBits`: the same numbers to the last bit. */
export interface Blocks {
  readonly bits: 4 | 8;
  readonly blockLength: number;
  /** [outputs, blocks, bytes of a block] */
  readonly quants: OnnxTensor;
  /** [outputs, blocks] */
  readonly scales: OnnxTensor;
}

/** How blocks of a type lie: a half-precision scale in front, then its quants. */
const BLOCKS = {
  // ggml-common.h, block_q4_0: element i in the low half of byte i, element i + 16 in the high half; 8 is
  // zero.
  q4_0: { bits: 4, unpack: halves },
  // block_q8_0: signed; MatMulNBits takes 128 for zero.
  q8_0: { bits: 8, unpack: signed },
} as const;

function isBlockType(type: string): type is keyof typeof BLOCKS {
  return Object.hasOwn(BLOCKS, type);
}

/** @returns the matrix in blocks; null for a type that is none of them. */
export function blocks(tensor: FileTensor, name: string): Blocks | null {
  const { type, shape } = tensor;
  if (!isBlockType(type)) return null;
  const { blockWeights, blockBytes } = knownTensorType(type);
  const { bits, unpack } = BLOCKS[type];
  const [columns = 0, rows = 0] = shape;
  const perRow = columns / blockWeights;
  const quantBytes = blockBytes - 2;
  const chunks = () => readTensor(tensor, CHUNK_BLOCKS * blockBytes);
  const quants = constant(`${name}.q${bits}`, 'u8', [rows, perRow, quantBytes], async function* () {
    for await (const chunk of chunks()) {
      const out = new Uint8Array((chunk.length / blockBytes) * quantBytes);
      for (let from = 0, to = 0; from < chunk.length; from += blockBytes, to += quantBytes)
        unpack(chunk.subarray(from + 2, from + blockBytes), out.subarray(to, to + quantBytes));
      yield out;
    }
  });
  const scales = constant(`${name}.scales`, 'f32', [rows, perRow], async function* () {
    for await (const chunk of chunks()) {
      const out = new Uint8Array((chunk.length / blockBytes) * 2);
      for (let from = 0, to = 0; from < chunk.length; from += blockBytes, to += 2)
        out.set(chunk.subarray(from, from + 2), to);
      yield encodeFloats(decodeFloats(out, 'f16'), 'f32');
    }
  });
  return { bits, blockLength: blockWeights, quants, scales };
}

/** MatMulNBits: element 2i in the low half of byte i, element 2i + 1 in the high half. */
function halves(from: Uint8Array, to: Uint8Array): void {
  const half = from.length;
  for (let byte = 0; byte < half; byte++) {
    const element = 2 * byte;
    const nibbleOf = (one: number) => (one < half ? from[one]! & 15 : from[one - half]! >> 4);
    to[byte] = nibbleOf(element) | (nibbleOf(element + 1) << 4);
  }
}

function signed(from: Uint8Array, to: Uint8Array): void {
  for (let i = 0; i < from.length; i++) to[i] = from[i]! ^ 128;
}
