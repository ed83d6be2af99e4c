import { type FailureError, failed } from '../../../core/errors.js';
import type { TracedNode } from '../../../roofline/graph/graph-work.js';
import { graphNodes } from '../../native/graph-nodes.js';
import { CONSTANTS, type Llama, type LlamaFunctions, type Pointer } from '../../native/llama.js';
import { backendThreads } from '../../native/thread-pool.js';

/** ggml's bare graphs on the CPU backend, with threads that stay: without a pool each graph makes its own. */
export class Engine {
  readonly functions: LlamaFunctions;
  readonly threads: number;
  readonly #llama: Llama;
  readonly #backend: Pointer;
  readonly #pool: Pointer;
  readonly #contexts: Pointer[] = [];
  readonly #buffers: Pointer[] = [];
  readonly #allocators: Pointer[] = [];

  /** @param poll how busily idle threads wait: 0 sleeps, 100 spins. */
  constructor(llama: Llama, threads: number, poll: number) {
    const { functions } = llama;
    this.#llama = llama;
    this.functions = functions;
    this.threads = threads;
    this.#backend = functions.ggml_backend_init_by_type(CONSTANTS.GGML_BACKEND_DEVICE_TYPE_CPU, null);
    if (this.#backend === null) throw failed('load-failed', 'ggml could not start the CPU.');
    this.#pool = backendThreads(llama, this.#backend, threads, poll);
  }

  /**
   * @returns a context for the descriptions of so many tensors and graphs of so many nodes; their data lie
   *   elsewhere.
   */
  context(tensors: number, graphNodes = 0): Pointer {
    const { ggml_tensor_overhead, ggml_graph_overhead_custom, ggml_init } = this.functions;
    const perGraph = graphNodes === 0 ? 0 : Number(ggml_graph_overhead_custom(graphNodes, false));
    const bytes = (tensors + 16) * Number(ggml_tensor_overhead()) + perGraph;
    const context = ggml_init({ mem_size: bytes, mem_buffer: null, no_alloc: true });
    this.#contexts.push(context);
    return context;
  }

  /**
   * Gives every tensor of a context memory of its own, zeroed.
   * @returns its bytes. @throws FailureError `does-not-fit`.
   */
  allocate(context: Pointer, what: string): number {
    const { functions } = this;
    const buffer = functions.ggml_backend_alloc_ctx_tensors(context, this.#backend);
    if (buffer === null) throw tooLarge(what);
    this.#buffers.push(buffer);
    functions.ggml_backend_buffer_clear(buffer, 0);
    return Number(functions.ggml_backend_buffer_get_size(buffer));
  }

  /**
   * Memory for the tensors of a context until it is freed, and the context with it.
   * @throws FailureError `does-not-fit`.
   */
  borrow(context: Pointer, what: string): { free(): void } {
    const { functions } = this;
    const buffer = functions.ggml_backend_alloc_ctx_tensors(context, this.#backend);
    if (buffer === null) throw tooLarge(what);
    return {
      free: () => {
        functions.ggml_backend_buffer_free(buffer);
        this.discard(context);
      },
    };
  }

  /** Computes one operation whose operands all have their memory. */
  computeOne(context: Pointer, operation: Pointer): void {
    const { ggml_new_graph_custom, ggml_build_forward_expand } = this.functions;
    const graph = ggml_new_graph_custom(context, 16, false);
    ggml_build_forward_expand(graph, operation);
    this.compute(graph);
  }

  /**
   * Gives tensors that a graph computes a place that nothing else uses, one behind the other.
   * @returns its bytes. @throws FailureError `does-not-fit`.
   */
  pin(tensors: readonly Pointer[], what: string): number {
    const { functions } = this;
    const place = (bytes: number) => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
    const bytes = tensors.reduce((sum, tensor) => sum + place(Number(functions.ggml_nbytes(tensor))), 0);
    const buffer = functions.ggml_backend_alloc_buffer(this.#backend, Math.max(bytes, ALIGNMENT));
    if (buffer === null) throw tooLarge(what);
    this.#buffers.push(buffer);
    let address = functions.ggml_backend_buffer_get_base(buffer) ?? 0n;
    for (const tensor of tensors) {
      functions.ggml_backend_tensor_alloc(buffer, tensor, address);
      address += BigInt(place(Number(functions.ggml_nbytes(tensor))));
    }
    return bytes;
  }

  /** @returns a planner of the memory of graphs, of which the last that it planned can be computed. */
  planner(): Pointer {
    const { ggml_gallocr_new, ggml_backend_get_default_buffer_type } = this.functions;
    const allocator = ggml_gallocr_new(ggml_backend_get_default_buffer_type(this.#backend));
    this.#allocators.push(allocator);
    return allocator;
  }

  /** Frees the descriptions of a context whose tensors and graphs nobody uses any more. */
  discard(context: Pointer): void {
    this.#contexts.splice(this.#contexts.indexOf(context), 1);
    this.functions.ggml_free(context);
  }

  /**
   * Gives the other tensors of a graph memory that they share one after the other.
   * @returns the bytes of the largest moment. @throws FailureError `does-not-fit`.
   */
  plan(graph: Pointer, what: string, allocator: Pointer = this.planner()): number {
    const { functions } = this;
    if (!functions.ggml_gallocr_alloc_graph(allocator, graph)) throw tooLarge(what);
    return Number(functions.ggml_gallocr_get_buffer_size(allocator, 0));
  }

  /** @throws FailureError `run-failed`. */
  compute(graph: Pointer): void {
    const status = this.functions.ggml_backend_graph_compute(this.#backend, graph);
    if (status === CONSTANTS.GGML_STATUS_SUCCESS) return;
    throw failed('run-failed', `ggml could not compute a graph: status ${status}.`);
  }

  /** What a graph computes, in its order, and where what it reads comes from. */
  nodes(graph: Pointer): TracedNode[] {
    return graphNodes(this.#llama, graph);
  }

  /** The memory of a tensor, without a copy; gone with the engine. */
  bytes(tensor: Pointer): ArrayBuffer {
    const { ggml_get_data, ggml_nbytes } = this.functions;
    return this.#llama.bytes(ggml_get_data(tensor), Number(ggml_nbytes(tensor)));
  }

  floats(tensor: Pointer): Float32Array {
    return new Float32Array(this.bytes(tensor));
  }

  integers(tensor: Pointer): Int32Array {
    return new Int32Array(this.bytes(tensor));
  }

  close(): void {
    const { functions } = this;
    for (const allocator of this.#allocators.splice(0)) functions.ggml_gallocr_free(allocator);
    for (const buffer of this.#buffers.splice(0)) functions.ggml_backend_buffer_free(buffer);
    for (const context of this.#contexts.splice(0)) functions.ggml_free(context);
    functions.ggml_backend_free(this.#backend);
    this.#llama.callCpu('ggml_threadpool_free', 'void', [['void *', this.#pool]]);
  }
}

/** Of a CPU buffer (ggml-backend.cpp, TENSOR_ALIGNMENT is 32). */
const ALIGNMENT = 64;

function tooLarge(what: string): FailureError {
  const hint = 'Lower contextTokens or sequences, or train fewer parameters.';
  return failed('does-not-fit', `There is no memory for ${what}.`, hint);
}
