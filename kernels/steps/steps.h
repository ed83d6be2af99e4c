// The C interface of decode steps: calls llama.cpp's llama_decode and llama_synchronize step by step and stamps each end, so that
// nothing but the engine runs while steps are timed. The engine is the caller's, who hands over its functions.
//
// Functions do not throw.
#pragma once

#include <stdint.h>

#if defined(_WIN32)
#define RIDGE_STEPS_API extern "C" __declspec(dllexport)
#else
#define RIDGE_STEPS_API extern "C" __attribute__((visibility("default")))
#endif

// A llama_batch, handed on as it is: it goes by value, so its size counts here and its layout does not.
typedef struct {
  uint64_t words[7];
} ridge_batch;

typedef int32_t (*ridge_decode)(void* context, ridge_batch batch);
typedef void (*ridge_synchronize)(void* context);

// A number of this header (cmake/interface.cmake): the caller refuses another.
RIDGE_STEPS_API int32_t ridge_steps_interface(void);

// batch: one token of each sequence, in order. batch_tokens and batch_positions are its own arrays: tokens are written into the one; the
// other has the position of the first step and is counted up behind each step. All stay the caller's. Null when there is no memory.
RIDGE_STEPS_API void* ridge_steps_open(ridge_decode decode, ridge_synchronize synchronize, void* context, ridge_batch batch,
                                       int32_t* batch_tokens, int32_t* batch_positions, int32_t sequences);
RIDGE_STEPS_API void ridge_steps_close(void* steps);

// tokens: [count][sequences]. ends: when each step had finished, nanoseconds on CLOCK_MONOTONIC. Ends with the first step that fails.
// Returns what its llama_decode did: 0 = all were evaluated.
RIDGE_STEPS_API int32_t ridge_steps_run(const void* steps, const int32_t* tokens, int32_t count, int64_t* ends);
