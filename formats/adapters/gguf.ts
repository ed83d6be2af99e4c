import {
  ADAPTER_KINDS,
  type AdapterLayer,
  type LowRankAdapter,
  notFinite,
  rankOf,
} from '../../core/techniques/adapters/adapter.js';
import { transposed, withScale } from '../../core/techniques/adapters/convert.js';
import { EMBEDDING_TENSOR } from '../../core/techniques/adapters/names.js';
import { alphaOf, scaleOf } from '../../core/techniques/adapters/scale.js';
import { encodeFloats, type FloatType, isFloatType } from '../../core/techniques/float-types.js';
import type { Matrix } from '../../core/techniques/pruning/matrix.js';
import { shown } from '../format.js';
import { type FileTensor, type GgufFile, readGgufHeader } from '../gguf/header.js';
import { textAt } from '../gguf/metadata.js';
import { GgufError } from '../gguf/reader.js';
import type { GgufValue } from '../gguf/value.js';
import { type TensorSource, writeGguf } from '../gguf/writer.js';
import { readMatrix } from '../tensor-matrix.js';
import { flawOf, unusable } from './base.js';

/** The metadata key that says which kind an adapter is; llama.cpp knows LoRA alone. */
const KIND_KEY = 'ridgepoint.adapter.kind';
const RESIDUAL_KEY = 'ridgepoint.adapter.on_residual';
const PARTS = ['lora_a', 'lora_b', 'lora_magnitude'] as const;
type Part = (typeof PARTS)[number];

/** An adapter as it was read, and what there is to say of it. */
export interface ReadAdapter {
  readonly adapter: LowRankAdapter;
  readonly warnings: readonly string[];
}

/**
 * Reads an adapter that llama.cpp's convert_lora_to_gguf.py, its training tools or Ridgepoint wrote.
 * Magnitudes (DoRA) and residual adapters (PiSSA, OLoRA) are in Ridgepoint's own files, under a type that
 * llama.cpp refuses.
 * @param source what the file is called in sentences.
 * @throws FailureError `model-unreadable` with what is wrong; errors of open(2) as they are.
 */
export async function readAdapterGguf(path: string, source = path): Promise<ReadAdapter> {
  const header = headerOf(path, source);
  const text = (key: string) => textAt(header.metadata, key);
  const type = text('general.type') ?? 'model';
  if (type !== 'adapter') throw unusable(source, `it holds a ${shown(type)}, not an adapter`);
  const form = text('adapter.type') ?? '';
  if (form !== 'lora' && form !== 'dora' && form !== 'residual')
    throw unusable(source, `its adapter.type is ${shown(form) || 'missing'}, and lora is what can be read`);
  if (header.metadata.has('adapter.alora.invocation_tokens')) {
    throw unusable(source, 'it is an activated LoRA, which acts only after certain tokens');
  }
  const architecture = text('general.architecture');
  if (architecture === null) throw unusable(source, 'it does not say its architecture');
  const alpha = header.metadata.get('adapter.lora.alpha') ?? 0;
  if (typeof alpha !== 'number') throw unusable(source, 'its adapter.lora.alpha is no number');

  const { pairs, norms } = pairsOf(header, source);
  const layers = new Map<string, AdapterLayer>();
  for (const [name, parts] of pairs) layers.set(name, await layerOf(source, name, parts, alpha));
  if (layers.size === 0) throw unusable(source, 'it changes no matrix');
  const kind = ADAPTER_KINDS.find((known) => known === text(KIND_KEY)) ?? (form === 'dora' ? 'dora' : 'lora');
  const residual = text(RESIDUAL_KEY);
  const onResidual = residual === 'pissa' || residual === 'olora' ? residual : null;
  if ((form === 'residual') !== (onResidual !== null))
    throw unusable(source, `it does not say which initialization its residual is of`);
  const adapter: LowRankAdapter = { kind, architecture, layers, onResidual };
  const wrong = notFinite(adapter);
  if (wrong !== null) throw unusable(source, `${wrong} has a number that is not finite`);
  const warnings =
    norms === 0 ? [] : [`${norms} norms of the adapter ${source} are left out, as llama.cpp does`];
  return { adapter, warnings };
}

/** @throws FailureError `model-unreadable` */
function headerOf(path: string, source: string): GgufFile {
  try {
    return readGgufHeader(path);
  } catch (error) {
    if (error instanceof GgufError) throw unusable(source, error.message);
    throw error;
  }
}

type Parts = ReadonlyMap<Part, FileTensor>;

function pairsOf(header: GgufFile, source: string) {
  const pairs = new Map<string, Map<Part, FileTensor>>();
  let norms = 0;
  for (const tensor of header.tensors) {
    const part = PARTS.find((suffix) => tensor.name.endsWith(`.${suffix}`));
    if (part === undefined) {
      if (!tensor.name.endsWith('_norm.weight'))
        throw unusable(source, `its tensor ${shown(tensor.name)} is no part of a LoRA`);
      norms += 1;
      continue;
    }
    const name = tensor.name.slice(0, -part.length - 1);
    const parts = pairs.get(name) ?? new Map<Part, FileTensor>();
    pairs.set(name, parts.set(part, tensor));
  }
  return { pairs, norms };
}

async function layerOf(source: string, name: string, parts: Parts, alpha: number): Promise<AdapterLayer> {
  const matrixOfPart = async (part: Part): Promise<Matrix> => {
    const tensor = parts.get(part);
    if (tensor === undefined) throw unusable(source, `${shown(name)} has no ${part}`);
    return await matrixOf(source, tensor);
  };
  const [first, second] = [await matrixOfPart('lora_a'), await matrixOfPart('lora_b')];
  // An embedding is looked up, not multiplied: llama.cpp keeps its factors the other way round
  // (llm_build_inp_embd).
  const embedded = name === EMBEDDING_TENSOR;
  const [a, b] = embedded ? [transposed(second), first] : [first, second];
  const magnitude = parts.has('lora_magnitude') ? (await matrixOfPart('lora_magnitude')).values : null;
  // llama.cpp, llama_adapter_lora_weight::get_scale: without an alpha the factors stand as they are.
  const layer = { a, b, magnitude, scale: alpha === 0 ? 1 : scaleOf(alpha, a.rows, false) };
  const flaw = flawOf(layer);
  if (flaw !== null) throw unusable(source, `of ${shown(name)} ${flaw}`);
  return layer;
}

async function matrixOf(source: string, tensor: FileTensor): Promise<Matrix> {
  const { type, name, shape } = tensor;
  if (shape.length > 2)
    throw unusable(source, `${shown(name)} is for experts, and adapters of dense models can be read`);
  if (!isFloatType(type)) {
    const hint = 'Convert it with --outtype f32, f16 or bf16.';
    throw unusable(source, `${shown(name)} is quantized (${type})`, hint);
  }
  const [columns = 0, rows = 1] = shape;
  return await readMatrix({ ...tensor, type, rows, columns });
}

/**
 * Writes an adapter as GGUF: what llama.cpp reads, except for magnitudes and residual adapters, which get a
 * type of their own, so that no engine runs half of them.
 * @returns the bytes of the file. @throws FailureError `disk-full`.
 */
export async function writeAdapterGguf(
  path: string,
  adapter: LowRankAdapter,
  { name = 'adapter', type = 'f32' }: { readonly name?: string; readonly type?: FloatType } = {},
): Promise<number> {
  const layers = [...adapter.layers];
  // A file has one alpha: that of the first layer, unless it is 0, which llama.cpp takes for none.
  const first = layers[0]?.[1];
  const own = first === undefined ? 1 : Math.fround(alphaOf(first.scale, rankOf(first)));
  const alpha = own !== 0 && Number.isFinite(own) ? own : 1;
  const text = (value: string): GgufValue => ({ type: 'string', value });
  const metadata = new Map<string, GgufValue>([
    ['general.architecture', text(adapter.architecture)],
    ['general.type', text('adapter')],
    ['general.name', text(name)],
    ['adapter.type', text(formOf(adapter))],
    ['adapter.lora.alpha', { type: 'f32', value: alpha }],
    [KIND_KEY, text(adapter.kind)],
    ...(adapter.onResidual === null ? [] : [[RESIDUAL_KEY, text(adapter.onResidual)] as const]),
  ]);
  const tensors = layers.flatMap(([tensor, layer]) => tensorsOf(tensor, layer, alpha, type));
  return await writeGguf(path, { metadata, tensors });
}

/** Whether llama.cpp can run it beside a model's weights. */
export function canAttach(adapter: LowRankAdapter): boolean {
  return formOf(adapter) === 'lora';
}

function formOf({ layers, onResidual }: LowRankAdapter): 'lora' | 'dora' | 'residual' {
  if (onResidual !== null) return 'residual';
  return [...layers.values()].some(({ magnitude }) => magnitude !== null) ? 'dora' : 'lora';
}

function tensorsOf(name: string, layer: AdapterLayer, alpha: number, type: FloatType): TensorSource[] {
  const scale = scaleOf(alpha, rankOf(layer), false);
  // Equal but for the rounding of alpha to f32: the factors stay as they are.
  const near = Math.abs(layer.scale - scale) <= 1e-7 * Math.abs(scale);
  const { a, b, magnitude } = near ? layer : withScale(layer, scale);
  const matrix = (part: Part, { rows, columns, values }: Matrix): TensorSource => ({
    name: `${name}.${part}`,
    type,
    shape: [columns, rows],
    data: () => [encodeFloats(values, type)],
  });
  const embedded = name === EMBEDDING_TENSOR;
  return [
    matrix('lora_a', embedded ? b : a),
    matrix('lora_b', embedded ? transposed(a) : b),
    ...(magnitude === null
      ? []
      : [
          {
            name: `${name}.lora_magnitude`,
            type: 'f32',
            shape: [magnitude.length],
            data: () => [encodeFloats(magnitude, 'f32')],
          },
        ]),
  ];
}
