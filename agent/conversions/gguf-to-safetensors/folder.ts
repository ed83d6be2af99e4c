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
import { bytesOf, rowCount, rowLength } from '../safetensors-to-gguf/weights.js';
import type { PlannedTensor } from './plan.js';

/** 4 GB is what file systems and hubs take everywhere. */
const PART_BYTES = 4e9;
const WHOLE = 'model.safetensors';

interface Writing {
  /** Type of the weights; null = of most of them, and where that would round some, the type that they have. */
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
  const types = new Map<PlannedTensor, FloatType>();
  for (const tensor of tensors) types.set(tensor, asked ?? (await exactType(tensor, most)));
  const bytes = (tensor: PlannedTensor) =>
    rowCount(tensor.weights) * rowLength(tensor.weights) * FLOAT_BYTES[types.get(tensor)!];
  const parts: PlannedTensor[][] = [];
  let room = 0;
  for (const tensor of tensors) {
    if (parts.length === 0 || bytes(tensor) > room) {
      parts.push([]);
      room = partBytes;
    }
    parts.at(-1)!.push(tensor);
    room -= bytes(tensor);
  }
  const number = (i: number) => String(i).padStart(5, '0');
  const nameOf = (i: number) =>
    parts.length === 1 ? WHOLE : `model-${number(i + 1)}-of-${number(parts.length)}.safetensors`;
  let done = 0;
  for (const [i, part] of parts.entries()) {
    const sources = part.map((tensor): SafetensorSource => {
      const { name, weights } = tensor;
      const type = types.get(tensor)!;
      return {
        name,
        dtype: type.toUpperCase(),
        shape: weights.shape,
        async *data() {
          yield* bytesOf(weights, type);
          onProgress(++done, tensors.length);
        },
      };
    });
    await writeSafetensors(join(folder, nameOf(i)), {
      metadata: new Map([['format', 'pt']]),
      tensors: sources,
    });
  }
  if (parts.length === 1) return;
  const weightMap = parts.flatMap((part, i) => part.map(({ name }) => [name, nameOf(i)]));
  await writeJson(join(folder, `${WHOLE}.index.json`), {
    metadata: { total_size: tensors.reduce((sum, tensor) => sum + bytes(tensor), 0) },
    weight_map: Object.fromEntries(weightMap),
  });
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

/** Numbers that transformers 5 takes as floats alone. JSON of JavaScript writes whole ones as integers. */
const FLOATS =
  /^(\s*"(?:rms_norm_eps|rope_theta|rope_local_base_freq|factor|low_freq_factor|high_freq_factor|attention_factor|beta_fast|beta_slow|partial_rotary_factor|attn_logit_softcapping|final_logit_softcapping|temperature|top_p|min_p|repetition_penalty)": -?\d+)(,?)$/gm;

export const writeJson = (path: string, value: unknown) =>
  writeFile(path, `${JSON.stringify(value, null, 2).replace(FLOATS, '$1.0$2')}\n`);
