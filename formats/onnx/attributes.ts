import { BinaryReader } from '@bufbuild/protobuf/wire';
import type { OnnxNode } from './model.js';
import { ATTRIBUTE, fieldsOf, GRAPH, Message, NODE, OnnxError, textOf } from './wire.js';

/** A whole number, a number, a text or whole numbers. */
export type AttributeValue = number | string | readonly number[] | { readonly float: number };

/** onnx.proto, AttributeProto.AttributeType. */
const KIND = { float: 1, int: 2, text: 3, ints: 7 } as const;

/** @returns attributes as nodes have them; a plain number is a whole one. */
export function attributes(values: Readonly<Record<string, AttributeValue>>): Map<string, Uint8Array> {
  return new Map(Object.entries(values).map(([name, value]) => [name, encoded(name, value)]));
}

function encoded(name: string, value: AttributeValue): Uint8Array {
  const message = new Message().text(ATTRIBUTE.name, name);
  const kind = (number: number) => message.int(ATTRIBUTE.kind, number).finish();
  if (typeof value === 'number') {
    message.int(ATTRIBUTE.int, value);
    return kind(KIND.int);
  }
  if (typeof value === 'string') {
    message.entry(ATTRIBUTE.text, value);
    return kind(KIND.text);
  }
  if ('float' in value) {
    message.float(ATTRIBUTE.float, value.float);
    return kind(KIND.float);
  }
  for (const one of value) message.int(ATTRIBUTE.ints, one);
  return kind(KIND.ints);
}

/** @returns an attribute that is a whole number; what is given where a node has none. */
export function intOf(node: OnnxNode, name: string, fallback: number): number {
  const field = fieldOf(node, name, ATTRIBUTE.int);
  return field === undefined ? fallback : field.value;
}

/** @returns an attribute that is a number; what is given where a node has none. */
export function floatOf(node: OnnxNode, name: string, fallback: number): number {
  const field = fieldOf(node, name, ATTRIBUTE.float);
  return field === undefined ? fallback : new BinaryReader(field.held).float();
}

/** @returns an attribute that is a tensor, as its message; null where a node has none. */
export function tensorOf(node: OnnxNode, name: string): Uint8Array | null {
  return fieldOf(node, name, ATTRIBUTE.tensor)?.held ?? null;
}

function fieldOf(node: OnnxNode, name: string, number: number) {
  const attribute = node.attributes.get(name);
  return attribute === undefined ? undefined : fieldsOf(attribute).find((field) => field.number === number);
}

/** Subgraphs in subgraphs that no exporter writes. */
const MOST_DEPTH = 32;

/** @returns what the graphs inside of a node (If, Loop) take in; none of a plain node. @throws OnnxError */
export function innerInputs(node: OnnxNode, depth = 0): string[] {
  return [...node.attributes.values()].flatMap((attribute) => inAttribute(attribute, depth));
}

function inAttribute(attribute: Uint8Array, depth: number): string[] {
  if (depth > MOST_DEPTH) throw new OnnxError('its graphs lie in each other without end');
  const graphs = fieldsOf(attribute).filter(
    ({ number }) => number === ATTRIBUTE.graph || number === ATTRIBUTE.graphs,
  );
  return graphs.flatMap(({ held }) =>
    fieldsOf(held)
      .filter(({ number }) => number === GRAPH.node)
      .flatMap((node) =>
        fieldsOf(node.held).flatMap((field) => {
          if (field.number === NODE.input) return [textOf(field.held)];
          return field.number === NODE.attribute ? inAttribute(field.held, depth + 1) : [];
        }),
      ),
  );
}

/** @returns whether a node has graphs inside. */
export function hasGraphs({ attributes: all }: OnnxNode): boolean {
  const numbers: readonly number[] = [ATTRIBUTE.graph, ATTRIBUTE.graphs];
  return [...all.values()].some((one) => fieldsOf(one).some(({ number }) => numbers.includes(number)));
}
