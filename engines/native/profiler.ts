import type { GraphNode } from '../../roofline/profile/nodes.js';
import { openKernelLibrary } from './kernel-library.js';
import type { Pointer } from './llama.js';
import { STRUCTS } from './llama-cpp/bindings.js';
import { operationName, typeName, WITHOUT_WORK } from './node-names.js';

/** The interface of kernels/profile/profile.h that this file was written for. */
const INTERFACE = { part: 'profile', version: 1 } as const;

/** Bytes of ridge_node and of its parts, and of ridge_node_run. */
const NAME = 64;
const NODE = {
  type: 4,
  ne: 8,
  sourceType: 40,
  sourceNe: 48,
  name: 112,
  sourceName: 176,
  bytes: 304,
} as const;
const RUN_BYTES = 24;
const SOURCES = 2;

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

/** Opens the profiler of our native library, in a child process. @throws FailureError `engine-missing`, `engine-mismatch`. */
export async function openProfiler(library: string): Promise<Profiler> {
  const { handle, koffi } = await openKernelLibrary(library, INTERFACE);
  const bind = (prototype: string) => handle.func(prototype) as (...args: unknown[]) => Pointer;
  const open = bind(
    'void *ridge_profiler_open(const int32_t *layout, const int32_t *skipped, int32_t count)',
  );
  const watch = bind('void ridge_profiler_watch(void *profiler, int32_t on)');
  const read = bind('void ridge_profiler_read(void *profiler, int64_t *profile)');
  const forget = bind('void ridge_profiler_forget(void *profiler)');
  const close = bind('void ridge_profiler_close(void *profiler)');
  const profiler = open(nodeLayout(), Int32Array.from(WITHOUT_WORK), WITHOUT_WORK.length);
  if (profiler === null) throw new Error('memory ran out');
  const known: GraphNode[] = [];
  return {
    callback: handle.symbol('ridge_profiler_evaluate') as Pointer,
    userData: profiler,
    watch: (on) => void watch(profiler, on ? 1 : 0),
    take() {
      const profile = new BigInt64Array(5);
      read(profiler, profile);
      const [nodes = 0n, nodeCount = 0n, runs = 0n, runCount = 0n, lost = 0n] = profile;
      if (lost > 0n) throw new Error('memory ran out');
      for (let i = known.length; i < Number(nodeCount); i++) {
        known.push(nodeAt(Buffer.from(koffi.view(nodes + BigInt(i * NODE.bytes), NODE.bytes))));
      }
      const bytes = Number(runCount) * RUN_BYTES;
      const times = sums(
        bytes === 0 ? new BigInt64Array(0) : new BigInt64Array(koffi.view(runs, bytes)),
        known,
      );
      forget(profiler);
      return times;
    },
    close: () => void close(profiler),
  };
}

/** @param runs begin, end and place of each run. @returns sums by node, in the order in which nodes were first met. */
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
  const shape = (from: number) =>
    Array.from({ length: 4 }, (_, i) => Number(bytes.readBigInt64LE(from + 8 * i)));
  const name = (from: number) => bytes.toString('utf8', from, bytes.indexOf(0, from));
  const source = (i: number) => {
    const type = bytes.readInt32LE(NODE.sourceType + 4 * i);
    if (type < 0) return [];
    const from = NODE.sourceNe + 32 * i;
    return [{ name: name(NODE.sourceName + NAME * i), type: typeName(type), shape: shape(from) }];
  };
  return {
    op: operationName(bytes.readInt32LE(0)),
    name: name(NODE.name),
    type: typeName(bytes.readInt32LE(NODE.type)),
    shape: shape(NODE.ne),
    sources: Array.from({ length: SOURCES }, (_, i) => source(i)).flat(),
  };
}

/** ridge_node_layout, from the engine's own headers. */
function nodeLayout(): Int32Array {
  const at = (name: string) => STRUCTS.ggml_tensor.fields.find(([field]) => field === name)![2];
  return Int32Array.from(['type', 'ne', 'op', 'src', 'name'].map(at));
}
