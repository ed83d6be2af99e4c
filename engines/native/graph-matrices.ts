import { openKernelLibrary } from './kernel-library.js';
import type { Pointer } from './llama.js';
import { STRUCTS } from './llama-cpp/bindings.js';

/** The interface of kernels/graph/graph.h that this file was written for. */
const INTERFACE = { part: 'graph', version: 2 } as const;

const TYPES = ['bf16', 'int8'] as const;
const FORMATS = ['dense', 'bitmap'] as const;
export type MatrixType = (typeof TYPES)[number];
export type MatrixFormat = (typeof FORMATS)[number];

/** A matrix that a custom op of ggml multiplies: `userData` of the op. */
export interface PackedMatrix {
  readonly userData: Pointer;
  readonly rows: number;
  readonly format: MatrixFormat;
  /** What a product reads of it. */
  readonly bytes: number;
  /** Weights that a product multiplies: all of a dense matrix, those that are not 0 in their type of one without zeros. */
  readonly kept: number;
  free(): void;
}

export interface GraphMatrices {
  /** ggml_custom_op_t: y = W x, rows split over the threads of the graph. */
  readonly multiply: Pointer;
  /** @param values row-major; not kept. @returns null when there is no memory. */
  pack(values: Float32Array, columns: number, type: MatrixType, format: MatrixFormat): PackedMatrix | null;
}

/** Opens the matrices of our native library, in a child process. @throws FailureError `engine-missing`, `engine-mismatch`. */
export async function openGraphMatrices(library: string): Promise<GraphMatrices> {
  const { handle } = await openKernelLibrary(library, INTERFACE);
  const bind = (prototype: string) => handle.func(prototype) as (...args: unknown[]) => unknown;
  const pack = bind(
    'void *ridge_graph_pack(const float *values, int64_t rows, int64_t columns, int32_t type, int32_t format, const int32_t *layout)',
  );
  const free = bind('void ridge_graph_free(void *matrix)');
  const bytes = bind('int64_t ridge_graph_bytes(void *matrix)');
  const kept = bind('int64_t ridge_graph_kept(void *matrix)');
  const layout = tensorLayout();
  return {
    multiply: handle.symbol('ridge_graph_multiply') as Pointer,
    pack(values, columns, type, format) {
      const rows = values.length / columns;
      const [typeAt, formatAt] = [TYPES.indexOf(type), FORMATS.indexOf(format)];
      const userData = pack(values, rows, columns, typeAt, formatAt, layout) as Pointer;
      if (userData === null) return null;
      return {
        userData,
        rows,
        format,
        bytes: Number(bytes(userData)),
        kept: Number(kept(userData)),
        free: () => void free(userData),
      };
    },
  };
}

/** ridge_tensor_layout, from the engine's own headers. */
function tensorLayout(): Int32Array {
  const at = (name: string) => STRUCTS.ggml_tensor.fields.find(([field]) => field === name)![2];
  return Int32Array.from(['ne', 'nb', 'src', 'data'].map(at));
}
