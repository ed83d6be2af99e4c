import type { GraphNode } from '../../roofline/profile/nodes.js';
import { KERNEL_CONSTANTS, KERNEL_STRUCTS } from './gen/kernels.js';
import { openKernelLibrary } from './kernel-library.js';
import type { Pointer } from './llama.js';
import { tensorOffsets } from './llama-cpp/bindings.js';
import { operationName, typeName, WITHOUT_WORK } from './node-names.js';

const { RIDGE_PROFILE_NAME, RIDGE_PROFILE_SOURCES, RIDGE_PROFILE_DIMENSIONS } = KERNEL_CONSTANTS;
const {
  ridge_node: NODE,
  ridge_node_run: RUN,
  ridge_profile: PROFILE,
  ridge_node_layout,
} = KERNEL_STRUCTS.profile;

/** What one kind of node took, in the order of the graph. */
export interface NodeTimes {
  readonly node: GraphNode;
  readonly calls: number;
  readonly seconds: number;
}

/** Stamps the nodes of llama.cpp's graphs; `callback` and `userData` are a context's `cb_eval`. */
export interface Profiler {
  readonly callback: Pointer;
  readonly userData: Pointer;
  /** Watched nodes are run one by one; otherwise the engine runs as it always does. */
  watch(on: boolean): void;
  /** @returns what was stamped since the last call. */
  take(): NodeTimes[];
  close(): void;
}

/**
 * Opens the profiler of our native library, in a child process.
 * @throws FailureError `engine-missing`, `engine-mismatch`.
 */
export async function openProfiler(library: string): Promise<Profiler> {
  const { handle, koffi, functions: native } = await openKernelLibrary(library, 'profile');
  // Where the engine's own headers have what is read of a node.
  const layout = Int32Array.from(tensorOffsets(Object.keys(ridge_node_layout.fields)));
  const skipped = Int32Array.from(WITHOUT_WORK);
  const profiler = native.ridge_profiler_open(layout, skipped, skipped.length);
  if (profiler === null) throw new Error('memory ran out');
  const known: GraphNode[] = [];
  return {
    callback: handle.symbol('ridge_profiler_evaluate') as Pointer,
    userData: profiler,
    watch: (on) => native.ridge_profiler_watch(profiler, on ? 1 : 0),
    take() {
      const profile = new BigInt64Array(PROFILE.bytes / 8);
      native.ridge_profiler_read(profiler, profile);
      const [nodes = 0n, nodeCount = 0n, runs = 0n, runCount = 0n, lost = 0n] = profile;
      if (lost > 0n) throw new Error('memory ran out');
      for (let i = known.length; i < Number(nodeCount); i++) {
        known.push(nodeAt(Buffer.from(koffi.view(nodes + BigInt(i * NODE.bytes), NODE.bytes))));
      }
      const bytes = Number(runCount) * RUN.bytes;
      const all = bytes === 0 ? new BigInt64Array(0) : new BigInt64Array(koffi.view(runs, bytes));
      const times = sums(all, known);
      native.ridge_profiler_forget(profiler);
      return times;
    },
    close: () => native.ridge_profiler_close(profiler),
  };
}

/**
 * @param runs begin, end and place of each run.
 * @returns sums by node, in the order in which nodes were first met.
 */
function sums(runs: BigInt64Array, known: readonly GraphNode[]): NodeTimes[] {
  const calls = new Int32Array(known.length);
  const nanoseconds = new Float64Array(known.length);
  for (let i = 0; i < runs.length; i += 3) {
    const place = Number(runs[i + 2]);
    calls[place] = calls[place]! + 1;
    nanoseconds[place] = nanoseconds[place]! + Number(runs[i + 1]! - runs[i]!);
  }
  return known.flatMap((node, i) =>
    calls[i] === 0 ? [] : [{ node, calls: calls[i]!, seconds: nanoseconds[i]! / 1e9 }],
  );
}

function nodeAt(bytes: Buffer): GraphNode {
  const { op, type, ne, source_type, source_ne, name, source_name } = NODE.fields;
  const shapeAt = (from: number) =>
    Array.from({ length: RIDGE_PROFILE_DIMENSIONS }, (_, i) => Number(bytes.readBigInt64LE(from + 8 * i)));
  const nameAt = (from: number) => bytes.toString('utf8', from, bytes.indexOf(0, from));
  const source = (i: number) => {
    const sourceType = bytes.readInt32LE(source_type + 4 * i);
    if (sourceType < 0) return [];
    const sourceName = nameAt(source_name + RIDGE_PROFILE_NAME * i);
    const shape = shapeAt(source_ne + 8 * RIDGE_PROFILE_DIMENSIONS * i);
    return [{ name: sourceName, type: typeName(sourceType), shape }];
  };
  return {
    op: operationName(bytes.readInt32LE(op)),
    name: nameAt(name),
    type: typeName(bytes.readInt32LE(type)),
    shape: shapeAt(ne),
    sources: Array.from({ length: RIDGE_PROFILE_SOURCES }, (_, i) => source(i)).flat(),
  };
}
