import { closeSync, openSync, writeSync } from 'node:fs';
import { encodeFloats, type FloatType } from '../../core/techniques/float-types.js';
import { readSpan } from '../../formats/gguf/copy.js';
import { matricesOf } from '../../formats/gguf/experts.js';
import { type GgufFile, readGgufHeader } from '../../formats/gguf/header.js';
import { decodeValue, type GgufValue } from '../../formats/gguf/value.js';
import { type TensorSource, writeGguf } from '../../formats/gguf/writer.js';
import { readTensor } from '../../formats/tensor-data.js';
import { inBlock } from './blocks.js';

/**
 * The engine wants a vocabulary, an embedding and of some architectures an output matrix; nothing is ever
 * asked of them.
 */
const VOCABULARY = 32;

export interface SliceRequest {
  readonly modelPath: string;
  readonly header: GgufFile;
  readonly architecture: string;
  readonly block: number;
  readonly width: number;
}

/**
 * Writes one block as a model of its own: the same metadata for one block, its tensors under `blk.0`, the
 * norm of the output as it is, and embedding and output of zeros. Fed with hidden states instead of tokens it
 * computes what the block computes inside the model.
 * @returns the bytes of the file.
 */
export async function writeSlice(path: string, request: SliceRequest): Promise<number> {
  return await writeGguf(path, { metadata: await metadataOf(request), tensors: tensorsOf(request) });
}

/** How the slice calls a tensor of its block. */
export function nameInSlice(name: string): string {
  return `blk.0.${inBlock(name)!.rest}`;
}

/**
 * Puts other weights into a slice that was written.
 * @param name of a matrix as the slice has it, of a float type.
 */
export function replaceInSlice(path: string, name: string, weights: Float32Array): void {
  const tensors = readGgufHeader(path).tensors.flatMap(matricesOf);
  const tensor = tensors.find((one) => one.name === name)!;
  const bytes = encodeFloats(weights, tensor.type as FloatType);
  if (bytes.length !== tensor.bytes) {
    throw new Error(`${weights.length} weights came back for ${name}, which is [${tensor.shape.join(', ')}]`);
  }
  const file = openSync(path, 'r+');
  try {
    for (let at = 0; at < bytes.length; )
      at += writeSync(file, bytes, at, bytes.length - at, tensor.offset + at);
  } finally {
    closeSync(file);
  }
}

async function metadataOf(request: SliceRequest): Promise<ReadonlyMap<string, GgufValue>> {
  const { modelPath, header, architecture, block } = request;
  const blocks = header.metadata.get(`${architecture}.block_count`);
  const metadata = new Map<string, GgufValue>();
  for (const [key, span] of header.spans) {
    if (!key.startsWith('general.') && !key.startsWith(`${architecture}.`)) continue;
    const bytes = await readSpan(modelPath, span);
    const value = header.metadata.get(key);
    const perBlock = typeof value === 'object' && value !== null && value.count === blocks;
    metadata.set(key, perBlock ? ofBlock(decodeValue(bytes), block) : { type: 'encoded', bytes });
  }
  const set = (key: string, value: number) => metadata.set(`${architecture}.${key}`, { type: 'u32', value });
  set('block_count', 1);
  set('vocab_size', VOCABULARY);
  const numberOf = (key: string) => header.metadata.get(`${architecture}.${key}`);
  // DeepSeek's first blocks have no experts.
  const dense = numberOf('leading_dense_block_count');
  if (typeof dense === 'number') set('leading_dense_block_count', block < dense ? 1 : 0);
  if (numberOf('nextn_predict_layers') !== undefined) set('nextn_predict_layers', 0);
  // llama.cpp knows models that cut no queries by their 26 or 27 blocks (src/models/deepseek2.cpp, is_lite).
  if (numberOf('attention.kv_lora_rank') !== undefined && numberOf('attention.q_lora_rank') === undefined)
    set('attention.q_lora_rank', 0);
  metadata.set('tokenizer.ggml.model', { type: 'string', value: 'no_vocab' });
  return metadata;
}

/** Keys like the count of heads may have a value for each block: the slice has its own alone. */
function ofBlock(value: GgufValue, block: number): GgufValue {
  return value.type === 'array' ? { type: value.of, value: value.values[block]! } : value;
}

function tensorsOf({ header, block, width }: SliceRequest): TensorSource[] {
  const data = () => [new Uint8Array(width * VOCABULARY * 4)];
  const none: Omit<TensorSource, 'name'> = { type: 'f32', shape: [width, VOCABULARY], data };
  const zeros = ['token_embd.weight', 'output.weight'].map((name) => ({ name, ...none }));
  const others = header.tensors.flatMap((tensor): TensorSource[] => {
    const { name, type, shape } = tensor;
    const place = inBlock(name);
    // Factors of the rotary embedding are the model's, not a block's.
    const shared = name === 'output_norm.weight' || name.startsWith('rope_');
    if (place === null ? !shared : place.block !== block) return [];
    const own = place === null ? name : nameInSlice(name);
    return [{ name: own, type, shape, data: () => readTensor(tensor) }];
  });
  return [...zeros, ...others];
}
