import { decodeFloats, FLOAT_BYTES } from '../../core/techniques/float-types.js';
import { innerInputs } from '../../formats/onnx/attributes.js';
import type { OnnxModel, OnnxNode, OnnxTensor } from '../../formats/onnx/model.js';
import { isTurned, type Product } from '../../formats/onnx/products.js';
import { floatType } from '../../formats/onnx/types.js';
import type { LinearWeights } from './blockwise.js';

/** What stands in the place of a node. */
export interface Replacement {
  readonly nodes: readonly OnnxNode[];
  readonly constants: readonly OnnxTensor[];
}

/**
 * Puts other nodes in the place of some, where they stood; constants that nothing takes any more are left
 * out, those of graphs inside of nodes stay.
 */
export function replaceNodes(
  model: OnnxModel,
  replacements: ReadonlyMap<OnnxNode, Replacement>,
  opsets: ReadonlyMap<string, number> = new Map(),
): OnnxModel {
  const nodes = model.graph.nodes.flatMap((node) => replacements.get(node)?.nodes ?? [node]);
  const added = new Map([...replacements.values()].flatMap((one) => one.constants.map((c) => [c.name, c])));
  const taken = new Set(nodes.flatMap((node) => [...node.inputs, ...innerInputs(node)]));
  for (const { name } of model.graph.outputs) taken.add(name);
  const kept = model.graph.constants.filter(({ name }) => taken.has(name));
  const constants = [...kept, ...added.values()];
  const dropped = new Set(model.graph.constants.filter((one) => !kept.includes(one)).map(({ name }) => name));
  // Graphs of before IR version 4 name constants among their inputs.
  const inputs = model.graph.inputs.filter(({ name }) => !dropped.has(name));
  const graph = { ...model.graph, nodes, constants, inputs };
  return { ...model, opsets: new Map([...model.opsets, ...opsets]), graph };
}

/** @returns the numbers of a float constant, all in memory. */
export async function numbersOf({ name, type, bytes, data }: OnnxTensor): Promise<Float32Array> {
  const float = floatType(type);
  if (float === null || data === null) throw new Error(`${name} holds no floats`);
  const all = Buffer.alloc(bytes);
  let done = 0;
  for await (const chunk of data()) {
    all.set(chunk, done);
    done += chunk.length;
  }
  return decodeFloats(all, float, new Float32Array(bytes / FLOAT_BYTES[float]));
}

/** @returns the weights of a product, all in memory. */
export async function weightsOf({ node, weight, inputs, outputs }: Product): Promise<LinearWeights> {
  return { values: await numbersOf(weight), inputs, outputs, turned: isTurned(node) };
}

/**
 * Several constants that come of one computation, which is made when the first of them is asked for and
 * forgotten after the last.
 * @returns what gives the bytes of each.
 */
export function sharedConstants<T>(
  make: () => Promise<T>,
  parts: readonly ((made: T) => Uint8Array)[],
): readonly (() => AsyncGenerator<Uint8Array>)[] {
  let made: Promise<T> | null = null;
  let left = parts.length;
  return parts.map(
    (part) =>
      async function* () {
        made ??= make();
        const whole = await made;
        left--;
        if (left === 0) {
          made = null;
          left = parts.length;
        }
        yield part(whole);
      },
  );
}

/**
 * The bytes of numbers as they lie in memory, which is little-endian on all machines that GGUF is read on.
 */
export function bytesOf(numbers: Float32Array | Int8Array | Uint8Array): Uint8Array {
  return new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
}
