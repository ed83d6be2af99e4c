// The C interface of how a thread's matrix tiles are laid out (Intel AMX). Libraries that compute with tiles in one thread see each
// other's layout: llama.cpp sets its own once per thread and trusts it from then on, ONNX Runtime sets another and leaves it there, and
// what llama.cpp computes next is nonsense without any error. Whoever calls ONNX Runtime therefore puts back what was there.
//
// Functions do not throw.
#pragma once

#include <stdint.h>

#if defined(_WIN32)
#define RIDGE_TILES_API extern "C" __declspec(dllexport)
#else
#define RIDGE_TILES_API extern "C" __attribute__((visibility("default")))
#endif

// A number of this header (cmake/interface.cmake): the caller refuses another.
RIDGE_TILES_API int32_t ridge_tiles_interface(void);

// 1 where this processor has tiles and the system lets this process use them; elsewhere 0, and then there is nothing to put back.
RIDGE_TILES_API int32_t ridge_tiles_here(void);

// Writes the layout of the calling thread. layout: [64] bytes, as Intel's manual has them; all are 0 for a thread that has set none.
RIDGE_TILES_API void ridge_tiles_read(uint8_t* layout);

// Sets a layout that was read, for the calling thread. What its tiles hold is gone.
RIDGE_TILES_API void ridge_tiles_set(const uint8_t* layout);
