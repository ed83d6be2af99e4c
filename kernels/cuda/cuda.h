// What the GPU of this machine is and what it can do at best. Plain C interface. Texts are UTF-8 JSON or sentences, owned by
// the library and good until the next call of the same thread. Kernels of ops are in ops/ops.h, as variants `cuda`.
#pragma once

#include <stdint.h>

#if defined(_WIN32)
#define RIDGE_CUDA_API extern "C" __declspec(dllexport)
#else
#define RIDGE_CUDA_API extern "C" __attribute__((visibility("default")))
#endif

// A number of this header (cmake/interface.cmake): the caller refuses another.
RIDGE_CUDA_API int32_t ridge_cuda_interface(void);

// {"absent": null | why there is no usable GPU, "images": [names of files of kernels],
//  "device": null | {"name", "capability", "driver", "image", "memoryBytes", "processors", "cacheBytes",
//                    "clockHertz", "memoryClockHertz", "memoryBusBits"}}
RIDGE_CUDA_API const char* ridge_cuda_describe(void);

// Each of the following checks its own result before it times, and gives one number for each repeat; warm-up is not among
// them. Returns null, or a sentence about what went wrong.

// access: read, write, copy, triad. bytes: of all arrays together. out: bytes a second, as STREAM counts.
RIDGE_CUDA_API const char* ridge_cuda_stream(const char* access, int64_t bytes, int32_t repeats, double* out);

// kind: f64, f32, f16, bf16, int8 from registers; matrix-f16, matrix-bf16, matrix-tf32, matrix-int8, matrix-fp8 on tensor
// cores. out: operations a second, a multiply and an add are two.
RIDGE_CUDA_API const char* ridge_cuda_peak(const char* kind, int32_t repeats, double* out);

// out: seconds from asking for an empty kernel to knowing that it ended.
RIDGE_CUDA_API const char* ridge_cuda_launch(int32_t repeats, double* out);

// direction: host-to-device, device-to-host; pinned memory. out: bytes a second.
RIDGE_CUDA_API const char* ridge_cuda_link(const char* direction, int64_t bytes, int32_t repeats, double* out);
