// The C interface of profiling: an evaluation callback of llama.cpp that stamps when each node of a graph was begun and
// done. What a node is (operation, shapes, names) is looked up once for each that differs, and every later run of it costs a
// comparison.
//
// A profiler is used by one thread at a time: the one that evaluates. Functions do not throw.
#pragma once

#include <stdint.h>

#if defined(_WIN32)
#define RIDGE_PROFILE_API extern "C" __declspec(dllexport)
#else
#define RIDGE_PROFILE_API extern "C" __attribute__((visibility("default")))
#endif

enum { RIDGE_PROFILE_NAME = 64, RIDGE_PROFILE_SOURCES = 2, RIDGE_PROFILE_DIMENSIONS = 4 };

// Where llama.cpp's ggml_tensor has what is read here, in bytes. The caller has them from the engine's headers, so this
// library fits any release.
typedef struct {
  int32_t type, ne, op, src, name;
} ridge_node_layout;

typedef struct {
  int32_t op, type;
  int64_t ne[RIDGE_PROFILE_DIMENSIONS];
  // Of the first sources; -1 and zeros where there is none.
  int32_t source_type[RIDGE_PROFILE_SOURCES];
  int64_t source_ne[RIDGE_PROFILE_SOURCES][RIDGE_PROFILE_DIMENSIONS];
  char name[RIDGE_PROFILE_NAME];
  char source_name[RIDGE_PROFILE_SOURCES][RIDGE_PROFILE_NAME];
} ridge_node;

// One run of one node. Nanoseconds on CLOCK_MONOTONIC.
typedef struct {
  int64_t begin, end;
  int64_t node;
} ridge_node_run;

typedef struct {
  const ridge_node* nodes;
  int64_t node_count;
  const ridge_node_run* runs;
  int64_t run_count;
  // Runs that were not kept because memory ran out.
  int64_t lost;
} ridge_profile;

// A number of this header (cmake/interface.cmake): the caller refuses another.
RIDGE_PROFILE_API int32_t ridge_profile_interface(void);

// skipped: operations that compute nothing (views and the like). Null when there is no memory.
RIDGE_PROFILE_API void* ridge_profiler_open(const ridge_node_layout* layout, const int32_t* skipped, int32_t count);
RIDGE_PROFILE_API void ridge_profiler_close(void* profiler);

// on: every node is run alone and stamped. Otherwise the engine runs its graphs as it always does.
RIDGE_PROFILE_API void ridge_profiler_watch(void* profiler, int32_t on);

// llama_context_params.cb_eval; cb_eval_user_data is the profiler.
RIDGE_PROFILE_API bool ridge_profiler_evaluate(void* tensor, bool ask, void* profiler);

// What was stamped since it was last forgotten; valid until the next node is evaluated. Nodes keep their places.
RIDGE_PROFILE_API void ridge_profiler_read(void* profiler, ridge_profile* profile);
RIDGE_PROFILE_API void ridge_profiler_forget(void* profiler);
