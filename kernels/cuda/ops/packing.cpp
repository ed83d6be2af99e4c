#include "cuda/ops/packing.h"

#include <stdexcept>

namespace ridgepoint::cuda {
namespace {

// Columns of a block, which a row keeps together.
constexpr int64_t kBlockColumns = 16;

class Packer {
 public:
  explicit Packer(const ops::Weights& weights)
      : weights_(weights), bytes_(ops::bits_of_type(weights.type) / 8), words_(weights.stride / ops::kGroup) {}

  PackedWeights bitmap() {
    const auto* mask = reinterpret_cast<const uint8_t*>(weights_.mask);
    packed_.index.assign(mask, mask + weights_.rows * words_ * 8);
    each_kept([&](int64_t row, int64_t column) { keep(row, column); });
    return std::move(packed_);
  }

  PackedWeights csr() {
    if (weights_.stride > 65536) throw std::runtime_error("csr has columns of 16 bits, and the matrix has more");
    each_kept([&](int64_t row, int64_t column) {
      keep(row, column);
      put16(static_cast<uint16_t>(column));
    });
    return std::move(packed_);
  }

  PackedWeights two_of_four() {
    packed_.index.assign(static_cast<size_t>(weights_.rows * weights_.stride / 8), 0);
    for (int64_t row = 0; row < weights_.rows; row++) {
      for (int64_t column = 0; column < weights_.stride; column += 4) group_of_four(row, column);
    }
    return std::move(packed_);
  }

  PackedWeights blocks() {
    for (int64_t row = 0; row < weights_.rows; row++) {
      packed_.starts.push_back(static_cast<uint32_t>(packed_.index.size() / 2));
      for (int64_t block = 0; block < weights_.stride / kBlockColumns; block++) {
        if ((word(row, block * kBlockColumns) >> (block * kBlockColumns % 64) & 0xffff) == 0) continue;
        put16(static_cast<uint16_t>(block));
        for (int64_t i = 0; i < kBlockColumns; i++) keep(row, block * kBlockColumns + i);
      }
    }
    packed_.starts.push_back(static_cast<uint32_t>(packed_.index.size() / 2));
    return std::move(packed_);
  }

 private:
  uint64_t word(int64_t row, int64_t column) const { return weights_.mask[row * words_ + column / 64]; }

  void keep(int64_t row, int64_t column) {
    const auto* from = static_cast<const uint8_t*>(weights_.values) + (row * weights_.stride + column) * bytes_;
    packed_.values.insert(packed_.values.end(), from, from + bytes_);
  }

  void put16(uint16_t number) {
    packed_.index.push_back(static_cast<uint8_t>(number));
    packed_.index.push_back(static_cast<uint8_t>(number >> 8));
  }

  template <class Visit>
  void each_kept(const Visit& visit) {
    for (int64_t row = 0; row < weights_.rows; row++) {
      packed_.starts.push_back(static_cast<uint32_t>(packed_.values.size() / static_cast<size_t>(bytes_)));
      for (int64_t column = 0; column < weights_.stride; column++) {
        if ((word(row, column) >> (column % 64) & 1) != 0) visit(row, column);
      }
    }
    packed_.starts.push_back(static_cast<uint32_t>(packed_.values.size() / static_cast<size_t>(bytes_)));
  }

  // Two places of a group, ascending, among them all that are kept.
  void group_of_four(int64_t row, int64_t column) {
    const unsigned kept = word(row, column) >> (column % 64) & 15;
    unsigned places[2] = {0, 0};
    int count = 0;
    for (unsigned place = 0; place < 4; place++) {
      if ((kept >> place & 1) == 0) continue;
      if (count == 2) throw std::runtime_error("2:4 holds two of every four weights, and this matrix keeps more");
      places[count++] = place;
    }
    if (count == 0) places[1] = 1;
    if (count == 1) {
      const unsigned other = places[0] == 3 ? 2 : places[0] + 1;
      places[1] = other > places[0] ? other : places[0];
      places[0] = other > places[0] ? places[0] : other;
    }
    for (const unsigned place : places) keep(row, column + place);
    const unsigned nibble = places[0] | places[1] << 2;
    packed_.index[static_cast<size_t>((row * weights_.stride + column) / 8)] |= static_cast<uint8_t>(nibble << (column & 4));
  }

  const ops::Weights& weights_;
  int64_t bytes_, words_;
  PackedWeights packed_;
};

}  // namespace

PackedWeights pack(const ops::Weights& weights, Form form) {
  if (form == Form::bitmap) return Packer(weights).bitmap();
  if (form == Form::two_of_four) return Packer(weights).two_of_four();
  if (form == Form::csr) return Packer(weights).csr();
  if (form == Form::blocks) return Packer(weights).blocks();
  const auto* from = static_cast<const uint8_t*>(weights.values);
  return {{}, {}, {from, from + weights.rows * weights.stride * ops::bits_of_type(weights.type) / 8}};
}

}  // namespace ridgepoint::cuda
