import { type FailureError, failed } from '../../core/errors.js';
import type { AxisValue } from '../../core/experiment/experiment.js';
import {
  type AdapterLayer,
  type LowRankAdapter,
  parametersOf,
  ranksOf,
  targetsOf,
} from '../../core/techniques/adapters/adapter.js';
import type { MergeEngine } from '../../core/techniques/adapters/merge.js';
import { decodeFloats, encodeFloats, FLOAT_BYTES } from '../../core/techniques/float-types.js';
import { copyGguf } from '../../formats/gguf/copy.js';
import { SYNTHETIC_KEY } from '../../formats/gguf/format.js';
import { type FileTensor, readGgufHeader, type TensorInfo } from '../../formats/gguf/header.js';
import type { GgufValue } from '../../formats/gguf/value.js';
import type { TensorSource } from '../../formats/gguf/writer.js';
import { readTensor } from '../../formats/tensor-data.js';
import { loadAdapter, requireFloats } from './load.js';
import type { AdapterPlace } from './source.js';

/** Weights that are changed at a time: 8 MiB as f32. */
const CHUNK_WEIGHTS = 2 ** 21;

export interface MergeRequest {
  readonly inputPath: string;
  /** What the input is called in sentences. */
  readonly inputName: string;
  readonly outputPath: string;
  /** Merged one after the other. */
  readonly adapters: readonly {
    readonly source: string;
    readonly place: AdapterPlace;
    readonly scale: number;
  }[];
}

export interface Merged {
  readonly bytes: number;
  readonly warnings: readonly string[];
  readonly facts: Readonly<Record<string, AxisValue>>;
}

interface Change {
  readonly layer: AdapterLayer;
  readonly strength: number;
}

/**
 * Writes a copy of a model with adapters in its weights, a few rows at a time: each changed weight is
 * computed in double precision and rounded once, to the type it had. What no adapter changes goes over byte
 * by byte.
 * @throws FailureError `impossible-combination` for an adapter of another model, a quantized base, or a sum
 *   that the type cannot hold; `model-unreadable`, `disk-full`.
 */
export async function mergeAdapters(
  { inputPath, inputName, outputPath, adapters }: MergeRequest,
  engine: MergeEngine,
  onProgress?: (done: number, of: number) => void,
): Promise<Merged> {
  const header = readGgufHeader(inputPath);
  const changes = new Map<string, Change[]>();
  const merged: LowRankAdapter[] = [];
  const warnings: string[] = [];
  for (const { source, place, scale } of adapters) {
    const request = { source, place, basePath: inputPath, baseName: inputName };
    const { adapter, warnings: said } = await loadAdapter(request);
    warnings.push(...said);
    merged.push(adapter);
    for (const [name, layer] of adapter.layers)
      changes.set(name, [...(changes.get(name) ?? []), { layer, strength: scale }]);
  }
  const largest = { change: 0 };
  let done = 0;
  const tensors = new Map<string, Omit<TensorSource, 'name'>>();
  for (const tensor of header.tensors) {
    const own = changes.get(tensor.name);
    if (own === undefined) continue;
    requireFloats(tensor, inputName);
    tensors.set(tensor.name, {
      type: tensor.type,
      shape: tensor.shape,
      async *data() {
        yield* changed(inputName, tensor, own, engine, largest);
        done += 1;
        onProgress?.(done, changes.size);
      },
    });
  }
  const random = adapters.some(({ place }) => place.form === 'synthetic');
  const metadata = new Map<string, GgufValue>(random ? [[SYNTHETIC_KEY, { type: 'bool', value: true }]] : []);
  const bytes = await copyGguf(inputPath, outputPath, { tensors, metadata });
  return {
    bytes,
    warnings,
    facts: {
      rank: [...new Set(merged.flatMap(ranksOf))].sort((a, b) => a - b).join(','),
      targets: [...new Set(merged.flatMap(targetsOf))].sort().join(','),
      matrices: changes.size,
      adapterParameters: merged.reduce((sum, one) => sum + parametersOf(one), 0),
      largestChange: largest.change,
      engine: engine.name,
    },
  };
}

async function* changed(
  model: string,
  tensor: FileTensor,
  changes: readonly Change[],
  engine: MergeEngine,
  largest: { change: number },
): AsyncGenerator<Uint8Array> {
  const type = requireFloats(tensor, model);
  const columns = tensor.shape[0]!;
  const rows = Math.max(1, Math.floor(CHUNK_WEIGHTS / columns));
  let first = 0;
  for await (const chunk of readTensor(tensor, rows * columns * FLOAT_BYTES[type])) {
    const before = decodeFloats(chunk, type);
    const values = before.slice();
    for (const { layer, strength } of changes) engine.addTo({ values, first }, layer, strength);
    const bytes = encodeFloats(values, type);
    const after = decodeFloats(bytes, type);
    for (let i = 0; i < after.length; i++) {
      const change = Math.abs(after[i]! - before[i]!);
      if (change > largest.change) largest.change = change;
      if (!Number.isFinite(after[i]!)) throw overflow(tensor, values[i]!, before[i]!);
    }
    first += before.length / columns;
    yield bytes;
  }
}

function overflow({ name, type }: TensorInfo, value: number, before: number): FailureError {
  const message = Number.isFinite(before)
    ? `merged, a weight of ${name} is ${value.toPrecision(4)}, which ${type} cannot hold`
    : `the base has a weight of ${name} that is not finite`;
  const hint = Number.isFinite(before) ? 'Merge into a bf16 or f32 model, or lower the scale.' : null;
  return failed('impossible-combination', message, hint);
}
