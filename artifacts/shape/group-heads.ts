import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { type FailureError, failed } from '../../core/errors.js';
import type { AxisValue } from '../../core/experiment/experiment.js';
import {
  decodeFloats,
  encodeFloats,
  FLOAT_BYTES,
  type FloatType,
  isFloatType,
} from '../../core/techniques/float-types.js';
import { shown } from '../../formats/format.js';
import { copyGguf } from '../../formats/gguf/copy.js';
import { type FileTensor, type GgufHeader, readGgufHeader } from '../../formats/gguf/header.js';
import type { TensorSource } from '../../formats/gguf/writer.js';

export interface GroupingRequest {
  readonly inputPath: string;
  readonly outputPath: string;
  /** K/V heads of each layer afterwards. */
  readonly kvHeads: number;
}

/** Weights of one head that are averaged at a time: 4 MiB as f32. */
const CHUNK_WEIGHTS = 2 ** 20;
const HEAD_TENSOR = /^blk\.\d+\.attn_(k|v)\.(weight|bias)$/;
/** Tensors that say that K and V of a layer are made in another way than by a matrix each. */
const OTHER_FORMS = /^blk\.\d+\.(attn_qkv|attn_kv_a_mqa|attn_kv_b|attn_k_b|ssm_|time_mix_)/;

/**
 * Writes a copy of a model with fewer K/V heads: neighbours become their mean (arXiv 2305.13245, section
 * 2.1), weights and biases alike. A query head then reads the mean of the group that its own head went into,
 * since llama.cpp gives query head q the K/V head ⌊q · kvHeads / heads⌋. Rows are averaged by their place in
 * the head, so the order that converters give the rows of K for rotary positions stays what it is; norms of
 * K are shared by all heads and stay, too. Each weight is computed in double precision and rounded once, to
 * the type it had. A few rows are in memory at a time.
 * @throws FailureError `impossible-combination` for heads that do not divide, quantized weights, or a model
 * that keeps K and V in another form; `model-unreadable`, `disk-full`.
 */
export async function groupHeads(request: GroupingRequest): Promise<Readonly<Record<string, AxisValue>>> {
  const { inputPath, outputPath, kvHeads } = request;
  const name = basename(inputPath);
  const header = readGgufHeader(inputPath);
  const before = headsOf(header, name);
  const uneven = `${name} has ${before} K/V heads, which do not make ${kvHeads} equal groups`;
  if (before % kvHeads !== 0) throw refusal(uneven, `Choose a number that divides ${before}.`);
  const tensors = header.tensors.filter((tensor) => HEAD_TENSOR.test(tensor.name));
  const changed = new Map(tensors.map((tensor) => [tensor.name, grouped(tensor, before, kvHeads, name)]));
  const key = `${String(header.metadata.get('general.architecture'))}.attention.head_count_kv`;
  const metadata = new Map([[key, { type: 'u32', value: kvHeads } as const]]);
  await copyGguf(inputPath, outputPath, { metadata, tensors: changed });
  return { kvHeadsBefore: before, kvHeads, groupedTensors: tensors.length };
}

/** @returns the K/V heads that every layer has. */
function headsOf({ metadata, tensors }: GgufHeader, name: string): number {
  const odd = tensors.find((tensor) => OTHER_FORMS.test(tensor.name));
  if (odd !== undefined) {
    throw refusal(
      `${name} makes its keys and values in another form (${shown(odd.name)}), and heads are grouped in matrices of their own`,
      'Use a model of plain attention, or attention base.',
    );
  }
  const key = `${String(metadata.get('general.architecture'))}.attention.head_count`;
  const value = metadata.get(`${key}_kv`) ?? metadata.get(key);
  const all = typeof value === 'number' ? [value] : typeof value === 'object' ? (value?.values ?? []) : [];
  const [heads = 0] = all;
  if (heads > 0 && all.every((count) => count === heads)) return heads;
  const message = `${name} has layers with different numbers of K/V heads, or none`;
  throw refusal(message, 'Use a model whose layers are alike, or attention base.');
}

/** @returns the tensor with each group of heads as one head, read when its turn comes. */
function grouped(
  tensor: FileTensor,
  before: number,
  after: number,
  model: string,
): Omit<TensorSource, 'name'> {
  const { type, shape, name } = tensor;
  const packed = `${name} of ${model} is quantized (${type}), and heads are grouped in float weights`;
  if (!isFloatType(type)) throw refusal(packed, 'Start from the f16, bf16 or f32 file.');
  // Weights are [inputs, outputs], biases [outputs]; the outputs of one head lie together.
  const outputs = shape.at(-1) ?? 0;
  const perHead = tensor.bytes / FLOAT_BYTES[type] / before;
  const uneven = `${name} of ${model} has ${outputs} outputs, which ${before} heads cannot share evenly`;
  if (outputs % before !== 0 || !Number.isInteger(perHead))
    throw refusal(uneven, 'The file is damaged; get it again.');
  return {
    type,
    shape: [...shape.slice(0, -1), (outputs / before) * after],
    data: () => means(tensor, type, perHead, before / after, after),
  };
}

async function* means(
  { path, offset }: FileTensor,
  type: FloatType,
  perHead: number,
  group: number,
  heads: number,
): AsyncGenerator<Uint8Array> {
  const size = FLOAT_BYTES[type];
  const file = await open(path, 'r');
  try {
    for (let head = 0; head < heads; head++) {
      for (let at = 0; at < perHead; at += CHUNK_WEIGHTS) {
        const count = Math.min(CHUNK_WEIGHTS, perHead - at);
        const sums = new Float64Array(count);
        for (let member = 0; member < group; member++) {
          const from = offset + ((head * group + member) * perHead + at) * size;
          const bytes = Buffer.alloc(count * size);
          const { bytesRead } = await file.read(bytes, 0, bytes.length, from);
          if (bytesRead !== bytes.length) {
            throw failed('model-unreadable', 'the model ended while its heads were grouped');
          }
          const values = decodeFloats(bytes, type);
          for (let i = 0; i < count; i++) sums[i] = sums[i]! + values[i]!;
        }
        const divided = Float32Array.from(sums, (sum) => sum / group);
        yield encodeFloats(divided, type);
      }
    }
  } finally {
    await file.close();
  }
}

function refusal(message: string, hint: string): FailureError {
  return failed('impossible-combination', message, hint);
}
