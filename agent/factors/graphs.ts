import { failed } from '../../core/errors.js';
import {
  CONSTANTS,
  type EngineDevice,
  type Llama,
  type LlamaFunctions,
  type Pointer,
} from '../../engines/native/llama.js';
import { tensorOffsets } from '../../engines/native/llama-cpp/bindings.js';
import { backendThreads } from '../../engines/native/thread-pool.js';

/** Builds operations in a graph; `context` describes tensors, whose data lie where the bench puts them. */
export type Build = (
  functions: LlamaFunctions,
  context: Pointer,
) => {
  /** Computed in this order, one behind the other. */
  readonly nodes: readonly Pointer[];
  /** Tensors that are read, by what they hold; the engine's own layouts where it has better ones. */
  readonly weights: readonly Pointer[];
  readonly inputs: readonly Pointer[];
  /** Views of them, in the order in which they were made. */
  readonly views?: readonly Pointer[];
  /** Written into inputs before anything runs. */
  fill?(bytes: (tensor: Pointer) => ArrayBuffer): void;
};

/** A graph that can be computed again and again. */
export interface Runnable {
  compute(): void;
  free(): void;
}

/**
 * At most, for a bench: small matrices of the fewest bits that come from memory, twenty thousand with their
 * products.
 */
const TENSORS = 32768;

/**
 * Single operations of ggml on one device, as llama.cpp runs them: threads that stay, weights in the layout
 * that it repacks to.
 */
export class GraphBench {
  readonly functions: LlamaFunctions;
  readonly #llama: Llama;
  readonly #device: Pointer;
  readonly #backend: Pointer;
  readonly #pool: Pointer;

  /** @param device null for the CPU, with so many threads. @throws FailureError `load-failed`. */
  constructor(llama: Llama, device: EngineDevice | null, threads: number) {
    const { functions } = llama;
    this.#llama = llama;
    this.functions = functions;
    this.#device =
      device?.handle ?? functions.ggml_backend_dev_by_type(CONSTANTS.GGML_BACKEND_DEVICE_TYPE_CPU);
    this.#backend = functions.ggml_backend_dev_init(this.#device, null);
    if (this.#backend === null) throw failed('load-failed', 'ggml could not start the device.');
    this.#pool = device === null ? backendThreads(llama, this.#backend, threads) : null;
  }

  /** Gives every tensor its memory and makes the graph. @throws FailureError `does-not-fit`. */
  graph(build: Build): Runnable {
    const { functions } = this;
    const overhead = Number(functions.ggml_tensor_overhead()) * TENSORS;
    const bytes = overhead + Number(functions.ggml_graph_overhead_custom(TENSORS, false));
    const context = functions.ggml_init({ mem_size: bytes, mem_buffer: null, no_alloc: true });
    const { nodes, weights, inputs, views = [], fill } = build(functions, context);
    const buffers: Pointer[] = [];
    const plain = functions.ggml_backend_get_default_buffer_type(this.#backend);
    const free = () => {
      for (const buffer of buffers) functions.ggml_backend_buffer_free(buffer);
      functions.ggml_free(context);
    };
    try {
      const [first] = weights;
      const packed = first === undefined ? null : this.#repacked(context, first);
      this.#place(weights, packed ?? plain, buffers);
      this.#place(inputs, plain, buffers);
      for (const view of views) functions.ggml_backend_view_init(view);
      fill?.((tensor) =>
        this.#llama.bytes(functions.ggml_get_data(tensor), Number(functions.ggml_nbytes(tensor))),
      );
      this.#overlay(nodes, plain, buffers);
    } catch (error) {
      free();
      throw error;
    }
    const graph = functions.ggml_new_graph_custom(context, TENSORS, false);
    for (const node of nodes) functions.ggml_build_forward_expand(graph, node);
    return {
      compute: () => {
        const status = functions.ggml_backend_graph_compute(this.#backend, graph);
        functions.ggml_backend_synchronize(this.#backend);
        if (status === CONSTANTS.GGML_STATUS_SUCCESS) return;
        throw failed('run-failed', `ggml could not compute a graph: status ${status}.`);
      },
      free,
    };
  }

  /** Copies bytes into a tensor, packed as its buffer wants it. */
  set(tensor: Pointer, bytes: Uint8Array): void {
    this.functions.ggml_backend_tensor_set(tensor, bytes, 0, bytes.length);
  }

  close(): void {
    this.functions.ggml_backend_free(this.#backend);
    if (this.#pool !== null) this.#llama.callCpu('ggml_threadpool_free', 'void', [['void *', this.#pool]]);
  }

  /**
   * The buffer type that llama.cpp would put such weights into (llama-model.cpp, select_buft); null = the
   * usual one.
   */
  #repacked(context: Pointer, weights: Pointer): Pointer {
    const { functions } = this;
    const [inputs] = new BigInt64Array(this.#llama.bytes((weights ?? 0n) + offsetOf('ne'), 8));
    const input = functions.ggml_new_tensor_2d(context, CONSTANTS.GGML_TYPE_F32, inputs!, 512);
    const product = functions.ggml_mul_mat(context, weights, input);
    const field = new BigUint64Array(this.#llama.bytes((weights ?? 0n) + offsetOf('buffer'), 8));
    for (const type of extraBufferTypes(this.#llama, this.#device)) {
      const buffer = functions.ggml_backend_buft_alloc_buffer(type, 0);
      field[0] = buffer ?? 0n;
      const suits = functions.ggml_backend_dev_supports_op(this.#device, product);
      field[0] = 0n;
      functions.ggml_backend_buffer_free(buffer);
      if (suits) return type;
    }
    return null;
  }

  #place(tensors: readonly Pointer[], type: Pointer, buffers: Pointer[]): void {
    const { functions } = this;
    const sizes = tensors.map((tensor) =>
      aligned(Number(functions.ggml_backend_buft_get_alloc_size(type, tensor))),
    );
    const bytes = sizes.reduce((sum, size) => sum + size, 0);
    const buffer = this.#buffer(type, bytes, buffers);
    let address = functions.ggml_backend_buffer_get_base(buffer) ?? 0n;
    tensors.forEach((tensor, i) => {
      functions.ggml_backend_tensor_alloc(buffer, tensor, address);
      address += BigInt(sizes[i]!);
    });
  }

  /**
   * What nodes compute goes to one place, all the same: nobody reads it, and it stays in the cache as in a
   * model.
   */
  #overlay(nodes: readonly Pointer[], type: Pointer, buffers: Pointer[]): void {
    const { functions } = this;
    const own = nodes.filter((node) => functions.ggml_get_data(node) === null);
    const sizes = own.map((node) => Number(functions.ggml_backend_buft_get_alloc_size(type, node)));
    const buffer = this.#buffer(type, aligned(Math.max(...sizes, 1)), buffers);
    const address = functions.ggml_backend_buffer_get_base(buffer);
    for (const node of own) functions.ggml_backend_tensor_alloc(buffer, node, address);
  }

  #buffer(type: Pointer, bytes: number, buffers: Pointer[]): Pointer {
    const { functions } = this;
    const buffer = functions.ggml_backend_buft_alloc_buffer(type, Math.max(bytes, ALIGNMENT));
    if (buffer === null) {
      throw failed('does-not-fit', `There is no memory for ${(bytes / 1e6).toFixed(0)} MB of operands.`);
    }
    functions.ggml_backend_buffer_set_usage(buffer, CONSTANTS.GGML_BACKEND_BUFFER_USAGE_WEIGHTS);
    buffers.push(buffer);
    return buffer;
  }
}

const ALIGNMENT = 128;
const aligned = (bytes: number) => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
const offsetOf = (name: string) => BigInt(tensorOffsets([name])[0]!);

/**
 * @returns the layouts of weights that a CPU backend has beside the plain one (repacked for its
 *   instructions), the best first.
 */
function extraBufferTypes(llama: Llama, device: Pointer): Pointer[] {
  const { functions } = llama;
  const registry = functions.ggml_backend_dev_backend_reg(device);
  if (functions.ggml_backend_reg_get_proc_address(registry, 'ggml_backend_dev_get_extra_bufts') === null)
    return [];
  const list = llama.callCpu('ggml_backend_dev_get_extra_bufts', 'void *', [['void *', device]]) as Pointer;
  if (list === null) return [];
  const types: Pointer[] = [];
  for (let at = list; ; at += 8n) {
    const [type] = new BigUint64Array(llama.bytes(at, 8));
    if (type === undefined || type === 0n) return types;
    types.push(type);
  }
}
