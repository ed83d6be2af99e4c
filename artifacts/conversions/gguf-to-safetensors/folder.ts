import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  decodeFloats,
  encodeFloats,
  FLOAT_BYTES,
  type FloatType,
  isFloatType,
} from '../../../core/techniques/float-types.js';
import { type SafetensorSource, writeSafetensors } from '../../../formats/safetensors/writer.js';
import { BLOCK, folderScales, folderValues, MXFP4_END, VALUE_BYTES } from '../safetensors-to-gguf/mxfp4.js';
import { bytesOf, followed, rowCount, rowLength } from '../safetensors-to-gguf/weights.js';
import type { PlannedTensor } from './plan.js';

/** 4 GB is what file systems and hubs take everywhere. */
const PART_BYTES = 4e9;
const WHOLE = 'model.safetensors';

interface Writing {
  /**
   * Type of float weights; null = of most of them, and where that would round some, the type that they have.
   */
  readonly asked: FloatType | null;
  readonly most: FloatType;
  readonly onProgress: (done: number, of: number) => void;
  /** The most that one file has, unless a tensor has more. */
  readonly partBytes?: number;
}

/** Part by part where they come to more than one file should have. */
export async function writeWeights(
  folder: string,
  tensors: readonly PlannedTensor[],
  { asked, most, onProgress, partBytes = PART_BYTES }: Writing,
): Promise<void> {
  let done = 0;
  const counted = (source: Sized): Sized => {
    const finished = () => onProgress(++done, sources.length);
    return { ...source, data: () => followed(source.data(), finished) };
  };
  const sources: Sized[] = [];
  for (const tensor of tensors) sources.push(...(await sourcesOf(tensor, asked, most)));
  const parts: Sized[][] = [];
  let room = 0;
  for (const source of sources) {
    if (parts.length === 0 || source.bytes > room) {
      parts.push([]);
      room = partBytes;
    }
    parts.at(-1)!.push(counted(source));
    room -= source.bytes;
  }
  const number = (i: number) => String(i).padStart(5, '0');
  const nameOf = (i: number) =>
    parts.length === 1 ? WHOLE : `model-${number(i + 1)}-of-${number(parts.length)}.safetensors`;
  for (const [i, part] of parts.entries())
    await writeSafetensors(join(folder, nameOf(i)), { metadata: new Map([['format', 'pt']]), tensors: part });
  if (parts.length === 1) return;
  const weightMap = parts.flatMap((part, i) => part.map(({ name }) => [name, nameOf(i)]));
  await writeJson(join(folder, `${WHOLE}.index.json`), {
    metadata: { total_size: sources.reduce((sum, { bytes }) => sum + bytes, 0) },
    weight_map: Object.fromEntries(weightMap),
  });
}

interface Sized extends SafetensorSource {
  readonly bytes: number;
  data(): AsyncIterable<Uint8Array>;
}

async function sourcesOf(tensor: PlannedTensor, asked: FloatType | null, most: FloatType): Promise<Sized[]> {
  const { name, weights } = tensor;
  const count = rowCount(weights) * rowLength(weights);
  if (weights.type !== 'mxfp4') {
    const type = asked ?? (await exactType(tensor, most));
    const { shape } = weights;
    const data = () => bytesOf(weights, type);
    return [{ name, dtype: type.toUpperCase(), shape, bytes: count * FLOAT_BYTES[type], data }];
  }
  const blocks = count / BLOCK;
  const base = name.slice(0, -MXFP4_END.length);
  const shape = [...weights.shape.slice(0, -1), rowLength(weights) / BLOCK];
  const partOfBlocks = (take: (blocks: Uint8Array) => Uint8Array) =>
    async function* () {
      for await (const chunk of bytesOf(weights, 'mxfp4')) yield take(chunk);
    };
  const values = { name: `${base}_blocks`, shape: [...shape, VALUE_BYTES], bytes: blocks * VALUE_BYTES };
  return [
    { ...values, dtype: 'U8', data: partOfBlocks(folderValues) },
    { name: `${base}_scales`, dtype: 'U8', shape, bytes: blocks, data: partOfBlocks(folderScales) },
  ];
}

/** GGUF files have norms and biases as float32, published folders mostly as all else. */
async function exactType({ weights }: PlannedTensor, most: FloatType): Promise<FloatType> {
  const { type } = weights;
  if (!isFloatType(type)) return most;
  if (FLOAT_BYTES[type] <= FLOAT_BYTES[most]) return type;
  for await (const chunk of weights.rows(0, rowCount(weights))) {
    const values = decodeFloats(chunk, type);
    const rounded = decodeFloats(encodeFloats(values, most), most);
    if (values.some((value, i) => value !== rounded[i])) return type;
  }
  return most;
}

/**
 * Numbers that transformers 5 takes as floats alone, of some architecture. JSON of JavaScript writes whole
 * ones as integers.
 */
const FLOATS = [
  ...['rms_norm_eps', 'layer_norm_eps', 'norm_eps', 'norm_epsilon', 'initializer_range', 'attention_dropout'],
  ...[
    'attention_probs_dropout_prob',
    'hidden_dropout_prob',
    'classifier_dropout',
    'initializer_cutoff_factor',
  ],
  ...['routed_scaling_factor', 'router_aux_loss_coef', 'router_jitter_noise', 'swiglu_alpha', 'swiglu_limit'],
  ...['mscale', 'mscale_all_dim', 'rope_theta', 'rope_local_base_freq', 'factor', 'partial_rotary_factor'],
  ...['low_freq_factor', 'high_freq_factor', 'attention_factor', 'beta_fast', 'beta_slow', 'logit_scale'],
  ...['attn_logit_softcapping', 'final_logit_softcapping'],
  ...['temperature', 'top_p', 'min_p', 'repetition_penalty'],
];
const WHOLE_FLOATS = new RegExp(`^(\\s*"(?:${FLOATS.join('|')})": -?\\d+)(,?)$`, 'gm');

export const writeJson = (path: string, value: unknown) =>
  writeFile(path, `${JSON.stringify(value, null, 2).replace(WHOLE_FLOATS, '$1.0$2')}\n`);
