// Written by scripts/write-kernel-bindings.ts from the headers of kernels/; do not edit.
import type { Pointer, StructValue } from '../llama-cpp/bindings.js';

/** The number of each part's interface: another header, another number. */
export const INTERFACES = {
  adapters: 146722790,
  calibration: 227942054,
  cores: 224353168,
  cpu: 256412688,
  cuda: 182367361,
  fourbit: 258541872,
  graph: 170716856,
  ops: 176399515,
  profile: 253908973,
  pruning: 186341684,
  roofs: 117328498,
  steps: 249276558,
  tiles: 189783398,
} as const;

/** Constants of all parts. */
export const KERNEL_CONSTANTS = {
  RIDGE_INPUT_CHANGED: 3,
  RIDGE_WRONG_SHAPE: 4,
  RIDGE_NOT_SEEN: 5,
  RIDGE_FOUR_BIT_OUT_OF_MEMORY: 1,
  RIDGE_FOUR_BIT_UNKNOWN_FORMAT: 2,
  RIDGE_GRAPH_BF16: 0,
  RIDGE_GRAPH_INT8: 1,
  RIDGE_GRAPH_DENSE: 0,
  RIDGE_GRAPH_BITMAP: 1,
  RIDGE_PROFILE_NAME: 64,
  RIDGE_PROFILE_SOURCES: 2,
  RIDGE_PROFILE_DIMENSIONS: 4,
  RIDGE_OK: 0,
  RIDGE_OUT_OF_MEMORY: 1,
  RIDGE_NOT_POSITIVE_DEFINITE: 2,
  RIDGE_UNKNOWN_SCORE: 3,
  RIDGE_ROOFS_OK: 0,
  RIDGE_ROOFS_OUT_OF_MEMORY: 1,
  RIDGE_ROOFS_WRONG_CPUS: 2,
  RIDGE_ROOFS_FEWER_THREADS: 3,
  RIDGE_ROOFS_ABSENT: 4,
  RIDGE_ROOFS_WRONG_RESULT: 5,
  RIDGE_ROOFS_WRONG_SIZE: 6,
  RIDGE_READ: 0,
  RIDGE_WRITE: 1,
  RIDGE_COPY: 2,
  RIDGE_TRIAD: 3,
  RIDGE_VECTOR: 0,
  RIDGE_MATRIX: 1,
  RIDGE_F64: 0,
  RIDGE_F32: 1,
  RIDGE_BF16: 2,
  RIDGE_F16: 3,
  RIDGE_INT8: 4,
} as const;

/** Structs of each part: bytes, and where each field begins. */
export const KERNEL_STRUCTS = {
  calibration: {
    ridge_tensor_layout: { bytes: 48, fields: { type: 0, buffer: 4, ne: 8, nb: 12, op: 16, src: 20, data: 24, name: 28, type_f32: 32, type_i32: 36, op_mul_mat: 40, op_mul_mat_id: 44 } },
    ridge_input: { bytes: 48, fields: { tokens: 0, sequences: 8, squares: 16, sums: 24, spread: 32, hessian: 40 } },
  },
  graph: {
    ridge_tensor_layout: { bytes: 16, fields: { ne: 0, nb: 4, src: 8, data: 12 } },
  },
  profile: {
    ridge_node_layout: { bytes: 20, fields: { type: 0, ne: 4, op: 8, src: 12, name: 16 } },
    ridge_node: { bytes: 304, fields: { op: 0, type: 4, ne: 8, source_type: 40, source_ne: 48, name: 112, source_name: 176 } },
    ridge_node_run: { bytes: 24, fields: { begin: 0, end: 8, node: 16 } },
    ridge_profile: { bytes: 40, fields: { nodes: 0, node_count: 8, runs: 16, run_count: 24, lost: 32 } },
  },
  steps: {
    ridge_batch: { bytes: 56, fields: { words: 0 } },
  },
} as const;

/** Prototypes of each part's functions, as koffi reads them. */
export const PROTOTYPES = {
  adapters: {
    ridge_adapters_interface: 'int32_t ridge_adapters_interface()',
    ridge_merge_adapter: 'int32_t ridge_merge_adapter(float *weights, int64_t rows, int32_t columns, int64_t first, const float *a, const float *b, int32_t rank, double factor, const float *magnitude, double strength, int32_t threads)',
  },
  calibration: {
    ridge_calibration_interface: 'int32_t ridge_calibration_interface()',
    ridge_collector_open: 'void *ridge_collector_open(void *layout, void *is_host, void *get, int32_t hessians, int32_t threads)',
    ridge_collector_close: 'void ridge_collector_close(void *collector)',
    ridge_collector_want: 'int32_t ridge_collector_want(void *collector, const char *weights, int32_t expert, int32_t columns)',
    ridge_collector_end_at: 'int32_t ridge_collector_end_at(void *collector, const char *node, float *memory, int64_t tokens)',
    ridge_collector_evaluate: 'bool ridge_collector_evaluate(void *tensor, bool ask, void *collector)',
    ridge_collector_end_sequence: 'int64_t ridge_collector_end_sequence(void *collector)',
    ridge_collector_read: 'int32_t ridge_collector_read(void *collector, int32_t index, void *input)',
  },
  cores: {
    ridge_cores_interface: 'int32_t ridge_cores_interface()',
    ridge_cores_read: 'int32_t ridge_cores_read(const int32_t *cpus, int32_t count, double *width, double *latency)',
  },
  cpu: {
    ridge_cpu_interface: 'int32_t ridge_cpu_interface()',
    ridge_cpu_highest: 'int32_t ridge_cpu_highest()',
    ridge_cpu_level: 'int32_t ridge_cpu_level()',
    ridge_cpu_limit: 'int32_t ridge_cpu_limit(int32_t level)',
    ridge_cpu_features: 'const char *ridge_cpu_features()',
    ridge_cpu_level_of: 'int32_t ridge_cpu_level_of(const char *features)',
    ridge_cpu_level_name: 'const char *ridge_cpu_level_name(int32_t level)',
  },
  cuda: {
    ridge_cuda_interface: 'int32_t ridge_cuda_interface()',
    ridge_cuda_describe: 'const char *ridge_cuda_describe()',
    ridge_cuda_stream: 'const char *ridge_cuda_stream(const char *access, int64_t bytes, int32_t repeats, double *out)',
    ridge_cuda_peak: 'const char *ridge_cuda_peak(const char *kind, int32_t repeats, double *out)',
    ridge_cuda_launch: 'const char *ridge_cuda_launch(int32_t repeats, double *out)',
    ridge_cuda_link: 'const char *ridge_cuda_link(const char *direction, int64_t bytes, int32_t repeats, double *out)',
  },
  fourbit: {
    ridge_fourbit_interface: 'int32_t ridge_fourbit_interface()',
    ridge_four_bit_round: 'int32_t ridge_four_bit_round(const float *weights, int64_t rows, int32_t columns, const char *format, double tensor_scale, int32_t search, int32_t threads, uint8_t *codes, uint8_t *scales)',
    ridge_four_bit_gptq: 'int32_t ridge_four_bit_gptq(float *weights, int64_t rows, int32_t columns, const double *factor, const uint8_t *dead, const char *format, double tensor_scale, int32_t block_columns, int32_t threads, uint8_t *codes, uint8_t *scales)',
    ridge_four_bit_values: 'int32_t ridge_four_bit_values(const uint8_t *codes, const uint8_t *scales, int64_t rows, int32_t columns, const char *format, double tensor_scale, int32_t threads, float *values)',
  },
  graph: {
    ridge_graph_interface: 'int32_t ridge_graph_interface()',
    ridge_graph_pack: 'void *ridge_graph_pack(const float *values, int64_t rows, int64_t columns, int32_t type, int32_t format, void *layout)',
    ridge_graph_free: 'void ridge_graph_free(void *matrix)',
    ridge_graph_bytes: 'int64_t ridge_graph_bytes(void *matrix)',
    ridge_graph_kept: 'int64_t ridge_graph_kept(void *matrix)',
    ridge_graph_multiply: 'void ridge_graph_multiply(void *target, int ith, int nth, void *matrix)',
  },
  ops: {
    ridge_ops_interface: 'int32_t ridge_ops_interface()',
    ridge_ops_describe: 'const char *ridge_ops_describe()',
    ridge_ops_check: 'const char *ridge_ops_check(const char *op, const char *variant, const char *type, const int64_t *shape, int32_t count, int32_t threads, uint64_t seed)',
    ridge_ops_output: 'const char *ridge_ops_output(const char *op, const char *variant, const char *type, const int64_t *shape, int32_t count, int32_t threads, uint64_t seed, float *output, int64_t room)',
    ridge_ops_prepare: 'const char *ridge_ops_prepare(const char *op, const char *variant, const char *type, const int64_t *shape, int32_t count, int32_t threads, uint64_t seed, int64_t cache_bytes)',
    ridge_ops_measure: 'int32_t ridge_ops_measure(int64_t handle, int32_t repeats, double *nanoseconds)',
    ridge_ops_release: 'void ridge_ops_release(int64_t handle)',
  },
  profile: {
    ridge_profile_interface: 'int32_t ridge_profile_interface()',
    ridge_profiler_open: 'void *ridge_profiler_open(void *layout, const int32_t *skipped, int32_t count)',
    ridge_profiler_close: 'void ridge_profiler_close(void *profiler)',
    ridge_profiler_watch: 'void ridge_profiler_watch(void *profiler, int32_t on)',
    ridge_profiler_evaluate: 'bool ridge_profiler_evaluate(void *tensor, bool ask, void *profiler)',
    ridge_profiler_read: 'void ridge_profiler_read(void *profiler, void *profile)',
    ridge_profiler_forget: 'void ridge_profiler_forget(void *profiler)',
  },
  pruning: {
    ridge_pruning_interface: 'int32_t ridge_pruning_interface()',
    ridge_select: 'int32_t ridge_select(const float *weights, int64_t rows, int32_t columns, const char *score, const float *factors, const double *diagonal, int32_t pruned, int32_t group, int32_t threads, uint8_t *mask)',
    ridge_dsnot: 'int32_t ridge_dsnot(const float *weights, int64_t rows, int32_t columns, const float *norms, const float *sums, const float *divisor, const char *initial, const float *factors, const double *diagonal, const float *lost, int32_t pruned, int32_t group, int32_t max_cycles, double threshold, int32_t strict, int32_t without_same_sign, int32_t threads, uint8_t *initial_mask, uint8_t *mask, int64_t *counts)',
    ridge_add_products: 'int32_t ridge_add_products(double *sums, const float *inputs, int64_t tokens, int32_t columns, int32_t threads)',
    ridge_inverse_factor: 'int32_t ridge_inverse_factor(double *hessian, int32_t columns, double damping, int32_t threads, uint8_t *dead, int32_t *channel)',
    ridge_sparsegpt: 'int32_t ridge_sparsegpt(float *weights, int64_t rows, int32_t columns, const double *factor, const uint8_t *dead, double ratio, int32_t pruned, int32_t group, int32_t block_columns, int32_t threads, uint8_t *mask)',
    ridge_squared_output: 'int32_t ridge_squared_output(const float *weights, const float *other, int64_t rows, int32_t columns, const double *hessian, int32_t threads, double *squares)',
    ridge_swaps: 'int32_t ridge_swaps(const float *weights, const float *values, int64_t rows, int32_t columns, const double *hessian, int32_t group, int32_t max_swaps, int32_t threads, uint8_t *mask, int32_t *made, double *before, double *after)',
  },
  roofs: {
    ridge_roofs_interface: 'int32_t ridge_roofs_interface()',
    ridge_roofs_build: 'const char *ridge_roofs_build()',
    ridge_roofs_open: 'void *ridge_roofs_open(const int32_t *cpus, int32_t threads, int64_t bytes, int32_t *problem)',
    ridge_roofs_close: 'void ridge_roofs_close(void *bench)',
    ridge_roofs_bandwidth: 'int32_t ridge_roofs_bandwidth(void *bench, int32_t access, int32_t streaming, int64_t bytes, double seconds, int32_t repeats, double *bytes_per_second, uint64_t *checksum)',
    ridge_roofs_vector: 'int32_t ridge_roofs_vector(void *bench, int32_t arithmetic, double seconds, int32_t repeats, double *flops_per_second)',
    ridge_roofs_matrix: 'int32_t ridge_roofs_matrix(void *bench, int32_t arithmetic, double seconds, int32_t repeats, double *flops_per_second)',
    ridge_roofs_instructions: 'const char *ridge_roofs_instructions(void *bench)',
    ridge_roofs_choice: 'const char *ridge_roofs_choice(int32_t arithmetic, int32_t unit, const char *features, int32_t rank)',
    ridge_roofs_launch: 'int32_t ridge_roofs_launch(void *bench, int32_t launches, int32_t repeats, double *seconds)',
  },
  steps: {
    ridge_steps_interface: 'int32_t ridge_steps_interface()',
    ridge_steps_open: 'void *ridge_steps_open(void *decode, void *synchronize, void *context, llama_batch batch, int32_t *batch_tokens, int32_t *batch_positions, int32_t sequences)',
    ridge_steps_close: 'void ridge_steps_close(void *steps)',
    ridge_steps_run: 'int32_t ridge_steps_run(void *steps, const int32_t *tokens, int32_t count, int64_t *ends)',
  },
  tiles: {
    ridge_tiles_interface: 'int32_t ridge_tiles_interface()',
    ridge_tiles_here: 'int32_t ridge_tiles_here()',
    ridge_tiles_read: 'void ridge_tiles_read(uint8_t *layout)',
    ridge_tiles_set: 'void ridge_tiles_set(const uint8_t *layout)',
  },
} as const;

/** The same functions as TypeScript calls them. */
export interface KernelFunctions {
  adapters: {
    ridge_adapters_interface(): number;
    ridge_merge_adapter(weights: Float32Array | Pointer, rows: number | bigint, columns: number, first: number | bigint, a: Float32Array | Pointer, b: Float32Array | Pointer, rank: number, factor: number, magnitude: Float32Array | Pointer, strength: number, threads: number): number;
  };
  calibration: {
    ridge_calibration_interface(): number;
    ridge_collector_open(layout: Pointer | ArrayBufferView, isHost: Pointer, get: Pointer, hessians: number, threads: number): Pointer;
    ridge_collector_close(collector: Pointer | ArrayBufferView): void;
    ridge_collector_want(collector: Pointer | ArrayBufferView, weights: string, expert: number, columns: number): number;
    ridge_collector_end_at(collector: Pointer | ArrayBufferView, node: string, memory: Float32Array | Pointer, tokens: number | bigint): number;
    ridge_collector_evaluate(tensor: Pointer | ArrayBufferView, ask: boolean, collector: Pointer | ArrayBufferView): boolean;
    ridge_collector_end_sequence(collector: Pointer | ArrayBufferView): number | bigint;
    ridge_collector_read(collector: Pointer | ArrayBufferView, index: number, input: Pointer | ArrayBufferView): number;
  };
  cores: {
    ridge_cores_interface(): number;
    ridge_cores_read(cpus: Int32Array | Pointer, count: number, width: Float64Array | Pointer, latency: Float64Array | Pointer): number;
  };
  cpu: {
    ridge_cpu_interface(): number;
    ridge_cpu_highest(): number;
    ridge_cpu_level(): number;
    ridge_cpu_limit(level: number): number;
    ridge_cpu_features(): string | null;
    ridge_cpu_level_of(features: string): number;
    ridge_cpu_level_name(level: number): string | null;
  };
  cuda: {
    ridge_cuda_interface(): number;
    ridge_cuda_describe(): string | null;
    ridge_cuda_stream(access: string, bytes: number | bigint, repeats: number, out: Float64Array | Pointer): string | null;
    ridge_cuda_peak(kind: string, repeats: number, out: Float64Array | Pointer): string | null;
    ridge_cuda_launch(repeats: number, out: Float64Array | Pointer): string | null;
    ridge_cuda_link(direction: string, bytes: number | bigint, repeats: number, out: Float64Array | Pointer): string | null;
  };
  fourbit: {
    ridge_fourbit_interface(): number;
    ridge_four_bit_round(weights: Float32Array | Pointer, rows: number | bigint, columns: number, format: string, tensorScale: number, search: number, threads: number, codes: Uint8Array | Pointer, scales: Uint8Array | Pointer): number;
    ridge_four_bit_gptq(weights: Float32Array | Pointer, rows: number | bigint, columns: number, factor: Float64Array | Pointer, dead: Uint8Array | Pointer, format: string, tensorScale: number, blockColumns: number, threads: number, codes: Uint8Array | Pointer, scales: Uint8Array | Pointer): number;
    ridge_four_bit_values(codes: Uint8Array | Pointer, scales: Uint8Array | Pointer, rows: number | bigint, columns: number, format: string, tensorScale: number, threads: number, values: Float32Array | Pointer): number;
  };
  graph: {
    ridge_graph_interface(): number;
    ridge_graph_pack(values: Float32Array | Pointer, rows: number | bigint, columns: number | bigint, type: number, format: number, layout: Pointer | ArrayBufferView): Pointer;
    ridge_graph_free(matrix: Pointer | ArrayBufferView): void;
    ridge_graph_bytes(matrix: Pointer | ArrayBufferView): number | bigint;
    ridge_graph_kept(matrix: Pointer | ArrayBufferView): number | bigint;
    ridge_graph_multiply(target: Pointer | ArrayBufferView, ith: number, nth: number, matrix: Pointer | ArrayBufferView): void;
  };
  ops: {
    ridge_ops_interface(): number;
    ridge_ops_describe(): string | null;
    ridge_ops_check(op: string, variant: string, type: string, shape: BigInt64Array | Pointer, count: number, threads: number, seed: number | bigint): string | null;
    ridge_ops_output(op: string, variant: string, type: string, shape: BigInt64Array | Pointer, count: number, threads: number, seed: number | bigint, output: Float32Array | Pointer, room: number | bigint): string | null;
    ridge_ops_prepare(op: string, variant: string, type: string, shape: BigInt64Array | Pointer, count: number, threads: number, seed: number | bigint, cacheBytes: number | bigint): string | null;
    ridge_ops_measure(handle: number | bigint, repeats: number, nanoseconds: Float64Array | Pointer): number;
    ridge_ops_release(handle: number | bigint): void;
  };
  profile: {
    ridge_profile_interface(): number;
    ridge_profiler_open(layout: Pointer | ArrayBufferView, skipped: Int32Array | Pointer, count: number): Pointer;
    ridge_profiler_close(profiler: Pointer | ArrayBufferView): void;
    ridge_profiler_watch(profiler: Pointer | ArrayBufferView, on: number): void;
    ridge_profiler_evaluate(tensor: Pointer | ArrayBufferView, ask: boolean, profiler: Pointer | ArrayBufferView): boolean;
    ridge_profiler_read(profiler: Pointer | ArrayBufferView, profile: Pointer | ArrayBufferView): void;
    ridge_profiler_forget(profiler: Pointer | ArrayBufferView): void;
  };
  pruning: {
    ridge_pruning_interface(): number;
    ridge_select(weights: Float32Array | Pointer, rows: number | bigint, columns: number, score: string, factors: Float32Array | Pointer, diagonal: Float64Array | Pointer, pruned: number, group: number, threads: number, mask: Uint8Array | Pointer): number;
    ridge_dsnot(weights: Float32Array | Pointer, rows: number | bigint, columns: number, norms: Float32Array | Pointer, sums: Float32Array | Pointer, divisor: Float32Array | Pointer, initial: string, factors: Float32Array | Pointer, diagonal: Float64Array | Pointer, lost: Float32Array | Pointer, pruned: number, group: number, maxCycles: number, threshold: number, strict: number, withoutSameSign: number, threads: number, initialMask: Uint8Array | Pointer, mask: Uint8Array | Pointer, counts: BigInt64Array | Pointer): number;
    ridge_add_products(sums: Float64Array | Pointer, inputs: Float32Array | Pointer, tokens: number | bigint, columns: number, threads: number): number;
    ridge_inverse_factor(hessian: Float64Array | Pointer, columns: number, damping: number, threads: number, dead: Uint8Array | Pointer, channel: Int32Array | Pointer): number;
    ridge_sparsegpt(weights: Float32Array | Pointer, rows: number | bigint, columns: number, factor: Float64Array | Pointer, dead: Uint8Array | Pointer, ratio: number, pruned: number, group: number, blockColumns: number, threads: number, mask: Uint8Array | Pointer): number;
    ridge_squared_output(weights: Float32Array | Pointer, other: Float32Array | Pointer, rows: number | bigint, columns: number, hessian: Float64Array | Pointer, threads: number, squares: Float64Array | Pointer): number;
    ridge_swaps(weights: Float32Array | Pointer, values: Float32Array | Pointer, rows: number | bigint, columns: number, hessian: Float64Array | Pointer, group: number, maxSwaps: number, threads: number, mask: Uint8Array | Pointer, made: Int32Array | Pointer, before: Float64Array | Pointer, after: Float64Array | Pointer): number;
  };
  roofs: {
    ridge_roofs_interface(): number;
    ridge_roofs_build(): string | null;
    ridge_roofs_open(cpus: Int32Array | Pointer, threads: number, bytes: number | bigint, problem: Int32Array | Pointer): Pointer;
    ridge_roofs_close(bench: Pointer | ArrayBufferView): void;
    ridge_roofs_bandwidth(bench: Pointer | ArrayBufferView, access: number, streaming: number, bytes: number | bigint, seconds: number, repeats: number, bytesPerSecond: Float64Array | Pointer, checksum: BigUint64Array | Pointer): number;
    ridge_roofs_vector(bench: Pointer | ArrayBufferView, arithmetic: number, seconds: number, repeats: number, flopsPerSecond: Float64Array | Pointer): number;
    ridge_roofs_matrix(bench: Pointer | ArrayBufferView, arithmetic: number, seconds: number, repeats: number, flopsPerSecond: Float64Array | Pointer): number;
    ridge_roofs_instructions(bench: Pointer | ArrayBufferView): string | null;
    ridge_roofs_choice(arithmetic: number, unit: number, features: string, rank: number): string | null;
    ridge_roofs_launch(bench: Pointer | ArrayBufferView, launches: number, repeats: number, seconds: Float64Array | Pointer): number;
  };
  steps: {
    ridge_steps_interface(): number;
    ridge_steps_open(decode: Pointer, synchronize: Pointer, context: Pointer | ArrayBufferView, batch: StructValue<'llama_batch'>, batchTokens: Int32Array | Pointer, batchPositions: Int32Array | Pointer, sequences: number): Pointer;
    ridge_steps_close(steps: Pointer | ArrayBufferView): void;
    ridge_steps_run(steps: Pointer | ArrayBufferView, tokens: Int32Array | Pointer, count: number, ends: BigInt64Array | Pointer): number;
  };
  tiles: {
    ridge_tiles_interface(): number;
    ridge_tiles_here(): number;
    ridge_tiles_read(layout: Uint8Array | Pointer): void;
    ridge_tiles_set(layout: Uint8Array | Pointer): void;
  };
}
