import type { Hessian } from '../../core/techniques/pruning/hessian.js';
import { tensorOf } from '../../core/techniques/pruning/plan.js';
import type { ChannelStatistics } from '../../core/techniques/pruning/statistics.js';
import { KERNEL_CONSTANTS, KERNEL_STRUCTS, type KernelFunctions } from './gen/kernels.js';
import { openKernelLibrary, requiredKernels } from './kernel-library.js';
import { CONSTANTS, type Llama, type Pointer } from './llama.js';
import { tensorOffsets } from './llama-cpp/bindings.js';

const OUT_OF_MEMORY = 'memory ran out';
/** What went wrong while a sequence was evaluated, as kernels/calibration/calibration.h numbers it. */
const PROBLEMS: Readonly<Record<number, string>> = {
  [KERNEL_CONSTANTS.RIDGE_OUT_OF_MEMORY]: OUT_OF_MEMORY,
  [KERNEL_CONSTANTS.RIDGE_INPUT_CHANGED]: 'layers that shared an input no longer do',
  [KERNEL_CONSTANTS.RIDGE_WRONG_SHAPE]: 'an input has another shape or type than its weights say',
};

/**
 * Looks into llama.cpp while it computes: reduces the inputs of linear layers, and may end the graph at a
 * node and keep that node's values. For one context, on any device; sums are made on the CPU. `callback` and
 * `userData` are its `cb_eval`.
 */
export interface Collector {
  readonly callback: Pointer;
  readonly userData: Pointer;
  /**
   * Collects the inputs of the matrix products with these weights; of an expert (`expertName`), those of the
   * tokens that were sent to it.
   */
  want(weights: string, columns: number): void;
  /**
   * Ends every graph at this node: what comes behind it is not computed.
   * @param tokens rows of `columns` values to keep of one sequence, at most; 0 = none.
   */
  endAt(node: string, columns: number, tokens: number): void;
  /** Closes a sequence. @returns the rows kept of it, valid until the next is evaluated. @throws Error */
  endSequence(): Float32Array;
  /**
   * @returns null for weights that no graph had; zeros of 0 tokens for an expert that none reached. Nothing
   *   is collected afterwards.
   */
  statistics(weights: string): ChannelStatistics | null;
  /**
   * @returns null when none was asked for, or no token came. The engine's memory: valid until the collector
   *   is closed.
   */
  hessian(weights: string): Hessian | null;
  close(): void;
}

export interface CollectorOptions {
  readonly hessians: boolean;
  readonly threads: number;
}

/**
 * Opens a collector of our native library, in a child process.
 * @throws FailureError `engine-missing`, `engine-mismatch`.
 */
export async function openCollector(llama: Llama, options: CollectorOptions): Promise<Collector> {
  const { handle, koffi, functions } = await openKernelLibrary(requiredKernels(), 'calibration');
  const isHost = llama.address('ggml_backend_buffer_is_host');
  const get = llama.address('ggml_backend_tensor_get');
  const hessians = options.hessians ? 1 : 0;
  const collector = functions.ridge_collector_open(tensorLayout(), isHost, get, hessians, options.threads);
  if (collector === null) throw new Error(OUT_OF_MEMORY);
  const callback = handle.symbol('ridge_collector_evaluate') as Pointer;
  return collecting(llama, { callback, userData: collector }, functions, (address, bytes) =>
    koffi.view(address, bytes),
  );
}

/** ridge_tensor_layout, from the engine's own headers. */
function tensorLayout(): Int32Array {
  const fields = tensorOffsets(['type', 'buffer', 'ne', 'nb', 'op', 'src', 'data', 'name']);
  const { GGML_TYPE_F32, GGML_TYPE_I32, GGML_OP_MUL_MAT, GGML_OP_MUL_MAT_ID } = CONSTANTS;
  return Int32Array.of(...fields, GGML_TYPE_F32, GGML_TYPE_I32, GGML_OP_MUL_MAT, GGML_OP_MUL_MAT_ID);
}

type View = (address: bigint, bytes: number) => ArrayBuffer;

interface Read {
  readonly tokens: number;
  readonly sequences: number;
  /** Addresses of squares, sums, spread and the Hessian. */
  readonly addresses: readonly bigint[];
  readonly columns: number;
}

function collecting(
  llama: Llama,
  callbacks: Pick<Collector, 'callback' | 'userData'>,
  native: KernelFunctions['calibration'],
  view: View,
): Collector {
  const { userData } = callbacks;
  const all = new Map<string, { readonly index: number; readonly columns: number }>();
  let hidden: Pointer = null;
  let kept = new Float32Array(0);
  let width = 0;
  const readSums = (weights: string): Read | null => {
    const wanted = all.get(weights);
    if (wanted === undefined) return null;
    // Two counts and four addresses.
    const input = new BigInt64Array(KERNEL_STRUCTS.calibration.ridge_input.bytes / 8);
    const code = native.ridge_collector_read(userData, wanted.index, input);
    if (code === KERNEL_CONSTANTS.RIDGE_NOT_SEEN) return null;
    const [tokens, sequences, ...addresses] = input;
    return { tokens: Number(tokens), sequences: Number(sequences), addresses, columns: wanted.columns };
  };
  return {
    ...callbacks,
    want(weights, columns) {
      const { tensor, expert } = tensorOf(weights);
      const index = native.ridge_collector_want(userData, tensor, expert ?? -1, columns);
      if (index < 0) throw new Error(OUT_OF_MEMORY);
      all.set(weights, { index, columns });
    },
    endAt(node, columns, tokens) {
      if (tokens > 0) {
        hidden = llama.allocate('float', tokens * columns);
        kept = new Float32Array(llama.bytes(hidden, tokens * columns * 4));
      }
      width = columns;
      if (native.ridge_collector_end_at(userData, node, hidden, tokens) !== 0) throw new Error(OUT_OF_MEMORY);
    },
    endSequence() {
      const rows = Number(native.ridge_collector_end_sequence(userData));
      if (rows < 0) throw new Error(PROBLEMS[-rows] ?? `code ${-rows}`);
      return kept.subarray(0, rows * width);
    },
    statistics(weights) {
      const found = readSums(weights);
      if (found === null) return null;
      const { tokens, sequences, addresses, columns } = found;
      if (tokens === 0) return noTokens(columns);
      const channels = (at: number) => new Float64Array(view(addresses[at]!, columns * 8));
      return {
        squaresPerSequence: Float32Array.from(channels(0), (v) => v / sequences),
        sumPerSequence: Float32Array.from(channels(1), (v) => v / sequences),
        variance: Float32Array.from(channels(2), (v) => v / tokens),
        sequences,
        tokens,
      };
    },
    hessian(weights) {
      const { columns = 0, addresses } = readSums(weights) ?? {};
      const address = addresses?.[3] ?? 0n;
      if (address === 0n) return null;
      return { columns, values: new Float64Array(view(address, columns * columns * 8)) };
    },
    close() {
      native.ridge_collector_close(userData);
      if (hidden !== null) llama.free(hidden);
      hidden = null;
    },
  };
}

function noTokens(columns: number): ChannelStatistics {
  const zeros = new Float32Array(columns);
  return { squaresPerSequence: zeros, sumPerSequence: zeros, variance: zeros, sequences: 0, tokens: 0 };
}
