#include "cuda/ops/decoding.h"

#include <algorithm>
#include <stdexcept>

namespace ridgepoint::cuda {
namespace {

constexpr unsigned kThreads = 128;
constexpr unsigned kWarps = kThreads / 32;
// Slices of 16 bytes that each of eight lanes has of a row: the kernels that there are, and how many heads a block has.
struct Width {
  unsigned slices, heads;
};
constexpr Width kFloats[] = {{2, 4}, {4, 4}, {8, 2}, {16, 1}};
constexpr Width kHalves[] = {{1, 4}, {2, 4}, {4, 2}, {8, 1}};
constexpr Width kBytes[] = {{1, 4}, {2, 2}, {4, 1}};
constexpr int64_t kSliceOfRow = 8 * 16;
// Tokens below which a part is not worth its merge.
constexpr int64_t kLeastTokens = 64;
// Blocks of a multiprocessor that hide each other's waiting.
constexpr int64_t kBlocks = 4;

Width width_for(ops::Type type, int64_t value_bytes) {
  const auto fits = [&](const auto& widths) {
    for (const Width& width : widths) {
      if (width.slices * kSliceOfRow >= value_bytes) return width;
    }
    throw std::runtime_error("values of " + std::to_string(value_bytes) + " bytes are longer than the CUDA kernels take");
  };
  if (type == ops::Type::f32) return fits(kFloats);
  return type == ops::Type::int8 ? fits(kBytes) : fits(kHalves);
}

}  // namespace

Decoding::Decoding(const DecodeArguments& d, int64_t batch, ops::Type type, int64_t splits) : arguments(d), batch_(batch) {
  const int64_t bytes = type == ops::Type::f32 ? 4 : type == ops::Type::int8 ? 1 : 2, each = 16 / bytes;
  if (d.key_length % each != 0 || d.value_length % each != 0) {
    throw std::runtime_error(std::string("the CUDA kernels take keys and values in pieces of 16 bytes, so lengths in ") +
                             ops::name_of(type) + " have to be multiples of " + std::to_string(each));
  }
  const Width width = width_for(type, d.value_length * bytes);
  heads_of_block_ = width.heads;
  kernel_ = std::string("attention_decode_") + ops::name_of(type) + "_" + std::to_string(width.slices);
  const int64_t queries = width.heads * d.key_length;
  const int64_t merged = kWarps * width.heads * (d.value_length + 2);
  shared_bytes_ = static_cast<unsigned>(4 * std::max(queries, merged));
  if (splits == 0) {
    const int64_t blocks = batch * d.kv_heads * blocks_for(d.heads / d.kv_heads, width.heads);
    const int64_t wanted = (Device::get().attribute(kProcessors) * kBlocks + blocks - 1) / blocks;
    splits = std::clamp<int64_t>((d.context - d.first) / kLeastTokens, 1, std::max<int64_t>(wanted, 1));
  }
  arguments.splits = static_cast<int32_t>(std::min(splits, d.context - d.first));
  const auto slots = static_cast<size_t>(batch * d.heads * arguments.splits);
  parts_ = Buffer(slots * static_cast<size_t>(d.value_length) * 4);
  tops_ = Buffer(slots * 2 * 4);
  arguments.parts = pointer<float>(parts_);
  arguments.tops = pointer<float>(tops_);
}

void Decoding::start(const Buffer& outputs) {
  Device& device = Device::get();
  const DecodeArguments& d = arguments;
  const unsigned chunks = blocks_for(d.heads / d.kv_heads, heads_of_block_);
  const Size grid = {static_cast<unsigned>(d.splits), static_cast<unsigned>(d.kv_heads) * chunks, static_cast<unsigned>(batch_)};
  device.launch(kernel_.c_str(), grid, {kThreads}, shared_bytes_, d);
  device.launch("attention_merge", {static_cast<unsigned>(batch_ * d.heads)}, {kThreads}, 0, parts_.address(), tops_.address(),
                d.splits, d.value_length, outputs.address());
}

}  // namespace ridgepoint::cuda
