import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type AdapterLayer, type LowRankAdapter, notFinite } from '../../core/techniques/adapters/adapter.js';
import { transposed, veraLayer, withoutInitial } from '../../core/techniques/adapters/convert.js';
import {
  EMBEDDING_TENSOR,
  PEFT_ARCHITECTURES,
  reordered,
  rowOrder,
  tensorOfModule,
} from '../../core/techniques/adapters/names.js';
import { decodeFloats, isFloatType } from '../../core/techniques/float-types.js';
import type { Matrix } from '../../core/techniques/pruning/matrix.js';
import { type AdapterBase, flawOf, unusable } from '../../formats/adapters/base.js';
import type { ReadAdapter } from '../../formats/adapters/gguf.js';
import { shown } from '../../formats/format.js';
import { SafetensorsError } from '../../formats/safetensors/json.js';
import { type LocatedTensor, openSafetensors } from '../../formats/safetensors/reader.js';
import { readTensor } from '../../formats/tensor-data.js';
import {
  type Expected,
  expectedOf,
  initializationOf,
  type PeftConfig,
  readPeftConfig,
  WEIGHTS_FILE,
} from './peft-config.js';

/** Parts of one module: peft's endings, with and without the name an adapter had in a training script. */
const ENDINGS: readonly (readonly [RegExp, string])[] = [
  [/\.lora_A(\.\w+)?\.weight$/, 'A'],
  [/\.lora_B(\.\w+)?\.weight$/, 'B'],
  [/\.lora_embedding_A$/, 'embeddingA'],
  [/\.lora_embedding_B$/, 'embeddingB'],
  [/\.lora_magnitude_vector(\.weight)?$/, 'magnitude'],
  [/\.vera_lambda_b$/, 'lambdaB'],
  [/\.vera_lambda_d$/, 'lambdaD'],
];
const SHARED = { A: 'base_model.vera_A', B: 'base_model.vera_B' } as const;
/**
 * Where scripts that train PiSSA or OLoRA keep the adapter as it was before the first step (peft, examples/).
 */
const INITIAL_FOLDERS = ['pissa_init', 'olora_init', 'corda_init', 'lora_ga_init', 'initial'];

type Parts = ReadonlyMap<string, Matrix>;

/**
 * Reads a folder that peft's save_pretrained wrote, as an adapter of a GGUF model: modules get the names of
 * tensors, and rows of Q and K the order that the converter gave them. PiSSA and OLoRA come in three forms:
 * converted while saving (then the config says nothing of them and the rank is doubled), with the adapter of
 * before the first step beside them (`pissa_init/`, taken off here), or as they are: then they stand on the
 * base's residual, and `onResidual` says so.
 * @param source what the folder is called in sentences.
 * @throws FailureError `model-unreadable` with what is wrong.
 */
export async function readPeft(folder: string, base: AdapterBase, source = folder): Promise<ReadAdapter> {
  const config = readPeftConfig(folder, source);
  if (!PEFT_ARCHITECTURES.includes(base.architecture)) {
    const hint = `Those of ${PEFT_ARCHITECTURES.join(', ')} can be read; convert others with llama.cpp’s convert_lora_to_gguf.py.`;
    throw unusable(source, `its modules are those of a ${shown(base.architecture)} model`, hint);
  }
  const read = await readFolder(folder, config, base, source);
  const initialization = initializationOf(config);
  const initialFolder = initialization === 'plain' ? null : initialFolderOf(folder);
  if (initialFolder !== null) {
    const initial = await readFolder(initialFolder, readPeftConfig(initialFolder, source), base, source);
    return { adapter: { ...read, layers: subtracted(read, initial, source) }, warnings: [] };
  }
  if (initialization === 'other') {
    const initial = shown(String(config.init_lora_weights));
    const what = `it fits what ${initial} left of the base, and the folder does not say what that is`;
    const hint =
      'Save it with path_initial_model_for_weight_conversion, or put the initial adapter beside it as pissa_init/.';
    throw unusable(source, what, hint);
  }
  const onResidual = initialization === 'plain' ? null : initialization;
  return { adapter: { ...read, onResidual }, warnings: [] };
}

async function readFolder(
  folder: string,
  config: PeftConfig,
  base: AdapterBase,
  source: string,
): Promise<LowRankAdapter> {
  const tensors = tensorsOf(join(folder, WEIGHTS_FILE), source);
  const shared = new Map<string, Matrix>();
  const modules = new Map<string, Map<string, Matrix>>();
  for (const [name, tensor] of tensors) {
    // Some scripts save the base's own weights along.
    if (/\.base_layer\.weight$/.test(name)) continue;
    const part = name === SHARED.A ? 'A' : name === SHARED.B ? 'B' : null;
    if (part !== null) {
      shared.set(part, await readMatrix(tensor, source));
      continue;
    }
    const ending = ENDINGS.find(([pattern]) => pattern.test(name));
    if (ending === undefined)
      throw unusable(source, `its tensor ${shown(name)} is no part of a low-rank adapter`);
    const module = name.replace(ending[0], '');
    const parts = modules.get(module) ?? new Map<string, Matrix>();
    modules.set(module, parts.set(ending[1], await readMatrix(tensor, source)));
  }
  const layers = new Map<string, AdapterLayer>();
  for (const [module, parts] of modules) {
    const name = tensorOfModule(module);
    if (name === null)
      throw unusable(source, `it changes the module ${shown(module)}, which has no place in a GGUF file`);
    const bare = module.replace(/^base_model\.model\./, '');
    const layer =
      config.peft_type === 'VERA'
        ? vera(shared, parts, base.tensors.get(name)?.shape[0] ?? 0, config, `of ${shown(bare)}`, source)
        : lora(parts, name, expectedOf(config, bare, source), `of ${shown(bare)}`, source);
    layers.set(name, inGgufOrder(name, layer, base));
  }
  if (layers.size === 0) throw unusable(source, 'it changes no module');
  const { architecture } = base;
  const adapter: LowRankAdapter = { kind: kindOf(config), architecture, layers, onResidual: null };
  const wrong = notFinite(adapter);
  if (wrong !== null) throw unusable(source, `${wrong} has a number that is not finite`);
  return adapter;
}

function lora(
  parts: Parts,
  name: string,
  { rank, scale }: Expected,
  where: string,
  source: string,
): AdapterLayer {
  const embedded = name === EMBEDDING_TENSOR;
  const [first, second] = embedded ? ['embeddingA', 'embeddingB'] : ['A', 'B'];
  const [a, b] = [parts.get(first!), parts.get(second!)];
  if (a === undefined || b === undefined)
    throw unusable(source, `${where} it has no lora_${a === undefined ? first : second}`);
  const magnitude = parts.get('magnitude')?.values ?? null;
  // An embedding's rows are looked up: its change is (B A)ᵀ.
  const layer = embedded
    ? { a: transposed(b), b: transposed(a), scale, magnitude }
    : { a, b, scale, magnitude };
  const flaw = flawOf(layer);
  if (flaw !== null) throw unusable(source, `${where} ${flaw}`);
  if (layer.a.rows !== rank)
    throw unusable(source, `${where} A has rank ${layer.a.rows}, and its config says ${rank}`);
  return layer;
}

function vera(
  shared: Parts,
  parts: Parts,
  columns: number,
  config: PeftConfig,
  where: string,
  source: string,
): AdapterLayer {
  const [a, b] = [shared.get('A'), shared.get('B')];
  if (a === undefined || b === undefined) {
    const hint = 'Save it with save_projection=True: the seed alone gives other matrices on another machine.';
    throw unusable(source, 'its shared matrices vera_A and vera_B are not in the file', hint);
  }
  const [lambdaB, lambdaD] = [parts.get('lambdaB')?.values, parts.get('lambdaD')?.values];
  if (lambdaB === undefined || lambdaD === undefined)
    throw unusable(source, `${where} it has no vera_lambda_${lambdaB === undefined ? 'b' : 'd'}`);
  const ranks = [a.rows, b.columns, lambdaD.length];
  if (ranks.every((rank) => rank === config.r) && a.columns >= columns && b.rows >= lambdaB.length)
    return veraLayer(a, b, lambdaB, lambdaD, columns);
  const said = `vera_A [${a.rows}, ${a.columns}], vera_B [${b.rows}, ${b.columns}], rank ${config.r}, ${columns} inputs, ${lambdaB.length} outputs`;
  throw unusable(source, `${where} its parts do not belong together: ${said}`);
}

function inGgufOrder(name: string, layer: AdapterLayer, base: AdapterBase): AdapterLayer {
  const order = rowOrder(name, layer.b.rows, base);
  if (order === null) return layer;
  const { magnitude } = layer;
  return {
    ...layer,
    b: reordered(layer.b, order),
    magnitude: magnitude === null ? null : Float32Array.from(order, (row) => magnitude[row]!),
  };
}

function kindOf(config: PeftConfig): LowRankAdapter['kind'] {
  if (config.peft_type === 'VERA') return 'vera';
  if (config.use_dora === true) return 'dora';
  const initialization = initializationOf(config);
  if (initialization === 'pissa' || initialization === 'olora') return initialization;
  return config.use_rslora === true ? 'rslora' : 'lora';
}

/** @returns the folder of the adapter as it was before the first step; null when nobody kept it. */
export function initialFolderOf(folder: string): string | null {
  const places = INITIAL_FOLDERS.flatMap((name) => [join(folder, name), join(dirname(folder), name)]);
  const found = places.filter((place) => basename(place) !== basename(folder) || dirname(place) === folder);
  return found.find((place) => existsSync(join(place, WEIGHTS_FILE))) ?? null;
}

function subtracted({ layers }: LowRankAdapter, initial: LowRankAdapter, source: string) {
  const less = new Map<string, AdapterLayer>();
  for (const [name, layer] of layers) {
    const before = initial.layers.get(name);
    const same = before?.b.rows === layer.b.rows && before.a.columns === layer.a.columns;
    if (!same || before.scale !== layer.scale)
      throw unusable(source, `the initial adapter beside it has another ${shown(name)}`);
    less.set(name, withoutInitial(layer, before));
  }
  return less;
}

function tensorsOf(path: string, source: string): ReadonlyMap<string, LocatedTensor> {
  if (!existsSync(path))
    throw unusable(source, `it has no ${WEIGHTS_FILE}`, 'Save it with safe_serialization=True.');
  try {
    return openSafetensors(path).tensors;
  } catch (error) {
    if (error instanceof SafetensorsError) throw unusable(source, `in ${WEIGHTS_FILE}, ${error.message}`);
    throw error;
  }
}

async function readMatrix(tensor: LocatedTensor, source: string): Promise<Matrix> {
  const { name, dtype, shape } = tensor;
  const type = dtype.toLowerCase();
  if (!isFloatType(type)) throw unusable(source, `its tensor ${shown(name)} has the type ${shown(dtype)}`);
  const sizes = shape.filter((length) => length !== 1);
  if (shape.length > 2 && sizes.length > 2)
    throw unusable(source, `its tensor ${shown(name)} has ${shape.length} dimensions`);
  const chunks: Buffer[] = [];
  for await (const chunk of readTensor(tensor)) chunks.push(chunk);
  const [rows = 1, columns = 1] = shape.length === 1 ? [1, shape[0]] : shape;
  return { rows, columns, values: decodeFloats(Buffer.concat(chunks), type) };
}
