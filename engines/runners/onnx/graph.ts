import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { failed } from '../../../core/errors.js';
import type { InferenceRecord } from '../../../core/inference/record.js';
import type { OnnxOptions } from '../../../core/runners/onnx.js';
import { brainBits, halfBits } from '../../../core/techniques/float-types.js';
import { monotonicSeconds } from '../../../process/isolation/clock.js';
import type { Pointer } from '../../native/onnxruntime/api.js';
import { type Binding, bindSession } from '../../native/onnxruntime/binding.js';
import type { OrtRuntime } from '../../native/onnxruntime/runtime.js';
import { ELEMENTS, spelled, type TensorInfo, tensorBytes } from '../../native/onnxruntime/tensors.js';
import type { TensorGraph } from '../opened.js';
import type { GraphOpenRequest, GraphRequest, WithOptions } from '../runner.js';
import { type OpenedGraph, openGraph } from './load.js';
import { type HostBlock, Memory } from './memory.js';
import { runFailure } from './reasons.js';

/** Opens any graph of tensors, with random inputs of the types that it asks for. @throws FailureError */
export async function openAnyGraph(
  request: WithOptions<GraphOpenRequest, OnnxOptions>,
): Promise<TensorGraph> {
  const opened = await openGraph(request);
  const memory = new Memory(opened.runtime, opened.session);
  try {
    return prepared(opened, memory, request.graph);
  } catch (error) {
    memory.close();
    opened.session.close();
    throw error;
  }
}

function prepared(opened: OpenedGraph, memory: Memory, request: GraphRequest): TensorGraph {
  const { runtime, session, engineFiles, environment, warnings, weightBytes } = opened;
  const sizes = sizesFor(session.inputs, request);
  const inputs = session.inputs.map((info) => inputOf(info, sizes, memory, request));
  const tensors = inputs.map(({ tensor }) => tensor);
  const failing = (error: unknown) => runFailure(error, `inputs of ${tensors.map(spelledTensor).join(', ')}`);
  let binding: Binding;
  try {
    binding = bindSession(
      runtime,
      session,
      inputs.map(({ value }) => value),
    );
  } catch (error) {
    throw failing(error);
  }
  const timeRun = (): number => {
    const begin = monotonicSeconds();
    try {
      binding.run();
    } catch (error) {
      throw failing(error);
    }
    return monotonicSeconds() - begin;
  };
  const close = () => {
    binding.close();
    for (const { value } of inputs) memory.release(value);
  };
  try {
    const items = itemsOf(session.inputs, inputs, request);
    timeRun();
    const outputs = binding.outputs().map((value, i) => {
      const tensor = outputOf(runtime, session.outputs[i]!, value);
      memory.release(value);
      return tensor;
    });
    return {
      facts: { modelBytes: weightBytes(), parameters: null, kvCacheBytes: null, engineFiles, environment },
      warnings,
      record: { items, inputs: tensors, outputs },
      call: (times) => Array.from({ length: times }, timeRun),
      close() {
        close();
        memory.close();
        session.close();
      },
    };
  } catch (error) {
    close();
    throw error;
  }
}

type Tensor = InferenceRecord['inputs'][number];

/** A graph without an open first dimension has the items that it is made for. */
function itemsOf(
  infos: readonly TensorInfo[],
  inputs: readonly { readonly tensor: Tensor }[],
  { items }: GraphRequest,
): number {
  const open = infos.some(({ shape }) => shape.length > 0 && typeof shape[0] !== 'number');
  if (open) return items;
  if (items === 1) return inputs[0]?.tensor.shape[0] ?? 1;
  const made = infos.map((info) => `${info.name} is ${spelled(info)}`).join(', ');
  throw failed(
    'impossible-combination',
    `The graph takes no number of items: ${made}.`,
    'Leave items out, or export the graph with an open first dimension.',
  );
}

/**
 * @returns the size of every open dimension by its name. @throws FailureError for a name that no input has.
 */
function sizesFor(infos: readonly TensorInfo[], { items, sizes }: GraphRequest): ReadonlyMap<string, number> {
  const first = infos.flatMap(({ shape }) => (typeof shape[0] === 'string' ? [shape[0]] : []));
  const all = infos.flatMap(({ shape }) => shape.filter((size) => typeof size === 'string'));
  const unknown = Object.keys(sizes).find((name) => !all.includes(name));
  if (unknown !== undefined) {
    const known = [...new Set(all)].join(', ') || 'none';
    throw failed(
      'impossible-combination',
      `The graph has no open dimension ${unknown}; it has ${known}.`,
      'Correct sizes in the sweep.',
    );
  }
  return new Map([...first.map((name) => [name, items] as const), ...Object.entries(sizes)]);
}

function inputOf(
  info: TensorInfo,
  sizes: ReadonlyMap<string, number>,
  memory: Memory,
  request: Pick<GraphRequest, 'seed' | 'items' | 'size'>,
): { readonly tensor: Tensor; readonly value: Pointer } {
  const element = info.type === null ? undefined : ELEMENTS[info.type];
  if (info.type === null || element === undefined) {
    throw failed(
      'model-unsupported',
      `The input ${info.name} is ${spelled(info)}, and tensors of numbers can be made up.`,
    );
  }
  const shape = info.shape.map((size, axis) =>
    typeof size === 'number'
      ? size
      : ((size === null ? undefined : sizes.get(size)) ?? (axis === 0 ? request.items : request.size)),
  );
  const block = memory.block(tensorBytes(info.type, shape));
  fill(block, element.name, info.name, request.seed);
  return {
    tensor: { name: info.name, type: element.name, shape },
    value: memory.value(block, info.type, shape),
  };
}

/** What elements of a type are kept as, and how a number becomes one. */
const STORED: Readonly<
  Record<
    string,
    readonly [new (buffer: ArrayBufferLike, at: number, length: number) => Stored, number, Encode]
  >
> = {
  float32: [Float32Array, 4, (value) => value],
  float64: [Float64Array, 8, (value) => value],
  float16: [Uint16Array, 2, (value) => halfBits(floatBits(value))],
  bfloat16: [Uint16Array, 2, (value) => brainBits(floatBits(value))],
  int64: [BigInt64Array, 8, BigInt],
  uint64: [BigInt64Array, 8, BigInt],
  int32: [Int32Array, 4, (value) => value],
  uint32: [Int32Array, 4, (value) => value],
  int16: [Int16Array, 2, (value) => value],
  uint16: [Int16Array, 2, (value) => value],
};
type Stored = { [index: number]: number | bigint };
type Encode = (value: number) => number | bigint;

/**
 * Ids of words and of kinds are small, for an embedding has as many rows as nobody says; masks hide nothing.
 */
function fill({ bytes }: HostBlock, type: string, name: string, seed: number): void {
  const random = xoroshiro128plus(seed);
  const most = /type|segment/i.test(name) || type === 'bool' ? 1 : 99;
  const drawInteger = () => (/mask/i.test(name) ? 1 : uniformInt(random, 0, most));
  const next = /float/.test(type) ? () => uniformInt(random, -8192, 8192) / 8192 : drawInteger;
  const [kind, size, encode] = STORED[type] ?? [Uint8Array, 1, (value: number) => value];
  const count = Math.floor(bytes.length / size);
  const values = new kind(bytes.buffer, bytes.byteOffset, count);
  for (let i = 0; i < count; i++) values[i] = encode(next());
}

function floatBits(value: number): number {
  return new Uint32Array(Float32Array.of(value).buffer)[0]!;
}

function outputOf({ api }: OrtRuntime, info: TensorInfo, value: Pointer): Tensor {
  const element = info.type === null ? undefined : ELEMENTS[info.type];
  if (element === undefined) return { name: info.name, type: 'none', shape: [] };
  const tensor = api.make('GetTensorTypeAndShape', value);
  const count = api.size('GetDimensionsCount', tensor);
  const sizes = new BigInt64Array(Math.max(1, count));
  api.call('GetDimensions', tensor, sizes, count);
  api.call('ReleaseTensorTypeAndShapeInfo', tensor);
  return { name: info.name, type: element.name, shape: Array.from(sizes.subarray(0, count), Number) };
}

const spelledTensor = ({ name, type, shape }: Tensor) => `${name} ${type}[${shape.join(', ')}]`;
