// The C interface of calibration: an evaluation callback of llama.cpp that reduces the inputs of linear layers while a
// graph is computed. The reference is StatisticsAccumulator and HessianAccumulator of test/support/pruning: the same
// numbers to the bit, at any number of threads.
//
// A collector is used by one thread at a time: the one that evaluates. Functions do not throw.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "pruning/pruning.h"

enum { RIDGE_INPUT_CHANGED = 3, RIDGE_WRONG_SHAPE = 4, RIDGE_NOT_SEEN = 5 };

// Where llama.cpp's ggml_tensor has what is read here, in bytes, and four of its numbers. The caller has them from the
// engine's headers, so this library fits any release.
typedef struct {
  int32_t type, buffer, ne, nb, op, src, data, name;
  int32_t type_f32, type_i32, op_mul_mat, op_mul_mat_id;
} ridge_tensor_layout;

// ggml_backend_buffer_is_host, and ggml_backend_tensor_get, which copies from a device. The engine is the caller's, who hands over its
// functions.
typedef bool (*ridge_buffer_is_host)(void* buffer);
typedef void (*ridge_tensor_get)(const void* tensor, void* into, size_t offset, size_t bytes);

typedef struct {
  // Tokens, and sequences that were closed and had any: none for an expert that no token was sent to, and no sums then.
  int64_t tokens, sequences;
  // Sums over them of x^2, of x, and of the squared deviations from the mean of each sequence: `columns` of each.
  const double *squares, *sums, *spread;
  // (2 / sequences) * sum of x x^T, columns x columns, upper triangle; null unless it was asked for.
  const double* hessian;
} ridge_input;

// A number of this header (cmake/interface.cmake): the caller refuses another.
RIDGE_API int32_t ridge_calibration_interface(void);

// Null when there is no memory. hessians: whether products are added up too.
RIDGE_API void* ridge_collector_open(const ridge_tensor_layout* layout, ridge_buffer_is_host is_host, ridge_tensor_get get,
                                     int32_t hessians, int32_t threads);
RIDGE_API void ridge_collector_close(void* collector);

// Collects the inputs of the matrix products with the weights of this name; of one expert of them, where all experts of a
// layer are one tensor (MUL_MAT_ID), those of the tokens that were sent to it. expert is -1 for any other matrix.
// Returns the index of what is wanted, or -1.
RIDGE_API int32_t ridge_collector_want(void* collector, const char* weights, int32_t expert, int32_t columns);

// Copies the rows of the node of this name to `memory`, one after the other, `tokens` at most between two ends of a
// sequence, and ends the graph there: what comes behind it is not computed. memory may be null: the graph ends there.
RIDGE_API int32_t ridge_collector_end_at(void* collector, const char* node, float* memory, int64_t tokens);

// llama_context_params.cb_eval; cb_eval_user_data is the collector.
RIDGE_API bool ridge_collector_evaluate(void* tensor, bool ask, void* collector);

// Closes a sequence. Returns the rows that were copied in it, or minus a code for what went wrong since the last one.
RIDGE_API int64_t ridge_collector_end_sequence(void* collector);

// What was collected for this index; valid until the collector is closed. Ends the collection. RIDGE_NOT_SEEN: no graph
// multiplied anything with these weights.
RIDGE_API int32_t ridge_collector_read(void* collector, int32_t index, ridge_input* input);
