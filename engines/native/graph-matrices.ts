import { KERNEL_CONSTANTS, KERNEL_STRUCTS } from './gen/kernels.js';
import { openKernelLibrary } from './kernel-library.js';
import type { Pointer } from './llama.js';
import { tensorOffsets } from './llama-cpp/bindings.js';

const TYPES = { bf16: KERNEL_CONSTANTS.RIDGE_GRAPH_BF16, int8: KERNEL_CONSTANTS.RIDGE_GRAPH_INT8 } as const;
const FORMATS = {
  dense: KERNEL_CONSTANTS.RIDGE_GRAPH_DENSE,
  bitmap: KERNEL_CONSTANTS.RIDGE_GRAPH_BITMAP,
} as const;
export type MatrixType = keyof typeof TYPES;
export type MatrixFormat = keyof typeof FORMATS;

/** A matrix that a custom op of ggml multiplies: `userData` of the op. */
export interface PackedMatrix {
  readonly userData: Pointer;
  readonly rows: number;
  readonly format: MatrixFormat;
  /** What a product reads of it. */
  readonly bytes: number;
  /**
   * Weights that a product multiplies: all of a dense matrix, those that are not 0 in their type of one
   * without zeros.
   */
  readonly kept: number;
  free(): void;
}

export interface GraphMatrices {
  /** ggml_custom_op_t: y = W x, rows split over the threads of the graph. */
  readonly multiply: Pointer;
  /** @param values row-major; not kept. @returns null when there is no memory. */
  pack(values: Float32Array, columns: number, type: MatrixType, format: MatrixFormat): PackedMatrix | null;
}

/**
 * Opens the matrices of our native library, in a child process.
 * @throws FailureError `engine-missing`, `engine-mismatch`.
 */
export async function openGraphMatrices(library: string): Promise<GraphMatrices> {
  const { handle, functions: graph } = await openKernelLibrary(library, 'graph');
  const layout = Int32Array.from(tensorOffsets(Object.keys(KERNEL_STRUCTS.graph.ridge_tensor_layout.fields)));
  return {
    multiply: handle.symbol('ridge_graph_multiply') as Pointer,
    pack(values, columns, type, format) {
      const rows = values.length / columns;
      const userData = graph.ridge_graph_pack(values, rows, columns, TYPES[type], FORMATS[format], layout);
      if (userData === null) return null;
      return {
        userData,
        rows,
        format,
        bytes: Number(graph.ridge_graph_bytes(userData)),
        kept: Number(graph.ridge_graph_kept(userData)),
        free: () => graph.ridge_graph_free(userData),
      };
    },
  };
}
