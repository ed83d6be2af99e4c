#include "steps/steps.h"

#include <chrono>
#include <new>

namespace {

struct Steps {
  ridge_decode decode;
  ridge_synchronize synchronize;
  void* context;
  ridge_batch batch;
  int32_t* batch_tokens;
  int32_t* batch_positions;
  int32_t sequences;
};

int64_t now() {
  // CLOCK_MONOTONIC on Linux, and on every platform what Node.js stamps with.
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

void* ridge_steps_open(ridge_decode decode, ridge_synchronize synchronize, void* context, ridge_batch batch,
                       int32_t* batch_tokens, int32_t* batch_positions, int32_t sequences) {
  return new (std::nothrow) Steps{decode, synchronize, context, batch, batch_tokens, batch_positions, sequences};
}

void ridge_steps_close(void* steps) { delete static_cast<Steps*>(steps); }

int32_t ridge_steps_run(const void* steps, const int32_t* tokens, int32_t count, int64_t* ends) {
  const Steps& own = *static_cast<const Steps*>(steps);
  for (int32_t i = 0; i < count; i++) {
    for (int32_t s = 0; s < own.sequences; s++) own.batch_tokens[s] = *tokens++;
    const int32_t code = own.decode(own.context, own.batch);
    if (code != 0) return code;
    own.synchronize(own.context);
    ends[i] = now();
    for (int32_t s = 0; s < own.sequences; s++) own.batch_positions[s]++;
  }
  return 0;
}
