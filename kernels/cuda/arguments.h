// Arguments of kernels that take many, as host and device lay them out. Pointers are addresses on the device.
#pragma once

#include <stdint.h>

// One step of decoding. Strides in elements; rows of keys and values as kernels/ops/attention-decode has them.
struct DecodeArguments {
  const void* keys;
  const void* values;
  // Of int8: a factor for each row; null otherwise.
  const float* key_scales;
  const float* value_scales;
  const float* queries;  // [batch][heads][key_length]
  const int32_t* table;  // [batch][pages]: the page of each run of `page` tokens; null: one piece for each sequence
  float* parts;          // [batch * heads][splits][value_length], each divided by nothing
  float* tops;           // [batch * heads][splits][2]: the largest score, and the sum of e^(score - largest)
  int64_t context, first, pages, key_stride, value_stride;
  int32_t heads, kv_heads, key_length, value_length, splits, page;
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
