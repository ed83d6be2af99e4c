// Ops of our own: what there is, whether it is right, how long it takes. Plain C interface. Texts are UTF-8 JSON, owned by the
// library and good until the next call of the same thread. scripts/write-ops-table.ts makes
// core/kernels/gen/ops.ts of the description.
#pragma once

#include <stdint.h>

#if defined(_WIN32)
#define RIDGE_OPS_API extern "C" __declspec(dllexport)
#else
#define RIDGE_OPS_API extern "C" __attribute__((visibility("default")))
#endif

// A number of this header (cmake/interface.cmake): the caller refuses another.
RIDGE_OPS_API int32_t ridge_ops_interface(void);

// Every op, by family and name, with all variants of all platforms. `absent` alone depends on the machine.
// {"ops": [{name, family, help, parameters: [{name, help, fallback, least, most}],
//           constraints: [{parameter, relation: multiple-of | at-most, bound: parameter | number, sentence}], types: [..],
//           variants: [{name, help, types: [..], platform: any | x64 | arm64 | cuda, level, unit: vector | matrix,
//                       tolerance: {type: allowed error}, absent: null | why this machine cannot run it}]}]}
RIDGE_OPS_API const char* ridge_ops_describe(void);

// shape: one number for each parameter, in the order of the description.
// {"problem": why not} or {"ok", "error": the largest |got - expected| over what is allowed, "fault": null | sentence,
//  "compared": numbers compared, "of": numbers of the output, "tolerance"}
RIDGE_OPS_API const char* ridge_ops_check(const char* op, const char* variant, const char* type, const int64_t* shape,
                                          int32_t count, int32_t threads, uint64_t seed);

// Runs the variant once on the inputs of the seed and copies its output, as far as there is room. Shapes that mean the same
// have the same inputs.
// {"problem"} or {"count": numbers of the output}; nothing is run when there is no room.
RIDGE_OPS_API const char* ridge_ops_output(const char* op, const char* variant, const char* type, const int64_t* shape,
                                           int32_t count, int32_t threads, uint64_t seed, float* output, int64_t room);

// Makes inputs, checks the variant on them, and keeps it ready. cache_bytes: 0 = warm; else what the processor's caches hold, and
// there are as many sets of inputs as push the first out of them before it comes again. A GPU is asked for its own.
// {"problem"} or {"handle", "sets", "memoryBytes", "flops", "bytes", "facts": {name: number}, "check": as above}
// A check that fails leaves no handle: "handle" is then 0.
RIDGE_OPS_API const char* ridge_ops_prepare(const char* op, const char* variant, const char* type, const int64_t* shape,
                                            int32_t count, int32_t threads, uint64_t seed, int64_t cache_bytes);

// Runs a prepared op, over its sets in turn. nanoseconds: one for each repeat. 0, 1 for a handle that is not there, or 2 when a
// device failed; stderr has its reason.
RIDGE_OPS_API int32_t ridge_ops_measure(int64_t handle, int32_t repeats, double* nanoseconds);

RIDGE_OPS_API void ridge_ops_release(int64_t handle);
