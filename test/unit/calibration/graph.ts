import koffi from 'koffi';
import type { Collector } from '../../../agent/native/collector.js';
import { CONSTANTS, type Llama } from '../../../agent/native/llama.js';
import { STRUCTS } from '../../../agent/native/llama-cpp/bindings.js';

const { fields, size } = STRUCTS.ggml_tensor;
const at = (name: string) => fields.find(([field]) => field === name)![2];

/** Memory alone of the engine: what a collector takes of it. */
export const memory = {
  allocate: (type: string, length: number) => koffi.alloc(type, length),
  free: (address: bigint) => koffi.free(address),
  bytes: (address: bigint, length: number) => koffi.view(address, length),
} as unknown as Llama;

/** @returns a ggml_tensor of rows of f32, as the engine lays one out. */
export function tensor(name: string, columns: number, values: Float32Array, stride = columns): bigint {
  const rows = values.length / stride;
  const data = koffi.alloc('float', values.length) as unknown as bigint;
  new Float32Array(koffi.view(data, values.byteLength)).set(values);
  const address = koffi.alloc('uint8_t', size) as unknown as bigint;
  const bytes = Buffer.from(koffi.view(address, size)).fill(0);
  bytes.writeInt32LE(CONSTANTS.GGML_TYPE_F32, at('type'));
  [columns, rows, 1, 1].forEach((n, i) => {
    bytes.writeBigInt64LE(BigInt(n), at('ne') + 8 * i);
  });
  [4, stride * 4, stride * 4 * rows, stride * 4 * rows].forEach((n, i) => {
    bytes.writeBigInt64LE(BigInt(n), at('nb') + 8 * i);
  });
  bytes.writeBigUInt64LE(data, at('data'));
  bytes.write(name, at('name'));
  return address;
}

/** @returns the node of a product of weights with an input. */
export function product(weights: string, input: bigint): bigint {
  const node = tensor('out', 1, Float32Array.of(0));
  const bytes = Buffer.from(koffi.view(node, size));
  bytes.writeInt32LE(CONSTANTS.GGML_OP_MUL_MAT, at('op'));
  bytes.writeBigUInt64LE(tensor(weights, 1, Float32Array.of(0)), at('src'));
  bytes.writeBigUInt64LE(input, at('src') + 8);
  return node;
}

const evaluate = koffi.proto('bool', ['void *', 'bool', 'void *']);

/** Computes a graph as the engine's scheduler does: asks, and shows what was wanted. @returns nodes that were reached. */
export function compute(collector: Collector, nodes: readonly bigint[]): number {
  for (const [i, node] of nodes.entries()) {
    const call = (ask: boolean) =>
      koffi.call(collector.callback as bigint, evaluate, node, ask, collector.userData) as boolean;
    if (call(true) && !call(false)) return i + 1;
  }
  return nodes.length;
}
