// One step of decoding with native sparse attention (arXiv 2502.11089): o = sum over the branches of gate * attention.
//
// What the paper leaves open, and what is done here:
// - The compressed keys and values are inputs: a learned map made them when their block was full. Only full blocks of
//   `compressBlock` tokens count; the tokens behind the last one are seen by the other branches.
// - The importance of a selection block is taken from the softmax of the compressed branch, which is not computed twice.
// - A compressed block gives a selection block the share of its tokens that lies in it. Where block and stride divide the
//   selection block this is the paper's sum over offsets, up to a factor that changes no order.
// - The importance is summed over the heads of a group, which share what is selected. Of equals the earlier block wins.
// - The first block and the newest ones are always selected (`FIRST`, `NEWEST`) and count among `selectCount`. The newest
//   block may be part full; its tokens so far are seen.
// - Before the first full block the compressed branch has nothing to see and gives zeros.
// - The window's keys and values are kept for the window alone, those of selection for all tokens: three caches.
#pragma once

#include <cstdint>

#include "cpu/levels.h"
#include "ops/op.h"

namespace ridgepoint {

// Caches: compressed [batch][kvHeads][compressed()][length], selected [batch][kvHeads][context][length], window
// [batch][kvHeads][windowed()][length]. Queries [batch][heads][keyLength], gates [batch][heads][3] for compressed, selected
// and window, outputs [batch][heads][valueLength], in f32.
struct Nsa {
  static constexpr int64_t FIRST = 1, NEWEST = 2;

  int64_t batch, heads, kvHeads, keyLength, valueLength, context;
  int64_t compressBlock, compressStride, selectBlock, selectCount, window;
  ops::Type type;  // of the caches: f32, f16 or bf16
  const void* keys[3];
  const void* values[3];
  const float* queries;
  const float* gates;
  float* outputs;

  int64_t compressed() const { return context < compressBlock ? 0 : (context - compressBlock) / compressStride + 1; }
  int64_t blocks() const { return (context + selectBlock - 1) / selectBlock; }
  int64_t selected() const { return selectCount < blocks() ? selectCount : blocks(); }
  int64_t windowed() const { return window < context ? window : context; }
  // Tokens of selected blocks: all are full but the newest, which is among them.
  int64_t selectedTokens() const { return selected() * selectBlock - (blocks() * selectBlock - context); }
  // The tokens of compressed block c that lie in selection block b.
  int64_t overlap(int64_t c, int64_t b) const {
    const int64_t from = c * compressStride > b * selectBlock ? c * compressStride : b * selectBlock;
    const int64_t cEnd = c * compressStride + compressBlock, bEnd = (b + 1) * selectBlock;
    const int64_t until = cEnd < bEnd ? cEnd : bEnd;
    return until > from ? until - from : 0;
  }
  bool always(int64_t block) const { return block < FIRST || block >= blocks() - NEWEST; }
};

// Sets chosen[block] of the blocks that are selected, given their importance. Of those that always are, the newest go first
// where selectCount is too small for all.
template <class Number>
inline void choose(const Nsa& n, const Number* importance, int32_t* chosen) {
  const int64_t blocks = n.blocks();
  for (int64_t b = 0; b < blocks; b++) chosen[b] = 0;
  int64_t left = n.selected();
  for (int64_t b = blocks - 1; b >= 0 && left > 0; b--)
    if (n.always(b)) {
      chosen[b] = 1;
      left--;
    }
  for (; left > 0; left--) {
    int64_t best = -1;
    for (int64_t b = 0; b < blocks; b++)
      if (chosen[b] == 0 && (best < 0 || importance[b] > importance[best])) best = b;
    chosen[best] = 1;
  }
}

using NsaKernel = void(const Nsa& nsa, Pool& pool, float* scratch);
using NsaFloats = int64_t(const Nsa& nsa, int threads);

// All heads of a group go through the three branches together.
RIDGE_DECLARE_LEVELS(nsa_packed, NsaKernel)
RIDGE_DECLARE_LEVELS(nsa_packed_floats, NsaFloats)

}  // namespace ridgepoint
