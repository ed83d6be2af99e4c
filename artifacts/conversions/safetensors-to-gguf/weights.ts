import {
  decodeFloats,
  encodeFloats,
  FLOAT_BYTES,
  type FloatType,
} from '../../../core/techniques/float-types.js';
import { bytesPerElement } from '../../../core/techniques/tensor-types.js';
import { FormatError } from '../../../formats/format.js';

/** `mxfp4`: blocks of 32 weights with one scale, as ggml stores them; they are only taken by rows. */
export type WeightType = FloatType | 'mxfp4';

/**
 * Weights that are read piece by piece, as they lie in a file or as something made of them. Rows are those of
 * the last dimension: of [experts, outputs, inputs] there are experts × outputs.
 */
export interface Weights {
  readonly type: WeightType;
  /** Outermost dimension first. */
  readonly shape: readonly number[];
  /** Reads some rows in order, as bytes of the type, in chunks of whole rows. */
  readonly rows: (first: number, count: number) => AsyncIterable<Uint8Array>;
}

/** Bytes of a chunk where a row is not longer. */
const CHUNK_BYTES = 2 ** 20;

export function rowLength({ shape }: Pick<Weights, 'shape'>): number {
  return shape.at(-1) ?? 1;
}

export function rowCount({ shape }: Pick<Weights, 'shape'>): number {
  return shape.slice(0, -1).reduce((product, length) => product * length, 1);
}

/** @returns rows of a chunk. */
export function rowsOfChunk(rowBytes: number): number {
  return Math.max(1, Math.floor(CHUNK_BYTES / Math.max(1, rowBytes)));
}

/** Hands on what a tensor gives, and then says so. */
export async function* followed(
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  onEnd: () => void,
): AsyncGenerator<Uint8Array> {
  yield* chunks;
  onEnd();
}

/** Reads rows in order, at most so many at a time. */
export async function* byChunks(
  first: number,
  count: number,
  most: number,
  read: (first: number, count: number) => Promise<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  for (let done = 0; done < count; done += most) yield await read(first + done, Math.min(most, count - done));
}
const rowBytes = (weights: Weights) => rowLength(weights) * bytesPerElement(weights.type);

/** Rows that follow each other in what they are taken of. */
export interface Run {
  readonly first: number;
  readonly count: number;
}

/** @returns some of the rows, in the order of the runs. */
function picked(weights: Weights, runs: readonly Run[], shape: readonly number[]): Weights {
  return {
    type: weights.type,
    shape,
    async *rows(first, count) {
      let before = 0;
      for (const run of runs) {
        const from = Math.max(first, before);
        const to = Math.min(first + count, before + run.count);
        if (to > from) yield* weights.rows(run.first + from - before, to - from);
        before += run.count;
      }
    },
  };
}

/** @returns the first (0) or second (1) half of the rows of each matrix of the last two dimensions. */
export function halfOf(weights: Weights, half: 0 | 1): Weights {
  const { shape } = weights;
  const rows = shape.at(-2) ?? 0;
  if (rows % 2 !== 0) throw new FormatError(`a tensor of [${shape.join(', ')}] has no two halves`);
  return partOf(weights, (half * rows) / 2, rows / 2);
}

/** @returns some rows of each matrix of the last two dimensions. */
export function partOf(weights: Weights, first: number, count: number): Weights {
  const { shape } = weights;
  const rows = shape.at(-2) ?? 1;
  const matrices = rowCount(weights) / rows;
  const runs = Array.from({ length: matrices }, (_, i) => ({ first: i * rows + first, count }));
  return picked(weights, runs, [...shape.slice(0, -2), count, ...shape.slice(-1)]);
}

/** @returns the same weights counted in other dimensions, of which the last stays. */
export function reshaped(weights: Weights, shape: readonly number[]): Weights {
  const changed = { ...weights, shape };
  if (rowLength(changed) === rowLength(weights) && rowCount(changed) === rowCount(weights)) return changed;
  const said = `a tensor of [${weights.shape.join(', ')}] should be one of [${shape.join(', ')}]`;
  throw new FormatError(`${said} by the config`);
}

/** @returns one after the other: the experts of a layer as one tensor, each of the same shape. */
export function stacked(parts: readonly Weights[]): Weights {
  const [one] = parts;
  if (one === undefined) throw new Error('nothing to stack');
  const each = rowCount(one);
  return {
    type: one.type,
    shape: [parts.length, ...one.shape],
    async *rows(first, count) {
      for (const [i, part] of parts.entries()) {
        const from = Math.max(first, i * each);
        const to = Math.min(first + count, (i + 1) * each);
        if (to > from) yield* part.rows(from - i * each, to - from);
      }
    },
  };
}

/** @returns one of what is stacked: a matrix of experts, or a row of their biases. */
export function expertOf(weights: Weights, expert: number): Weights {
  const shape = weights.shape.slice(1);
  const rows = rowCount(weights) / (weights.shape[0] ?? 1);
  return picked(weights, [{ first: expert * rows, count: rows }], shape);
}

/**
 * Puts the rows of Q and K of each head from halves (transformers: row j turns with row j + d/2) into pairs
 * (llama.cpp's graphs of `llama`: row 2j with row 2j + 1). A vector, as of a bias, is one row for each of its
 * elements.
 */
export function paired(weights: Weights, heads: number): Weights {
  return reordered(weights, heads, (row, half) => (row % 2) * half + Math.floor(row / 2));
}

/** The inverse of `paired`: from pairs into halves. */
export function halved(weights: Weights, heads: number): Weights {
  return reordered(weights, heads, (row, half) => (row < half ? 2 * row : 2 * (row - half) + 1));
}

/** @param from the row of a head that comes in the place of one, by half of its rows. */
function reordered(weights: Weights, heads: number, from: (row: number, half: number) => number): Weights {
  const vector = weights.shape.length === 1;
  const matrix: Weights = vector ? asColumn(weights) : weights;
  const perHead = rowCount(matrix) / heads;
  if (perHead % 2 !== 0)
    throw new FormatError(`a tensor of [${weights.shape.join(', ')}] cannot be shared by ${heads} heads`);
  const bytes = rowBytes(matrix);
  const changed: Weights = {
    ...matrix,
    async *rows(first, count) {
      // Whole heads are read, as they are asked for.
      const last = first + count;
      for (let head = Math.floor(first / perHead); head * perHead < last; head++) {
        const block = await collected(matrix, head * perHead, perHead);
        const out = new Uint8Array(block.length);
        for (let row = 0; row < perHead; row++) {
          const at = from(row, perHead / 2);
          out.set(block.subarray(at * bytes, (at + 1) * bytes), row * bytes);
        }
        const [start, end] = [Math.max(first, head * perHead), Math.min(last, (head + 1) * perHead)];
        yield out.subarray((start - head * perHead) * bytes, (end - head * perHead) * bytes);
      }
    },
  };
  return vector ? asVector(changed) : changed;
}

function asColumn(vector: Weights): Weights {
  const [length = 0] = vector.shape;
  const size = bytesPerElement(vector.type);
  return {
    type: vector.type,
    shape: [length, 1],
    async *rows(first, count) {
      const all = await collected(vector, 0, 1);
      yield all.subarray(first * size, (first + count) * size);
    },
  };
}

function asVector(column: Weights): Weights {
  const length = rowCount(column);
  return { type: column.type, shape: [length], rows: () => column.rows(0, length) };
}

/** @returns every so manieth row of each matrix of the last two dimensions, from one on. */
export function alternate(weights: Weights, { from, step }: Every): Weights {
  const { shape } = weights;
  const [rows = 1, columns = 1] = shape.slice(-2);
  if (rows % step !== 0)
    throw new FormatError(`a tensor of [${shape.join(', ')}] cannot be taken apart into ${step} of its rows`);
  const bytes = rowBytes(weights);
  const most = Math.max(1, Math.floor(rowsOfChunk(bytes) / step));
  return {
    type: weights.type,
    shape: [...shape.slice(0, -2), rows / step, columns],
    rows: (first, count) =>
      byChunks(first, count, most, async (start, taken) => {
        // Each matrix has whole steps, so rows of all matrices can be counted on.
        const block = await collected(weights, start * step, taken * step);
        const out = new Uint8Array(taken * bytes);
        for (let row = 0; row < taken; row++) {
          const at = (row * step + from) * bytes;
          out.set(block.subarray(at, at + bytes), row * bytes);
        }
        return out;
      }),
  };
}

/** Every so manieth row or column, from one on. */
export interface Every {
  readonly from: number;
  readonly step: number;
}

/**
 * @returns each matrix of the last two dimensions with its columns, or some of them, as rows; one matrix is
 *   in memory.
 */
export function transposed(weights: Weights, { from, step }: Every = { from: 0, step: 1 }): Weights {
  const { shape, type } = weights;
  const [rows = 1, columns = 1] = shape.slice(-2);
  const apart = `a tensor of [${shape.join(', ')}] cannot be taken apart into ${step} of its columns`;
  if (columns % step !== 0) throw new FormatError(apart);
  const kept = columns / step;
  const Elements = FLOAT_BYTES[floatType(weights)] === 2 ? Uint16Array : Uint32Array;
  return {
    type,
    shape: [...shape.slice(0, -2), kept, rows],
    async *rows(first, count) {
      const last = first + count;
      for (let matrix = Math.floor(first / kept); matrix * kept < last; matrix++) {
        const block = new Elements((await collected(weights, matrix * rows, rows)).buffer);
        const start = Math.max(first, matrix * kept) - matrix * kept;
        const end = Math.min(last, (matrix + 1) * kept) - matrix * kept;
        const out = new Elements((end - start) * rows);
        for (let row = start, at = 0; row < end; row++) {
          for (let i = row * step + from; at < (row - start + 1) * rows; i += columns) out[at++] = block[i]!;
        }
        yield new Uint8Array(out.buffer);
      }
    },
  };
}

/** @returns the weights with a number added to each, as float32. */
export function shifted(weights: Weights, by: number): Weights {
  const type = floatType(weights);
  return {
    type: 'f32',
    shape: weights.shape,
    async *rows(first, count) {
      for await (const chunk of weights.rows(first, count)) {
        const values = decodeFloats(chunk, type);
        for (let i = 0; i < values.length; i++) values[i] = values[i]! + by;
        yield encodeFloats(values, 'f32');
      }
    },
  };
}

/** @returns rows of several in turns: what `alternate` takes apart. */
export function interleaved(parts: readonly Weights[]): Weights {
  const [one] = parts;
  if (one === undefined) throw new Error('nothing to put in turns');
  requireAlike(parts, one, ({ shape }) => shape);
  const bytes = rowBytes(one);
  const step = parts.length;
  const most = Math.max(1, Math.floor(rowsOfChunk(bytes) / step));
  return {
    type: one.type,
    shape: [...one.shape.slice(0, -2), step * (one.shape.at(-2) ?? 1), ...one.shape.slice(-1)],
    async *rows(first, count) {
      const last = first + count;
      for (let turn = Math.floor(first / step); turn * step < last; turn += most) {
        const turns = Math.min(most, Math.ceil(last / step) - turn);
        const out = new Uint8Array(turns * step * bytes);
        for (const [i, part] of parts.entries()) {
          const block = await collected(part, turn, turns);
          for (let row = 0; row < turns; row++)
            out.set(block.subarray(row * bytes, (row + 1) * bytes), (row * step + i) * bytes);
        }
        const [start, end] = [Math.max(first, turn * step), Math.min(last, (turn + turns) * step)];
        yield out.subarray((start - turn * step) * bytes, (end - turn * step) * bytes);
      }
    },
  };
}

/**
 * @returns each matrix of the last two dimensions of the first with that of the others beneath it: what
 *   `partOf` takes parts of.
 */
export function stackRows(parts: readonly Weights[]): Weights {
  const [one] = parts;
  if (one === undefined) throw new Error('nothing to put beneath');
  requireAlike(parts, one, ({ shape }) => shape.toSpliced(-2, 1));
  const heights = parts.map(({ shape }) => shape.at(-2) ?? 1);
  const height = heights.reduce((sum, rows) => sum + rows, 0);
  return {
    type: one.type,
    shape: [...one.shape.slice(0, -2), height, ...one.shape.slice(-1)],
    async *rows(first, count) {
      const last = first + count;
      for (let matrix = Math.floor(first / height); matrix * height < last; matrix++) {
        let begin = matrix * height;
        for (const [i, part] of parts.entries()) {
          const rows = heights[i]!;
          const [from, to] = [Math.max(first, begin), Math.min(last, begin + rows)];
          if (to > from) yield* part.rows(matrix * rows + from - begin, to - from);
          begin += rows;
        }
      }
    },
  };
}

/**
 * @param same dimensions that all parts share.
 * @throws FormatError for one of another type than the first, or of others of these.
 */
function requireAlike(
  parts: readonly Weights[],
  one: Weights,
  same: (part: Weights) => readonly number[],
): void {
  const odd = parts.find((part) => part.type !== one.type || same(part).join() !== same(one).join());
  if (odd === undefined) return;
  const typeAndShape = ({ type, shape }: Weights) => `${type} [${shape.join(', ')}]`;
  throw new FormatError(`its tensors of ${typeAndShape(one)} and ${typeAndShape(odd)} do not fit together`);
}

/** @returns weights that are in memory already. */
export function numbers(values: readonly number[]): Weights {
  const bytes = new Uint8Array(Float32Array.from(values).buffer);
  return {
    type: 'f32',
    shape: [values.length],
    async *rows() {
      yield bytes;
    },
  };
}

/** @returns all weights in order, in a type; those of that type go over byte by byte. */
export async function* bytesOf(weights: Weights, type: WeightType): AsyncGenerator<Uint8Array> {
  for await (const chunk of weights.rows(0, rowCount(weights))) {
    if (weights.type === type) yield chunk;
    else yield encodeFloats(decodeFloats(chunk, floatType(weights)), floatType({ ...weights, type }));
  }
}

function floatType({ type, shape }: Weights): FloatType {
  if (type !== 'mxfp4') return type;
  throw new FormatError(`a tensor of [${shape.join(', ')}] is ${type}, and should be of floats`);
}

async function collected(weights: Weights, first: number, count: number): Promise<Uint8Array<ArrayBuffer>> {
  const all = new Uint8Array(count * rowBytes(weights));
  let at = 0;
  for await (const chunk of weights.rows(first, count)) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}
