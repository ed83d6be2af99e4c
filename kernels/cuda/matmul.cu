// y[token][row] = sum over k of W[row][k] x[token][k], on tensor cores. Both operands lie along k, so a product of 16 x 8
// takes 32 bytes of k of any element type, and one kernel does for all of them: only the instruction differs.
//
// A block of 256 threads has a tile of 128 rows and 128 tokens; its 8 warps have 64 x 32 each. Tiles of 64 bytes of k pass
// through three stages of shared memory, copied while the one before is multiplied. Lines there are 80 bytes apart, so that
// eight of them lie in different banks.
#include "machine/machine.h"

namespace {

constexpr int kTileRows = 128;
constexpr int kTileTokens = 128;
constexpr int kTileBytes = 64;
constexpr int kLine = 80;
constexpr int kStages = 3;
constexpr int kThreads = 256;
constexpr int kStageBytes = (kTileRows + kTileTokens) * kLine;
// Products of a warp: 4 x 16 rows, 4 x 8 tokens.
constexpr int kAcross = 4;

// Which part of a block's tile a warp has.
DEVICE int warp_rows() { return static_cast<int>(warp_index() / 4) * 64; }
DEVICE int warp_tokens() { return static_cast<int>(warp_index() % 4) * 32; }

// 128 lines of `line_bytes`, of which `from` has `lines`, beginning at byte `offset`; what is not there becomes zero.
DEVICE void copy_tile(unsigned char* to, const unsigned char* from, int64_t first, int64_t lines, int64_t line_bytes,
                      int64_t offset) {
#pragma unroll
  for (int part = 0; part < 128 * kTileBytes / 16 / kThreads; part++) {
    const int place = static_cast<int>(threadIdx.x) + part * kThreads;
    const int line = place / 4, byte = place % 4 * 16;
    const int64_t left = line_bytes - offset - byte;
    const bool there = first + line < lines && left > 0;
    const unsigned char* source = there ? from + (first + line) * line_bytes + offset + byte : from;
    copy_async(to + line * kLine + byte, source, there ? (left < 16 ? static_cast<unsigned>(left) : 16u) : 0u);
  }
}

// The 16 x 32 bytes at `tile` as a left operand.
DEVICE void load_left(uint32_t* a, const unsigned char* tile, int line_bytes) {
  const int lane = static_cast<int>(lane_index());
  load_matrices(a, tile + (lane % 16) * line_bytes + lane / 16 * 16);
}
// Two right operands: the 16 lines of 32 bytes at `tile`.
DEVICE void load_right(uint32_t* b, const unsigned char* tile, int line_bytes) {
  const int lane = static_cast<int>(lane_index());
  load_matrices(b, tile + (lane % 8 + lane / 16 * 8) * line_bytes + lane / 8 % 2 * 16);
}

template <class Sum>
using Product = void (*)(Sum*, const uint32_t*, const uint32_t*);

// All products of a warp with one tile of k: `left` and `right` are the warp's own lines.
template <class Sum, Product<Sum> product>
DEVICE void multiply_tile(Sum (*sums)[kAcross][4], const unsigned char* left, const unsigned char* right) {
#pragma unroll
  for (int step = 0; step < kTileBytes; step += 32) {
    uint32_t a[kAcross][4], b[kAcross / 2][4];
#pragma unroll
    for (int i = 0; i < kAcross; i++) load_left(a[i], left + 16 * i * kLine + step, kLine);
#pragma unroll
    for (int i = 0; i < kAcross / 2; i++) load_right(b[i], right + 16 * i * kLine + step, kLine);
#pragma unroll
    for (int i = 0; i < kAcross; i++) {
#pragma unroll
      for (int j = 0; j < kAcross; j++) product(sums[i][j], a[i], b[j / 2] + j % 2 * 2);
    }
  }
}

// row_scales, token_scales: null, or a factor for each.
struct Output {
  float* y;
  int64_t rows, tokens;
  const float* row_scales;
  const float* token_scales;
};

template <class Sum>
DEVICE void store_tile(const Sum (*sums)[kAcross][4], const Output& out) {
  const int lane = static_cast<int>(lane_index());
#pragma unroll
  for (int i = 0; i < kAcross; i++) {
#pragma unroll
    for (int j = 0; j < kAcross; j++) {
#pragma unroll
      for (int k = 0; k < 4; k++) {
        const int64_t row = static_cast<int64_t>(blockIdx.x) * kTileRows + warp_rows() + 16 * i + lane / 4 + k / 2 * 8;
        const int64_t token = static_cast<int64_t>(blockIdx.y) * kTileTokens + warp_tokens() + 8 * j + lane % 4 * 2 + k % 2;
        if (row >= out.rows || token >= out.tokens) continue;
        float value = static_cast<float>(sums[i][j][k]);
        if (out.row_scales != nullptr) value *= out.row_scales[row];
        if (out.token_scales != nullptr) value *= out.token_scales[token];
        out.y[token * out.rows + row] = value;
      }
    }
  }
}

template <class Sum, Product<Sum> product>
DEVICE void matmul(unsigned char* shared, const unsigned char* weights, const unsigned char* x, int64_t line_bytes,
                   const Output& out) {
  const int64_t row = static_cast<int64_t>(blockIdx.x) * kTileRows, token = static_cast<int64_t>(blockIdx.y) * kTileTokens;
  const int64_t steps = (line_bytes + kTileBytes - 1) / kTileBytes;
  const auto fetch = [&](int64_t step) {
    if (step < steps) {
      unsigned char* stage = shared + step % kStages * kStageBytes;
      copy_tile(stage, weights, row, out.rows, line_bytes, step * kTileBytes);
      copy_tile(stage + kTileRows * kLine, x, token, out.tokens, line_bytes, step * kTileBytes);
    }
    // An empty group counts as well, so that waiting for all but the last two is always right.
    copies_commit();
  };
  Sum sums[kAcross][kAcross][4] = {};
  for (int step = 0; step < kStages - 1; step++) fetch(step);
  for (int64_t step = 0; step < steps; step++) {
    copies_wait<kStages - 2>();
    // All have their part of this stage, and nobody reads the one that is fetched next any more.
    barrier();
    fetch(step + kStages - 1);
    const unsigned char* stage = shared + step % kStages * kStageBytes;
    multiply_tile<Sum, product>(sums, stage + warp_rows() * kLine, stage + (kTileRows + warp_tokens()) * kLine);
  }
  store_tile<Sum>(sums, out);
}

// Compressed weights are written out into the tile by the threads: two for each row, 16 elements of 16 bits each.
// `fill(row, half, step, to)` writes those of one; it is called for each step in turn.
template <Product<float> product, class Fill>
DEVICE void matmul_filled(unsigned char* shared, const unsigned char* x, int64_t columns, const Output& out, Fill fill) {
  const int64_t row = static_cast<int64_t>(blockIdx.x) * kTileRows, token = static_cast<int64_t>(blockIdx.y) * kTileTokens;
  const int64_t steps = (2 * columns + kTileBytes - 1) / kTileBytes;
  unsigned char* right = shared + kTileRows * kLine;
  const int line = static_cast<int>(threadIdx.x) / 2, half = static_cast<int>(threadIdx.x) % 2;
  float sums[kAcross][kAcross][4] = {};
  for (int64_t step = 0; step < steps; step++) {
    copy_tile(right, x, token, out.tokens, 2 * columns, step * kTileBytes);
    copies_commit();
    alignas(16) uint16_t filled[16] = {};
    if (row + line < out.rows) fill(row + line, half, step, filled);
    Vector128* to = reinterpret_cast<Vector128*>(shared + line * kLine + half * 32);
    to[0] = reinterpret_cast<const Vector128*>(filled)[0];
    to[1] = reinterpret_cast<const Vector128*>(filled)[1];
    copies_wait<0>();
    barrier();
    multiply_tile<float, product>(sums, shared + warp_rows() * kLine, right + warp_tokens() * kLine);
    barrier();
  }
  store_tile<float>(sums, out);
}

// The kept weights of a row in order: each thread follows both halves of its row, and writes its own.
template <Product<float> product>
DEVICE void matmul_bitmap(unsigned char* shared, const uint32_t* index, const uint32_t* starts, const uint16_t* values,
                          const unsigned char* x, int64_t columns, const Output& out) {
  const int64_t words = (columns + 63) / 64 * 2;
  const int64_t own_row = static_cast<int64_t>(blockIdx.x) * kTileRows + threadIdx.x / 2;
  uint32_t at = own_row < out.rows ? starts[own_row] : 0;
  matmul_filled<product>(shared, x, columns, out, [&](int64_t row, int half, int64_t step, uint16_t* to) {
    const uint32_t kept = index[row * words + step];
    const uint16_t* from = values + at + (half == 1 ? ones(kept & 0xffff) : 0);
    const uint32_t own = kept >> (16 * half);
#pragma unroll
    for (int i = 0; i < 16; i++) {
      if ((own >> i & 1) != 0) to[i] = *from++;
    }
    at += static_cast<uint32_t>(ones(kept));
  });
}

template <Product<float> product>
DEVICE void matmul_csr(unsigned char* shared, const uint16_t* index, const uint32_t* starts, const uint16_t* values,
                       const unsigned char* x, int64_t columns, const Output& out) {
  const int64_t own_row = static_cast<int64_t>(blockIdx.x) * kTileRows + threadIdx.x / 2;
  uint32_t at = own_row < out.rows ? starts[own_row] : 0;
  matmul_filled<product>(shared, x, columns, out, [&](int64_t row, int half, int64_t step, uint16_t* to) {
    const int64_t first = 32 * step + 16 * half;
    const uint32_t end = starts[row + 1];
    while (at < end && index[at] < first) at++;
    for (; at < end && index[at] < first + 16; at++) to[index[at] - first] = values[at];
  });
}

}  // namespace

// x and weights: lines of `line_bytes`, a multiple of 16. Shared memory: matmul_shared_bytes of matmul.h.
#define MATMUL(suffix, Sum, product)                                                                                     \
  KERNEL THREADS(kThreads) matmul_##suffix(const unsigned char* weights, const unsigned char* x, const float* row_scales, \
                                           const float* token_scales, int64_t rows, int64_t tokens, int64_t line_bytes,   \
                                           float* y) {                                                                    \
    DYNAMIC_SHARED(shared);                                                                                               \
    matmul<Sum, product>(shared, weights, x, line_bytes, {y, rows, tokens, row_scales, token_scales});                    \
  }                                                                                                                       \
  ENTRY(matmul_##suffix)
MATMUL(f16, float, mma_f16)
MATMUL(bf16, float, mma_bf16)
MATMUL(tf32, float, mma_tf32)
MATMUL(int8, int, mma_int8)
MATMUL(fp8, float, mma_e4m3)
#undef MATMUL

// x: 16-bit elements of the weights' type; columns: a multiple of 8. One stage of shared memory.
#define MATMUL_PACKED(suffix, product)                                                                                     \
  KERNEL THREADS(kThreads) matmul_bitmap_##suffix(const uint32_t* index, const uint32_t* starts, const uint16_t* values,    \
                                                  const unsigned char* x, int64_t rows, int64_t tokens, int64_t columns,    \
                                                  float* y) {                                                               \
    DYNAMIC_SHARED(shared);                                                                                                 \
    matmul_bitmap<product>(shared, index, starts, values, x, columns, {y, rows, tokens, nullptr, nullptr});                 \
  }                                                                                                                         \
  ENTRY(matmul_bitmap_##suffix)                                                                                             \
  KERNEL THREADS(kThreads) matmul_csr_##suffix(const uint16_t* index, const uint32_t* starts, const uint16_t* values,       \
                                               const unsigned char* x, int64_t rows, int64_t tokens, int64_t columns,       \
                                               float* y) {                                                                  \
    DYNAMIC_SHARED(shared);                                                                                                 \
    matmul_csr<product>(shared, index, starts, values, x, columns, {y, rows, tokens, nullptr, nullptr});                    \
  }                                                                                                                         \
  ENTRY(matmul_csr_##suffix)
MATMUL_PACKED(f16, mma_f16)
MATMUL_PACKED(bf16, mma_bf16)
#undef MATMUL_PACKED

// Weights in blocks of 32 as matvec_int4 has them; x in f16. columns: a multiple of 32.
KERNEL THREADS(kThreads) matmul_int4(const uint8_t* nibbles, const f16* scales, const unsigned char* x, int64_t rows,
                                     int64_t tokens, int64_t columns, float* y) {
  DYNAMIC_SHARED(shared);
  const int64_t blocks = columns / 32;
  const Output out = {y, rows, tokens, nullptr, nullptr};
  matmul_filled<mma_f16>(shared, x, columns, out, [&](int64_t row, int half, int64_t step, uint16_t* to) {
    const Vector128 packed = *reinterpret_cast<const Vector128*>(nibbles + (row * blocks + step) * 16);
    const float scale = widen(scales[row * blocks + step]);
#pragma unroll
    for (int i = 0; i < 16; i += 2) {
      const uint32_t pair = packed.words[i / 4] >> (8 * (i % 4) + 4 * half);
      const float first = static_cast<float>(static_cast<int>(pair & 15) - 8);
      const float second = static_cast<float>(static_cast<int>(pair >> 8 & 15) - 8);
      const uint32_t word = pack_f16(first * scale, second * scale);
      to[i] = static_cast<uint16_t>(word);
      to[i + 1] = static_cast<uint16_t>(word >> 16);
    }
  });
}
ENTRY(matmul_int4)
