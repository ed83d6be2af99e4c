// y = W x with two of every four weights kept, on the tensor cores' sparse products: half the bytes, half the arithmetic. The
// packed form of 2:4 (core/techniques/packing) is what the instruction wants: kept weights in order, and two bits for the
// place of each.
//
// Tiles as in matmul.cu; a tile has 64 columns: 64 bytes of kept weights a row, 128 bytes of x a token.
#include "machine/machine.h"

namespace sparse {

constexpr int kTileRows = 128;
constexpr int kTileTokens = 128;
constexpr int kColumns = 64;
constexpr int kLeftLine = 80;
constexpr int kRightLine = 144;
constexpr int kStages = 2;
constexpr int kThreads = 256;
constexpr int kStageBytes = kTileRows * kLeftLine + kTileTokens * kRightLine;
constexpr int kAcross = 4;

// `lines` of `chunks` times 16 bytes for all threads together; zeros where `from` ends.
template <int chunks, int line>
DEVICE void copy_lines(unsigned char* to, const unsigned char* from, int64_t first, int64_t lines, int64_t line_bytes,
                       int64_t offset) {
#pragma unroll
  for (int part = 0; part < 128 * chunks / kThreads; part++) {
    const int place = static_cast<int>(threadIdx.x) + part * kThreads;
    const int own = place / chunks, byte = place % chunks * 16;
    const int64_t left = line_bytes - offset - byte;
    const bool there = first + own < lines && left > 0;
    const unsigned char* source = there ? from + (first + own) * line_bytes + offset + byte : from;
    copy_async(to + own * line + byte, source, there ? (left < 16 ? static_cast<unsigned>(left) : 16u) : 0u);
  }
}

// Places of the kept weights of rows `row` and row + 8 in 16 columns from `column` on, as the instruction wants them.
DEVICE uint32_t places_at(const uint16_t* index, int64_t row, int64_t rows, int64_t column, int64_t columns) {
  const int64_t words = columns / 16;
  // Behind the end kept weights are zeros; their places have to be two different ones.
  constexpr uint32_t kAny = 0x4444;
  const int64_t word = column / 16;
  const uint32_t low = row < rows && word < words ? index[row * words + word] : kAny;
  const uint32_t high = row + 8 < rows && word < words ? index[(row + 8) * words + word] : kAny;
  return high << 16 | low;
}

}  // namespace sparse

// index: 16 bits for 16 columns. values: columns / 2 of each row. x: f16. columns: a multiple of 16.
KERNEL THREADS(sparse::kThreads) matmul_2of4_f16(const uint16_t* index, const unsigned char* values, const unsigned char* x,
                                                 int64_t rows, int64_t tokens, int64_t columns, float* y) {
  using namespace sparse;
  DYNAMIC_SHARED(shared);
  const int64_t row = static_cast<int64_t>(blockIdx.x) * kTileRows, token = static_cast<int64_t>(blockIdx.y) * kTileTokens;
  const int64_t steps = (columns + kColumns - 1) / kColumns;
  const int lane = static_cast<int>(lane_index());
  const int own_rows = static_cast<int>(warp_index() / 4) * 64, own_tokens = static_cast<int>(warp_index() % 4) * 32;
  const auto fetch = [&](int64_t step) {
    if (step < steps) {
      unsigned char* stage = shared + step % kStages * kStageBytes;
      copy_lines<4, kLeftLine>(stage, values, row, rows, columns, step * 64);
      copy_lines<8, kRightLine>(stage + kTileRows * kLeftLine, x, token, tokens, 2 * columns, step * 128);
    }
    copies_commit();
  };
  float sums[kAcross][kAcross][4] = {};
  fetch(0);
  for (int64_t step = 0; step < steps; step++) {
    copies_wait<0>();
    barrier();
    fetch(step + 1);
    const unsigned char* left = shared + step % kStages * kStageBytes + own_rows * kLeftLine;
    const unsigned char* right = shared + step % kStages * kStageBytes + kTileRows * kLeftLine + own_tokens * kRightLine;
#pragma unroll
    for (int part = 0; part < 2; part++) {
      // 32 columns: 32 bytes of kept weights, 64 bytes of x.
      uint32_t a[kAcross][4], b[kAcross][4], places[kAcross];
#pragma unroll
      for (int i = 0; i < kAcross; i++) {
        load_matrices(a[i], left + (16 * i + lane % 16) * kLeftLine + 32 * part + lane / 16 * 16);
        const int64_t line = row + own_rows + 16 * i + lane / 4;
        places[i] = places_at(index, line, rows, step * kColumns + 32 * part + 16 * (lane % 2), columns);
      }
#pragma unroll
      for (int j = 0; j < kAcross; j++) load_matrices(b[j], right + (8 * j + lane % 8) * kRightLine + 64 * part + lane / 8 * 16);
#pragma unroll
      for (int i = 0; i < kAcross; i++) {
#pragma unroll
        for (int j = 0; j < kAcross; j++) mma_sparse_f16(sums[i][j], a[i], b[j], places[i]);
      }
    }
  }
#pragma unroll
  for (int i = 0; i < kAcross; i++) {
#pragma unroll
    for (int j = 0; j < kAcross; j++) {
#pragma unroll
      for (int k = 0; k < 4; k++) {
        const int64_t line = row + own_rows + 16 * i + lane / 4 + k / 2 * 8;
        const int64_t column = token + own_tokens + 8 * j + lane % 4 * 2 + k % 2;
        if (line < rows && column < tokens) y[column * rows + line] = sums[i][j][k];
      }
    }
  }
}
ENTRY(matmul_2of4_f16)
