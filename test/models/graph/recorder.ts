import type { Llama, Pointer } from '../../../agent/native/llama.js';
import { STRUCTS } from '../../../agent/native/llama-cpp/bindings.js';
import { operationName, typeName, WITHOUT_WORK } from '../../../agent/native/node-names.js';
import type { GraphNode } from '../../../core/roofline/profile/nodes.js';

/** Writes down the nodes of every graph that a context computes; `callback` and `userData` are its `cb_eval`. */
export interface GraphRecorder {
  readonly callback: Pointer;
  readonly userData: Pointer;
  /** @returns nodes in the order of the graph, since the last call; those that compute nothing are left out. */
  take(): GraphNode[];
  close(): void;
}

/** Only asks: the engine runs its graphs as it always does. */
export function recordGraphs(llama: Llama): GraphRecorder {
  let nodes: GraphNode[] = [];
  const look = (tensor: bigint, ask: boolean): boolean => {
    const node = ask ? nodeAt(llama, tensor) : null;
    if (node !== null) nodes.push(node);
    return false;
  };
  const callback = llama.callback('bool', ['void *', 'bool', 'void *'], look);
  return {
    callback,
    userData: null,
    take() {
      const taken = nodes;
      nodes = [];
      return taken;
    },
    close: () => llama.releaseCallback(callback),
  };
}

/** Things that a node reads that say what it multiplies; masks and positions come behind them. */
const SOURCES = 2;
const { size, fields } = STRUCTS.ggml_tensor;
const at = (name: string) => fields.find(([field]) => field === name)![2];
const [TYPE, SHAPE, OPERATION, SOURCE, NAME] = ['type', 'ne', 'op', 'src', 'name'].map(at) as [
  number,
  number,
  number,
  number,
  number,
];

function nodeAt(llama: Llama, address: bigint): GraphNode | null {
  const tensor = Buffer.from(llama.bytes(address, size));
  const operation = tensor.readInt32LE(OPERATION);
  if (WITHOUT_WORK.includes(operation)) return null;
  const sources = Array.from({ length: SOURCES }, (_, i) => tensor.readBigUInt64LE(SOURCE + 8 * i))
    .filter((source) => source !== 0n)
    .map((source) => described(Buffer.from(llama.bytes(source, size))));
  return { op: operationName(operation), ...described(tensor), sources };
}

function described(tensor: Buffer) {
  return {
    name: tensor.toString('utf8', NAME, tensor.indexOf(0, NAME)),
    type: typeName(tensor.readInt32LE(TYPE)),
    shape: Array.from({ length: 4 }, (_, i) => Number(tensor.readBigInt64LE(SHAPE + 8 * i))),
  };
}
