import { FormatError } from '../../../formats/format.js';
import type { LocatedTensor } from '../../../formats/safetensors/reader.js';
import type { FolderConfig } from './config.js';
import type { Shards } from './folder.js';
import { BLOCK, BLOCK_BYTES, ggmlBlocks, MXFP4_END, VALUE_BYTES } from './mxfp4.js';
import { eightBitFloats, rowsOfInts } from './packed-values.js';
import { byChunks, rowsOfChunk, type Weights } from './weights.js';

/** Weights under the name that they would have as floats; opened when they are placed. */
export interface NamedWeights {
  readonly name: string;
  readonly weights: () => Weights;
}

/** A folder’s tensors by name, and how they are read. */
interface Stored {
  readonly tensors: ReadonlyMap<string, LocatedTensor>;
  readonly shards: Shards;
  /** `quantization_config` */
  readonly said: FolderConfig;
}

/** A way of quantizing: tensors that belong together by the ends of their names. */
interface Method {
  /** The end of the name that a quantized matrix is found by. */
  readonly found: (said: FolderConfig) => string;
  /** Ends of the names of what lies beside it, and of what is of no use. */
  readonly beside: readonly string[];
  /** @param base the matrix’s name without the end. */
  readonly open: (base: string, stored: Stored) => Weights;
  /** The end of the name of its weights; left out = `.weight`. */
  readonly end?: string;
}

/** Methods by `quant_method`. */
const METHODS: Readonly<Record<string, Method>> = {
  gptq: {
    found: () => '.qweight',
    beside: ['.qzeros', '.scales', '.g_idx'],
    open: gptq,
  },
  awq: {
    found: () => '.qweight',
    beside: ['.qzeros', '.scales'],
    open: awq,
  },
  fp8: {
    found: () => '.weight_scale_inv',
    beside: ['.activation_scale', '_activation_scale', '.input_scale'],
    open: (base, stored) => scaled(base, `${base}.weight_scale_inv`, stored),
  },
  'compressed-tensors': {
    found: (said) => (isPacked(said) ? '.weight_packed' : '.weight_scale'),
    beside: ['.weight_scale', '.weight_shape', '.weight_zero_point', '.weight_g_idx', '.input_scale'],
    open: (base, stored) =>
      isPacked(stored.said) ? packed(base, stored) : scaled(base, `${base}.weight_scale`, stored),
  },
};

/** Kept as it is, for GGUF files have the type. */
const KEPT: Readonly<Record<string, Method>> = {
  mxfp4: {
    found: () => '_blocks',
    beside: ['_scales'],
    open: mxfp4,
    end: MXFP4_END,
  },
};
const isPacked = (said: FolderConfig) => said.text('format') === 'pack-quantized';

/** Methods of which weights are made floats, or kept as they are. */
export const READ_METHODS = [...Object.keys(METHODS), ...Object.keys(KEPT)];

/**
 * @returns all weights of a folder: floats as they are, those of a method above computed as they are read.
 */
export function asFloats(
  all: readonly LocatedTensor[],
  quantization: FolderConfig | null,
  shards: Shards,
): readonly NamedWeights[] {
  const word = quantization?.text('quant_method') ?? '';
  const method = METHODS[word] ?? KEPT[word];
  const plain = (tensor: LocatedTensor) => ({ name: tensor.name, weights: () => shards.weights(tensor) });
  if (method === undefined || quantization === null) return all.map(plain);
  const stored: Stored = { tensors: new Map(all.map((one) => [one.name, one])), shards, said: quantization };
  const end = method.found(quantization);
  const bases = all.filter(({ name }) => name.endsWith(end)).map(({ name }) => name.slice(0, -end.length));
  const named = (base: string) => `${base}${method.end ?? '.weight'}`;
  const made = new Map(bases.map((base) => [named(base), () => method.open(base, stored)]));
  const ends = [end, ...method.beside];
  const left = all.filter(({ name }) => !made.has(name) && !ends.some((other) => name.endsWith(other)));
  return [...left.map(plain), ...[...made].map(([name, weights]) => ({ name, weights }))];
}

function requiredTensor({ tensors }: Stored, name: string): LocatedTensor {
  const found = tensors.get(name);
  if (found === undefined)
    throw new FormatError(`it has no tensor ${name}, which its quantized weights need`);
  return found;
}

function requireShape({ name, shape }: LocatedTensor, wanted: readonly number[]): void {
  if (shape.join(', ') === wanted.join(', ')) return;
  throw new FormatError(`its tensor ${name} is [${shape.join(', ')}], and should be [${wanted.join(', ')}]`);
}

/** Computes whole rows, as many at a time as a piece has. */
function computed(
  shape: readonly [number, number],
  values: (first: number, count: number) => Promise<Float32Array>,
): Weights {
  const most = rowsOfChunk(4 * shape[1]);
  return {
    type: 'f32',
    shape,
    rows: (first, count) =>
      byChunks(first, count, most, async (from, rows) => {
        const { buffer, byteOffset, byteLength } = await values(from, rows);
        return new Uint8Array(buffer, byteOffset, byteLength);
      }),
  };
}

/**
 * Values of 8 bits with a scale for the whole, for each row, or for each block (DeepSeek-V3, section 3.3.2).
 */
function scaled(base: string, scaleName: string, stored: Stored): Weights {
  const tensor = requiredTensor(stored, `${base}.weight`);
  const scale = requiredTensor(stored, scaleName);
  const [rows, columns] = matrixOf(tensor);
  const blocks = stored.said.list('weight_block_size');
  const [down, across] = scale.shape.length === 2 ? scale.shape : [scale.shape[0] ?? 1, 1];
  const perBlock = [blocks?.[0] ?? Math.ceil(rows / down!), blocks?.[1] ?? Math.ceil(columns / across!)];
  requireShape(scale, scaleShape(scale, rows, columns, perBlock));
  return computed([rows, columns], async (first, count) => {
    const scales = await stored.shards.values(scale);
    const bytes = await stored.shards.read(tensor, first * columns, count * columns);
    const values = eightBitFloats(tensor, bytes);
    for (let row = 0, at = 0; row < count; row++) {
      const line = Math.floor((first + row) / perBlock[0]!) * across!;
      for (let column = 0; column < columns; column++, at++)
        values[at] = values[at]! * scales[line + Math.floor(column / perBlock[1]!)]!;
    }
    return values;
  });
}

function scaleShape(
  { shape }: LocatedTensor,
  rows: number,
  columns: number,
  [down, across]: readonly number[],
): readonly number[] {
  const all = shape.reduce((product, length) => product * length, 1);
  if (all === 1) return shape;
  const lines = Math.ceil(rows / down!);
  return shape.length === 1 ? [lines] : [lines, Math.ceil(columns / across!)];
}

function matrixOf({ name, shape }: LocatedTensor): readonly [number, number] {
  const [rows, columns] = shape;
  if (shape.length === 2 && rows !== undefined && columns !== undefined) return [rows, columns];
  throw new FormatError(`its quantized tensor ${name} is [${shape.join(', ')}], and should be a matrix`);
}

/** What GPTQ and AWQ keep of a matrix: words of numbers, zeros and scales of each group. */
function inGroups(base: string, stored: Stored, bits: number) {
  const { shards } = stored;
  const [weight, zeros, scales] = ['qweight', 'qzeros', 'scales'].map((one) =>
    requiredTensor(stored, `${base}.${one}`),
  );
  const [groups] = matrixOf(scales!);
  const words = async (tensor: LocatedTensor) => rowsOfInts(await shards.read(tensor, 0, tensor.bytes), bits);
  return {
    weight: weight!,
    groups,
    requireSizes(outputs: number, zeroWords: number): void {
      requireShape(scales!, [groups, outputs]);
      requireShape(zeros!, [groups, zeroWords]);
    },
    read: async () => ({
      quanta: await words(weight!),
      zero: await words(zeros!),
      scale: await shards.values(scales!),
    }),
  };
}

/**
 * 2, 4 or 8 bits in words of 32, inputs downwards (AutoGPTQ); each group of inputs has its scale and its
 * zero.
 */
function gptq(base: string, stored: Stored): Weights {
  const { said, shards } = stored;
  const bits = bitsOf(said);
  const each = 32 / bits;
  const { weight, read, requireSizes, groups } = inGroups(base, stored, bits);
  const [words, outputs] = matrixOf(weight);
  const inputs = words * each;
  requireSizes(outputs, outputs / each);
  const order = stored.tensors.get(`${base}.g_idx`);
  if (order !== undefined) requireShape(order, [inputs]);
  // What is stored is one less than the zero, but for the second form of checkpoints.
  const more = said.text('checkpoint_format') === 'gptq_v2' ? 0 : 1;
  const size = groupSize(said, inputs);
  return computed([outputs, inputs], async (first, count) => {
    const { quanta, zero, scale } = await read();
    const groupOf = order && new Int32Array((await shards.read(order, 0, order.bytes)).buffer);
    const values = new Float32Array(count * inputs);
    for (let input = 0; input < inputs; input++) {
      const group = groupOf?.[input] ?? Math.floor(input / size);
      if (group < 0 || group >= groups)
        throw new FormatError(`${base}.g_idx names the group ${group} of ${groups}`);
      for (let i = 0; i < count; i++) {
        const output = first + i;
        const quantum = quanta(Math.floor(input / each) * outputs + output, input % each);
        const offset = zero(group * (outputs / each) + Math.floor(output / each), output % each) + more;
        values[i * inputs + input] = scale[group * outputs + output]! * (quantum - offset);
      }
    }
    return values;
  });
}

/** Where each of 8 outputs lies in a word of AWQ (AutoAWQ, packing_utils.py: 0 2 4 6 1 3 5 7). */
const AWQ_PLACES = [0, 4, 1, 5, 2, 6, 3, 7] as const;

/** 4 bits, outputs across; the zeros are what they are. */
function awq(base: string, stored: Stored): Weights {
  const bits = bitsOf(stored.said);
  if (bits !== 4) throw new FormatError(`its weights are AWQ of ${bits} bits, and 4 are read`);
  const { weight, read, requireSizes, groups } = inGroups(base, stored, bits);
  const [inputs, words] = matrixOf(weight);
  const outputs = words * 8;
  requireSizes(outputs, words);
  const size = inputs / groups;
  return computed([outputs, inputs], async (first, count) => {
    const { quanta, zero, scale } = await read();
    const values = new Float32Array(count * inputs);
    for (let input = 0; input < inputs; input++) {
      const group = Math.floor(input / size);
      for (let i = 0; i < count; i++) {
        const [word, place] = [Math.floor((first + i) / 8), AWQ_PLACES[(first + i) % 8]!];
        const quantum = quanta(input * words + word, place) - zero(group * words + word, place);
        values[i * inputs + input] = scale[group * outputs + first + i]! * quantum;
      }
    }
    return values;
  });
}

/**
 * compressed-tensors’ pack-quantized: inputs across, groups of a row; without zeros the middle of the range
 * is 0.
 */
function packed(base: string, stored: Stored): Weights {
  const { said, shards } = stored;
  const groupConfig = said.nested('config_groups')?.first()?.nested('weights') ?? null;
  if (groupConfig === null)
    throw new FormatError('its quantization_config has no config_groups with weights');
  const bits = readBits(groupConfig.size('num_bits'));
  const each = 32 / bits;
  const weight = requiredTensor(stored, `${base}.weight_packed`);
  const scales = requiredTensor(stored, `${base}.weight_scale`);
  const zeros = stored.tensors.get(`${base}.weight_zero_point`);
  const [rows, words] = matrixOf(weight);
  const columns = words * each;
  const [, groups] = matrixOf(scales);
  requireShape(scales, [rows, groups]);
  if (zeros !== undefined) requireShape(zeros, [Math.ceil(rows / each), groups]);
  const size = groupConfig.has('group_size') ? groupConfig.number('group_size') : columns;
  const middle = 2 ** (bits - 1);
  return computed([rows, columns], async (first, count) => {
    const quanta = rowsOfInts(await shards.read(weight, first * words * 4, count * words * 4), bits);
    const zero = zeros === undefined ? null : rowsOfInts(await shards.read(zeros, 0, zeros.bytes), bits);
    const scale = await shards.values(scales);
    const values = new Float32Array(count * columns);
    for (let row = 0, at = 0; row < count; row++) {
      const line = first + row;
      for (let column = 0; column < columns; column++, at++) {
        const group = size > 0 ? Math.floor(column / size) : 0;
        const offset = zero?.(Math.floor(line / each) * groups + group, line % each) ?? middle;
        const quantum = quanta(row * words + Math.floor(column / each), column % each);
        values[at] = scale[line * groups + group]! * (quantum - offset);
      }
    }
    return values;
  });
}

/** Values and scales of a folder, expert by expert. */
function mxfp4(base: string, stored: Stored): Weights {
  const { shards } = stored;
  const [blocks, scales] = [
    requiredTensor(stored, `${base}_blocks`),
    requiredTensor(stored, `${base}_scales`),
  ];
  const [experts = 0, rows = 0, perRow = 0] = blocks.shape;
  requireShape(blocks, [experts, rows, perRow, VALUE_BYTES]);
  requireShape(scales, [experts, rows, perRow]);
  const most = rowsOfChunk(perRow * BLOCK_BYTES);
  return {
    type: 'mxfp4',
    shape: [experts, rows, perRow * BLOCK],
    rows: (first, count) =>
      byChunks(first * perRow, count * perRow, most * perRow, async (from, number) => {
        const values = await shards.read(blocks, from * VALUE_BYTES, number * VALUE_BYTES);
        return ggmlBlocks(values, await shards.read(scales, from, number));
      }),
  };
}

function bitsOf(said: FolderConfig): number {
  return readBits(said.has('bits') ? said.size('bits') : 4);
}
function readBits(bits: number): number {
  if ([2, 4, 8].includes(bits)) return bits;
  throw new FormatError(`its weights have ${bits} bits, and 2, 4 and 8 are read`);
}

/** −1 = one group for all inputs. */
function groupSize(said: FolderConfig, inputs: number): number {
  const size = said.has('group_size') ? said.number('group_size') : 128;
  return size > 0 ? size : inputs;
}
