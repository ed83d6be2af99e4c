import koffi from 'koffi';
import { nodeAt } from '../../../engines/native/graph-nodes.js';
import type { Llama, Pointer } from '../../../engines/native/llama.js';
import type { GraphNode } from '../../../roofline/profile/nodes.js';

/**
 * Writes down the nodes of every graph that a context computes; `callback` and `userData` are its `cb_eval`.
 */
export interface GraphRecorder {
  readonly callback: Pointer;
  readonly userData: Pointer;
  /**
   * @returns nodes in the order of the graph, since the last call; those that compute nothing are left out.
   */
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
  // Called on this thread, inside the engine's own synchronous calls.
  const shape = koffi.pointer(koffi.proto('bool', ['void *', 'bool', 'void *']));
  const callback = koffi.register(look, shape);
  return {
    callback,
    userData: null,
    take() {
      const taken = nodes;
      nodes = [];
      return taken;
    },
    close: () => koffi.unregister(callback),
  };
}
