// The C interface of matrices in a ggml graph: weights packed once, without their zeros or with them, and multiplied by a custom
// op of ggml (ggml_custom_4d), whose threads call `ridge_graph_multiply`.
//
// A matrix may be multiplied by any number of threads and graphs at once. Functions do not throw.
#pragma once

#include <stdint.h>

#if defined(_WIN32)
#define RIDGE_GRAPH_API extern "C" __declspec(dllexport)
#else
#define RIDGE_GRAPH_API extern "C" __attribute__((visibility("default")))
#endif

// bf16: activations are rounded to bfloat16, too. int8: one scale for each row of weights and for each vector.
enum { RIDGE_GRAPH_BF16 = 0, RIDGE_GRAPH_INT8 = 1 };
// dense: every weight. bitmap: a bit for each weight, and those that are not 0.
enum { RIDGE_GRAPH_DENSE = 0, RIDGE_GRAPH_BITMAP = 1 };

// Where llama.cpp's ggml_tensor has what is read here, in bytes. The caller has them from the engine's headers, so this
// library fits any release.
typedef struct {
  int32_t ne, nb, src, data;
} ridge_tensor_layout;

// A number of this header (cmake/interface.cmake): the caller refuses another.
RIDGE_GRAPH_API int32_t ridge_graph_interface(void);

// values: row-major, f32; not kept. Null when there is no memory, or for a type or format that is not one.
RIDGE_GRAPH_API void* ridge_graph_pack(const float* values, int64_t rows, int64_t columns, int32_t type, int32_t format,
                                       const ridge_tensor_layout* layout);
RIDGE_GRAPH_API void ridge_graph_free(void* matrix);

// What a product reads of the matrix: weights, bits and scales.
RIDGE_GRAPH_API int64_t ridge_graph_bytes(const void* matrix);

// Weights that it multiplies: all of a dense matrix, those that are not 0 in their type of one without zeros.
RIDGE_GRAPH_API int64_t ridge_graph_kept(const void* matrix);

// ggml_custom_op_t. target: f32, contiguous, [rows, vectors]; its first source: f32, [columns, vectors], each vector contiguous.
// matrix: the user data. Thread ith of nth computes its part of the rows.
RIDGE_GRAPH_API void ridge_graph_multiply(void* target, int ith, int nth, void* matrix);
