// Arguments of kernels that take many, as host and device lay them out. Pointers are addresses on the device.
#pragma once

#include <stdint.h>

// One step of decoding. Strides in elements; rows of keys and values as kernels/ops/attention_decode has them.
struct DecodeArguments {
  const void* keys;
  const void* values;
  // Of int8: a factor for each row; null otherwise.
  const float* key_scales;
  const float* value_scales;
  const float* queries;  // [batch][heads][key_length]
  // [batch][pages]: where each run of `page` tokens is, times `table_rows` rows; null: one piece for each sequence and head.
  const int32_t* table;
  float* parts;          // [batch * heads][splits][value_length], each divided by nothing
  float* tops;           // [batch * heads][splits][2]: the largest score, and the sum of e^(score - largest)
  int64_t context, first, pages, key_stride, value_stride;
  int32_t heads, kv_heads, key_length, value_length, splits, page, table_rows;
  float scale;
};

// The tokens of a prompt. keys, values: [batch * kv_heads][context][length]; queries, outputs: [batch * heads][tokens][length].
struct PrefillArguments {
  const void* keys;
  const void* values;
  const float* queries;
  float* outputs;
  int64_t depth, tokens, window;
  int32_t heads, kv_heads, key_length, value_length;
  float scale;
};

// Products of rows of matrices with vectors that are grouped: every group has a matrix, and its vectors all go with it.
struct GroupedArguments {
  const void* weights;       // [matrices][rows][columns]
  const float* x;            // [*][columns]
  float* y;                  // [*][rows]
  const int32_t* matrix_of;  // of each group
  const int32_t* starts;     // [groups + 1]: where the pairs of each group begin
  const int32_t* x_of;       // of each pair: which x
  const int32_t* y_of;       // of each pair: which y
  // An adapter beside it; low is null where there is none. y = gain (W x + scale B h).
  const void* up;            // B [adapters][rows][rank]
  const float* low;          // h [*][rank], by x
  const int32_t* adapter_of; // of each x
  const float* gain;         // [adapters][rows], or null
  int64_t rows;
  int32_t columns, rank;
  float scale;
};

// Native sparse attention; the words are those of kernels/ops/nsa_decode.
struct NsaArguments {
  const void* keys;    // of the compressed branch
  const void* values;
  const float* queries;
  float* weights;      // [batch * heads][compressed]: scores, then their softmax
  float* output;       // [batch * heads][value_length]
  float* importance;   // [batch * kv_heads][blocks]
  int32_t* rows;       // [batch * kv_heads][selected]: the first row of each block that was selected
  int64_t context;
  int32_t compressed, blocks, selected;
  int32_t heads, kv_heads, key_length, value_length;
  int32_t compress_block, compress_stride, select_block;
  float scale;
};
