import type { Collector } from '../../../engines/native/collector.js';
import { CONSTANTS, type Llama } from '../../../engines/native/llama.js';
import { STRUCTS } from '../../../engines/native/llama-cpp/bindings.js';
import { importKoffi } from '../../../process/koffi.js';

const koffi = await importKoffi();

const { fields, size } = STRUCTS.ggml_tensor;
const at = (name: string) => fields.find(([field]) => field === name)![2];

/** Buffers of a device that is none: the tensors that lie in them, with what they hold. */
const DEVICE = koffi.alloc('uint8_t', 1) as unknown as bigint;
const held = new Map<bigint, Uint8Array>();

const isHost = koffi.register(
  (buffer: bigint) => buffer !== DEVICE,
  koffi.pointer(koffi.proto('bool', ['void *'])),
);
const get = koffi.register(
  (tensor: bigint, into: bigint, offset: number, bytes: number) => {
    const begin = Number(offset);
    const part = held.get(tensor)!.subarray(begin, begin + Number(bytes));
    new Uint8Array(koffi.view(into, Number(bytes))).set(part);
  },
  koffi.pointer(koffi.proto('void', ['void *', 'void *', 'size_t', 'size_t'])),
);

/** Of the engine what a collector takes: memory, and how tensors are read out of a device's. */
export const memory = {
  address: (name: string) => ({ ggml_backend_buffer_is_host: isHost, ggml_backend_tensor_get: get })[name],
  allocate: (type: string, length: number) => koffi.alloc(type, length),
  free: (address: bigint) => koffi.free(address),
  bytes: (address: bigint, length: number) => koffi.view(address, length),
} as unknown as Llama;

/**
 * @returns a ggml_tensor of rows of f32, as the engine lays one out; `places` of them for each token where it
 *   has three dimensions.
 */
export function tensor(
  name: string,
  columns: number,
  values: Float32Array,
  stride = columns,
  places: number | null = null,
): bigint {
  const rows = values.length / stride;
  const shape = places === null ? [columns, rows, 1] : [columns, places, rows / places];
  return laidOut(name, CONSTANTS.GGML_TYPE_F32, shape, stride * 4, values);
}

/**
 * Moves what a tensor holds to a device: where it was are bytes of ones, which are no numbers.
 * @returns the tensor.
 */
export function onDevice(tensor: bigint): bigint {
  const fields = Buffer.from(koffi.view(tensor, size));
  const number = (name: string, i: number) => Number(fields.readBigInt64LE(at(name) + 8 * i));
  const last = [0, 1, 2, 3].reduce((sum, i) => sum + (number('ne', i) - 1) * number('nb', i), 0);
  const place = new Uint8Array(koffi.view(fields.readBigUInt64LE(at('data')), last + 4));
  held.set(tensor, place.slice());
  place.fill(0xff);
  fields.writeBigUInt64LE(DEVICE, at('buffer'));
  return tensor;
}

function laidOut(
  name: string,
  type: number,
  [columns = 0, rows = 0, planes = 0]: readonly number[],
  stride: number,
  values: Float32Array | Int32Array,
): bigint {
  const data = koffi.alloc('uint8_t', values.byteLength) as unknown as bigint;
  new Uint8Array(koffi.view(data, values.byteLength)).set(
    new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
  );
  const address = koffi.alloc('uint8_t', size) as unknown as bigint;
  const bytes = Buffer.from(koffi.view(address, size)).fill(0);
  bytes.writeInt32LE(type, at('type'));
  [columns, rows, planes, 1].forEach((n, i) => {
    bytes.writeBigInt64LE(BigInt(n), at('ne') + 8 * i);
  });
  [4, stride, stride * rows, stride * rows * planes].forEach((n, i) => {
    bytes.writeBigInt64LE(BigInt(n), at('nb') + 8 * i);
  });
  bytes.writeBigUInt64LE(data, at('data'));
  bytes.write(name, at('name'));
  return address;
}

/** @returns the node of a product of weights with an input. */
export function product(weights: string, input: bigint): bigint {
  return node(CONSTANTS.GGML_OP_MUL_MAT, tensor(weights, 1, Float32Array.of(0)), input);
}

/**
 * @param ids the experts that each token goes to, of so many that there are; laid out as the engine's choice
 *   of the best, which is a view of all of them in their order.
 */
export function expertsIn(ids: readonly (readonly number[])[], experts: number): bigint {
  const sorted = Int32Array.from(ids.flatMap((best) => [...best, ...Array(experts - best.length).fill(-7)]));
  return laidOut('topk', CONSTANTS.GGML_TYPE_I32, [ids[0]!.length, ids.length, 1], 4 * experts, sorted);
}

/** @returns the node of a product of experts with the input of the tokens that each is given. */
export function productOfExperts(weights: string, experts: number, input: bigint, ids: bigint): bigint {
  const stacked = laidOut(weights, CONSTANTS.GGML_TYPE_F32, [1, 1, experts], 4, new Float32Array(experts));
  return node(CONSTANTS.GGML_OP_MUL_MAT_ID, stacked, input, ids);
}

function node(operation: number, ...sources: readonly bigint[]): bigint {
  const address = tensor('out', 1, Float32Array.of(0));
  const bytes = Buffer.from(koffi.view(address, size));
  bytes.writeInt32LE(operation, at('op'));
  sources.forEach((source, i) => {
    bytes.writeBigUInt64LE(source, at('src') + 8 * i);
  });
  return address;
}

const evaluate = koffi.proto('bool', ['void *', 'bool', 'void *']);

/**
 * Computes a graph as the engine's scheduler does: asks, and shows what was wanted.
 * @returns nodes that were reached.
 */
export function compute(collector: Collector, nodes: readonly bigint[]): number {
  for (const [i, node] of nodes.entries()) {
    const call = (ask: boolean) =>
      koffi.call(collector.callback as bigint, evaluate, node, ask, collector.userData) as boolean;
    if (call(true) && !call(false)) return i + 1;
  }
  return nodes.length;
}
