import { failed } from '../../core/errors.js';
import type { SyntheticAdapter } from '../../core/techniques/adapter.js';
import { type AdapterLayer, type LowRankAdapter, targetOf } from '../../core/techniques/adapters/adapter.js';
import { ontoBase } from '../../core/techniques/adapters/initialize.js';
import { LINEAR_TARGETS } from '../../core/techniques/adapters/names.js';
import { isFloatType } from '../../core/techniques/float-types.js';
import type { Matrix } from '../../core/techniques/pruning/matrix.js';
import { type AdapterBase, adapterBase, requireFit, unattachable } from '../../formats/adapters/base.js';
import { type ReadAdapter, readAdapterGguf } from '../../formats/adapters/gguf.js';
import {
  type GgufFile,
  type GgufHeader,
  readGgufHeader,
  type TensorInfo,
} from '../../formats/gguf/header.js';
import { readMatrix } from '../../formats/tensor-matrix.js';
import type { ResolvedModel } from '../files/resolve.js';
import { describeSynthetic } from '../files/synthetic/model.js';
import { RandomWords } from '../files/synthetic/random.js';
import { readPeft } from './peft.js';
import type { AdapterPlace } from './source.js';

/** B is made small, so that activations stay finite through any depth. */
const B_BOUND = 0.01;

/**
 * An adapter of random numbers with the shapes that a model asks for: what one costs to run does not depend
 * on what it says.
 * @throws FailureError `impossible-combination` for a target that the model does not have.
 */
export function syntheticAdapter(
  { rank, targets, seed }: SyntheticAdapter,
  { tensors, architecture }: AdapterBase,
): LowRankAdapter {
  const matrices = [...tensors.values()].filter(
    ({ name, shape }) => name.endsWith('.weight') && shape.length === 2 && name !== 'token_embd.weight',
  );
  const known = new Set(matrices.map(({ name }) => targetOf(name)));
  const wanted = targets ?? LINEAR_TARGETS.filter((target) => known.has(target));
  const missing = wanted.filter((target) => !known.has(target));
  if (missing.length > 0 || wanted.length === 0) {
    const what = missing.length > 0 ? missing.join(', ') : LINEAR_TARGETS.join(', ');
    const hint = `Its matrices are ${[...known].sort().join(', ')}.`;
    throw failed('impossible-combination', `the model has no ${what} for a synthetic adapter`, hint);
  }
  const chosen = matrices.filter(({ name }) => wanted.includes(targetOf(name)));
  const layers = new Map(chosen.map((tensor) => [tensor.name, layerOf(tensor, rank, seed)]));
  return { kind: 'lora', architecture, layers, onResidual: null };
}

function layerOf({ name, shape }: TensorInfo, rank: number, seed: number): AdapterLayer {
  const [columns = 0, rows = 0] = shape;
  const numbers = (part: string, count: number, bound: number): Float32Array => {
    const words = new Uint32Array(count);
    RandomWords.forSeed(seed, `${name}/${part}`).fill(words);
    return Float32Array.from(words, (word) => (word / 2 ** 31 - 1) * bound);
  };
  return {
    a: { rows: rank, columns, values: numbers('a', rank * columns, 1 / Math.sqrt(columns)) },
    b: { rows, columns: rank, values: numbers('b', rows * rank, B_BOUND) },
    scale: 1,
    magnitude: null,
  };
}

/** An adapter and the model it goes onto, with what both are called in sentences. */
export interface AdapterRequest {
  readonly source: string;
  readonly place: AdapterPlace;
  readonly basePath: string;
  readonly baseName: string;
}

/**
 * Reads an adapter and holds it against its base; one that stands on the base's residual (PiSSA, OLoRA) is
 * put onto the base itself.
 * @throws FailureError `model-unreadable`, `impossible-combination` with what does not fit.
 */
export async function loadAdapter(request: AdapterRequest): Promise<ReadAdapter> {
  const { basePath, baseName } = request;
  const header = readGgufHeader(basePath);
  const read = await readFitting(request, header);
  const { onResidual } = read.adapter;
  if (onResidual === null) return read;
  const layers = new Map<string, AdapterLayer>();
  for (const [name, layer] of read.adapter.layers) {
    const weights = await readWeights(header, name, baseName);
    layers.set(name, ontoBase(layer, onResidual, weights));
  }
  return { ...read, adapter: { ...read.adapter, layers, onResidual: null } };
}

/**
 * Holds an adapter against the header of a model, without looking at its weights: whether a trial could have
 * it.
 * @param model a file, or a synthetic model that is not written yet.
 * @param attached it is to run beside the weights.
 * @throws FailureError `model-unreadable`, `impossible-combination` with what does not fit.
 */
export async function requireAdapterFits(
  adapter: Omit<AdapterRequest, 'basePath'>,
  model: Pick<ResolvedModel, 'path' | 'synthetic'>,
  attached: boolean,
): Promise<void> {
  if (model.synthetic === null && model.path === null) return;
  const { synthetic, path } = model;
  const header = synthetic === null ? readGgufHeader(path!) : describeSynthetic(synthetic).header;
  const read = await readFitting(adapter, header);
  const scalesRows = [...read.adapter.layers.values()].some(({ magnitude }) => magnitude !== null);
  if (attached && scalesRows) throw unattachable(adapter.source);
}

/** Reads an adapter as it is, and holds it against its base. */
async function readFitting(
  { source, place, baseName }: Omit<AdapterRequest, 'basePath'>,
  header: GgufHeader,
): Promise<ReadAdapter> {
  const base = adapterBase(header);
  const read = await readPlace(place, base, source);
  requireFit(read.adapter, base, { adapter: source, model: baseName });
  return read;
}

async function readPlace(place: AdapterPlace, base: AdapterBase, source: string): Promise<ReadAdapter> {
  if (place.form === 'synthetic') return { adapter: syntheticAdapter(place.synthetic, base), warnings: [] };
  if (place.form === 'peft') return await readPeft(place.path, base, source);
  return await readAdapterGguf(place.path, source);
}

async function readWeights(header: GgufFile, name: string, baseName: string): Promise<Matrix> {
  const tensor = header.tensors.find((one) => one.name === name)!;
  const [columns = 0, rows = 0] = tensor.shape;
  return await readMatrix({ ...tensor, type: requireFloats(tensor, baseName), rows, columns });
}

/**
 * @throws FailureError `impossible-combination` for a quantized matrix: arithmetic on it would quantize
 *   twice.
 */
export function requireFloats({ name, type }: TensorInfo, baseName: string) {
  if (isFloatType(type)) return type;
  const message = `${baseName} is quantized (${name} is ${type}), and an adapter cannot be added to it without loss`;
  const hint =
    'Merge into the f16, bf16 or f32 model and quantize after that, as the steps of a sweep do; or attach it (mode=attached).';
  throw failed('impossible-combination', message, hint);
}
