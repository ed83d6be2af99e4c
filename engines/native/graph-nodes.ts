import type { Origin, TracedNode } from '../../roofline/graph/graph-work.js';
import type { GraphNode } from '../../roofline/profile/nodes.js';
import type { Llama, Pointer } from './llama.js';
import { CONSTANTS, STRUCTS, tensorOffsets } from './llama-cpp/bindings.js';
import { operationName, typeName, WITHOUT_WORK } from './node-names.js';

const { size } = STRUCTS.ggml_tensor;
const offsetOf = (name: string) => tensorOffsets([name])[0]!;
const AT = {
  type: offsetOf('type'),
  shape: offsetOf('ne'),
  operation: offsetOf('op'),
  source: offsetOf('src'),
  name: offsetOf('name'),
  viewed: offsetOf('view_src'),
};

/** Things that a node reads: a step of AdamW has five. */
const SOURCES = 6;

/** @returns the node at an address; null for one that only says where bytes are. */
export function nodeAt(llama: Llama, address: bigint): GraphNode | null {
  return tracedAt(llama, address, () => 'own')?.node ?? null;
}

/**
 * @param earlier nodes that other graphs compute before this one.
 * @returns nodes of a graph in their order; those that compute nothing are left out.
 */
export function graphNodes(llama: Llama, graph: Pointer): TracedNode[] {
  const { ggml_graph_n_nodes, ggml_graph_node } = llama.functions;
  const count = ggml_graph_n_nodes(graph);
  const own = Array.from({ length: count }, (_, i) => BigInt(ggml_graph_node(graph, i) ?? 0n));
  const known = new Set(own);
  const originOf = (address: bigint, tensor: Buffer): Origin => {
    const viewed = tensor.readBigUInt64LE(AT.viewed);
    const root = viewed === 0n ? address : viewed;
    if (known.has(root)) return 'own';
    const operation = viewed === 0n ? tensor : tensorAt(llama, viewed);
    return operation.readInt32LE(AT.operation) === CONSTANTS.GGML_OP_NONE ? 'stored' : 'earlier';
  };
  return own.flatMap((address) => tracedAt(llama, address, originOf) ?? []);
}

function tracedAt(
  llama: Llama,
  address: bigint,
  originOf: (address: bigint, tensor: Buffer) => Origin,
): TracedNode | null {
  const tensor = tensorAt(llama, address);
  const operation = tensor.readInt32LE(AT.operation);
  if (WITHOUT_WORK.includes(operation)) return null;
  const sources = Array.from({ length: SOURCES }, (_, i) => tensor.readBigUInt64LE(AT.source + 8 * i))
    .filter((source) => source !== 0n)
    .map((source) => [source, tensorAt(llama, source)] as const);
  return {
    node: {
      op: operationName(operation),
      ...described(tensor),
      sources: sources.map(([, source]) => described(source)),
    },
    origins: sources.map(([source, own]) => originOf(source, own)),
    inPlace: tensor.readBigUInt64LE(AT.viewed) !== 0n,
  };
}

const tensorAt = (llama: Llama, address: bigint): Buffer => Buffer.from(llama.bytes(address, size));

function described(tensor: Buffer) {
  return {
    name: tensor.toString('utf8', AT.name, tensor.indexOf(0, AT.name)),
    type: typeName(tensor.readInt32LE(AT.type)),
    shape: Array.from({ length: 4 }, (_, i) => Number(tensor.readBigInt64LE(AT.shape + 8 * i))),
  };
}
