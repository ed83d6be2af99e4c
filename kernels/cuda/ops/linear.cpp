#include <numeric>

#include "cuda/arguments.h"
#include "cuda/ops/activations.h"
#include "cuda/ops/linear.h"
#include "cuda/ops/packing.h"

namespace ridgepoint::cuda {
namespace {

using ops::Type;
using ops::Unit;

// Of matvec.cu: blocks of four warps, of which each has one row, or two of a dense matrix.
constexpr unsigned kThreads = 128;
constexpr int64_t kWarps = kThreads / 32;
// Of matmul.cu: tiles of 128 rows and 128 vectors; three stages of both, or one where weights are written out, or two of 2:4.
constexpr int64_t kTile = 128;
constexpr unsigned kTileThreads = 256;
constexpr unsigned kStage = 2 * kTile * 80;
constexpr unsigned kSparseStages = 2 * kTile * (80 + 144);

const char* word_of(Form form) {
  switch (form) {
    case Form::dense: return "";
    case Form::bitmap: return "bitmap_";
    case Form::two_of_four: return "2of4_";
    case Form::csr: return "csr_";
    case Form::blocks: return "blocks_";
  }
  return "";
}

class Linear final : public DeviceKernel {
 public:
  Linear(const ops::LinearProblem& problem, Form form, Unit unit, float* host)
      : DeviceKernel(problem.weights.rows * problem.batch, host),
        form_(form),
        unit_(unit),
        type_(problem.weights.type),
        rows_(problem.weights.rows),
        columns_(problem.weights.stride),
        batch_(problem.batch),
        vectors_(problem, unit) {
    const ops::Weights& w = problem.weights;
    const PackedWeights packed = pack(w, form);
    values_ = Buffer(packed.values);
    if (!packed.index.empty()) index_ = Buffer(packed.index);
    if (!packed.starts.empty()) starts_ = Buffer(packed.starts);
    if (w.row_scales != nullptr) scales_ = Buffer(w.row_scales, static_cast<size_t>(rows_) * sizeof(float));
    if (w.block_scales != nullptr) scales_ = Buffer(w.block_scales, static_cast<size_t>(rows_ * columns_ / ops::kBlock) * 2);
    const size_t bytes = values_.bytes() + index_.bytes() + starts_.bytes() + scales_.bytes();
    bits_ = 8.0 * static_cast<double>(bytes) / static_cast<double>(w.rows * w.columns);
    if (together()) make_group();
  }

  ops::Facts facts() const override { return {{"bitsPerWeight", bits_}}; }

 protected:
  void start() override {
    vectors_.start();
    if (unit_ == Unit::matrix) return start_tensor();
    if (together()) return start_group();
    for (int64_t vector = 0; vector < batch_; vector++) start_vector(vector);
  }

 private:
  // Many vectors of a dense matrix in floats: a row goes past all of them.
  bool together() const {
    return unit_ == Unit::vector && form_ == Form::dense && batch_ > 1 && type_ != Type::int8 && type_ != Type::int4;
  }

  void make_group() {
    std::vector<int32_t> order(static_cast<size_t>(batch_));
    std::iota(order.begin(), order.end(), 0);
    order_ = Buffer(order);
    first_ = Buffer(std::vector<int32_t>{0, static_cast<int32_t>(batch_)});
  }

  void start_group() {
    GroupedArguments g{};
    g.weights = reinterpret_cast<const void*>(values_.address());
    g.x = reinterpret_cast<const float*>(vectors_.numbers());
    g.y = reinterpret_cast<float*>(output_.address());
    // The only group has matrix 0: the first number of starts is that, too.
    g.matrix_of = g.starts = reinterpret_cast<const int32_t*>(first_.address());
    g.x_of = g.y_of = reinterpret_cast<const int32_t*>(order_.address());
    g.rows = rows_, g.columns = static_cast<int32_t>(columns_);
    const std::string name = std::string("grouped_rows_") + ops::name_of(type_);
    Device::get().launch(name.c_str(), {blocks_for(rows_, kWarps)}, {kThreads}, 0, g);
  }

  void start_vector(int64_t vector) {
    Device& device = Device::get();
    const std::string name = std::string("matvec_") + word_of(form_) + ops::name_of(type_);
    const auto rows = static_cast<int32_t>(rows_), columns = static_cast<int32_t>(columns_);
    const Address x = vectors_.numbers(vector), x_scale = vectors_.scales(vector);
    const Address y = output_.address() + static_cast<Address>(vector * rows_ * 4);
    const Size grid = {blocks_for(rows_, kWarps)}, two = {blocks_for(rows_, 2 * kWarps)}, block = {kThreads};
    const Address index = index_.address(), starts = starts_.address(), values = values_.address(), scales = scales_.address();
    if (type_ == Type::int4) {
      device.launch("matvec_int4", grid, block, 0, values, scales, x, x_scale, rows, columns, y);
    } else if (form_ == Form::dense) {
      device.launch(name.c_str(), two, block, 0, values, x, scales, x_scale, rows, columns, y);
    } else if (form_ == Form::bitmap) {
      device.launch(name.c_str(), grid, block, 0, index, starts, values, x, scales, x_scale, rows, columns, y);
    } else if (form_ == Form::two_of_four) {
      device.launch(name.c_str(), grid, block, 0, index, values, x, scales, x_scale, rows, columns, y);
    } else {
      device.launch(name.c_str(), grid, block, 0, index, starts, values, x, scales, x_scale, rows, y);
    }
  }

  void start_tensor() {
    Device& device = Device::get();
    const std::string name = std::string("matmul_") + word_of(form_) + ops::name_of(type_);
    const Size grid = {blocks_for(rows_, kTile), blocks_for(batch_, kTile)}, block = {kTileThreads};
    const Address index = index_.address(), starts = starts_.address(), values = values_.address(), x = vectors_.numbers();
    const Address y = output_.address();
    if (type_ == Type::int4) {
      device.launch("matmul_int4", grid, block, kStage, values, scales_.address(), x, rows_, batch_, columns_, y);
    } else if (form_ == Form::dense) {
      const int64_t line = columns_ * ops::bits_of_type(type_) / 8;
      device.launch(name.c_str(), grid, block, 3 * kStage, values, x, scales_.address(), vectors_.scales(), rows_, batch_, line, y);
    } else if (form_ == Form::two_of_four) {
      device.launch(name.c_str(), grid, block, kSparseStages, index, values, x, rows_, batch_, columns_, y);
    } else {
      device.launch(name.c_str(), grid, block, kStage, index, starts, values, x, rows_, batch_, columns_, y);
    }
  }

  Form form_;
  Unit unit_;
  Type type_;
  int64_t rows_, columns_, batch_;
  Vectors vectors_;
  Buffer values_, index_, starts_, scales_, order_, first_;
  double bits_;
};

}  // namespace

std::unique_ptr<ops::Kernel> on_gpu(const ops::LinearProblem& problem, Form form, Unit unit, ops::Arena& arena) {
  float* host = arena.take<float>("output", problem.weights.rows * problem.batch, ops::Use::output);
  return std::make_unique<Linear>(problem, form, unit, host);
}

double tensor_tolerance(Type type) {
  if (type == Type::int8) return ops::linear_tolerance(type);
  return 1e-5 + (type == Type::f16 ? 0x1p-11 : type == Type::int4 ? 0x1p-10 : 0);
}

}  // namespace ridgepoint::cuda
