#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <unordered_map>
#include <vector>

#include "calibration/calibration.h"
#include "calibration/input.h"

using ridgepoint::Input;

namespace {

// A ggml_tensor, read by the layout that the caller gave.
class Tensor {
 public:
  Tensor(const ridge_tensor_layout& layout, const void* tensor)
      : layout_(layout), bytes_(static_cast<const char*>(tensor)) {}

  int32_t type() const { return at<int32_t>(layout_.type); }
  int32_t op() const { return at<int32_t>(layout_.op); }
  int64_t ne(int i) const { return at<int64_t>(layout_.ne + 8 * i); }
  int64_t nb(int i) const { return static_cast<int64_t>(at<size_t>(layout_.nb + 8 * i)); }
  const char* data() const { return at<const char*>(layout_.data); }
  const char* name() const { return bytes_ + layout_.name; }
  const void* address() const { return bytes_; }
  Tensor source(int i) const { return Tensor(layout_, at<const void*>(layout_.src + 8 * i)); }

 private:
  template <typename T>
  T at(int32_t offset) const {
    T value;
    std::memcpy(&value, bytes_ + offset, sizeof(T));
    return value;
  }

  const ridge_tensor_layout& layout_;
  const char* bytes_;
};

struct Weights {
  int32_t columns;
  Input* input = nullptr;
  // Others that read the same input leave the sums to the first one in the graph.
  bool first = false;
};

class Collector {
 public:
  Collector(const ridge_tensor_layout& layout, bool hessians, int threads)
      : layout_(layout), hessians_(hessians), threads_(threads) {}

  int32_t want(const char* name, int32_t columns) {
    const auto index = static_cast<int32_t>(weights_.size());
    weights_.push_back({columns});
    indices_[name] = index;
    return index;
  }

  void end_at(const char* node, float* memory, int64_t tokens) {
    end_node_ = node;
    memory_ = memory;
    capacity_ = tokens;
  }

  bool evaluate(const void* address, bool ask) {
    const Tensor tensor(layout_, address);
    const bool last = end_node_ == tensor.name();
    Weights* weights = wanted(tensor);
    if (ask) return last || weights != nullptr;
    if (weights != nullptr) reduce(*weights, tensor.source(1));
    if (last && memory_ != nullptr) copy(tensor);
    return !last && status_ == RIDGE_OK;
  }

  int64_t end_sequence() {
    for (auto& input : inputs_) input->end_sequence();
    last_source_ = nullptr;
    const int64_t copied = copied_;
    copied_ = 0;
    const int32_t status = status_;
    status_ = RIDGE_OK;
    return status == RIDGE_OK ? copied : -status;
  }

  void read(int32_t index, ridge_input* into) {
    *into = {};
    Input* input = weights_[static_cast<size_t>(index)].input;
    if (input == nullptr) return;
    input->finish();
    *into = {input->tokens,      input->sequences,     input->squares.data(),
             input->sums.data(), input->spread.data(), input->products.empty() ? nullptr : input->products.data()};
  }

  void fail(int32_t code) { status_ = code; }

 private:
  Weights* wanted(const Tensor& tensor) {
    if (tensor.op() != layout_.op_mul_mat) return nullptr;
    const auto found = indices_.find(tensor.source(0).name());
    return found == indices_.end() ? nullptr : &weights_[static_cast<size_t>(found->second)];
  }

  void reduce(Weights& weights, const Tensor& source) {
    if (source.type() != layout_.type_f32 || source.ne(0) != weights.columns || source.nb(0) != sizeof(float)) {
      status_ = RIDGE_WRONG_SHAPE;
      return;
    }
    if (weights.input == nullptr) {
      weights.first = source.address() != last_source_;
      if (weights.first) inputs_.push_back(std::make_unique<Input>(weights.columns, hessians_));
      weights.input = weights.first ? inputs_.back().get() : last_input_;
    }
    if (!weights.first) {
      if (source.address() != last_source_ || weights.input != last_input_) status_ = RIDGE_INPUT_CHANGED;
      return;
    }
    last_source_ = source.address();
    last_input_ = weights.input;
    const auto stride = source.nb(1) / static_cast<int64_t>(sizeof(float));
    for (int64_t i3 = 0; i3 < source.ne(3); i3++) {
      for (int64_t i2 = 0; i2 < source.ne(2); i2++) {
        const char* rows = source.data() + i2 * source.nb(2) + i3 * source.nb(3);
        weights.input->add(reinterpret_cast<const float*>(rows), source.ne(1), stride, threads_);
      }
    }
  }

  void copy(const Tensor& tensor) {
    const int64_t columns = tensor.ne(0);
    const int64_t rows = tensor.ne(1);
    if (tensor.type() != layout_.type_f32 || copied_ + rows > capacity_) {
      status_ = RIDGE_WRONG_SHAPE;
      return;
    }
    for (int64_t t = 0; t < rows; t++) {
      std::memcpy(memory_ + (copied_ + t) * columns, tensor.data() + t * tensor.nb(1),
                  static_cast<size_t>(columns) * sizeof(float));
    }
    copied_ += rows;
  }

  const ridge_tensor_layout layout_;
  const bool hessians_;
  const int threads_;
  std::vector<Weights> weights_;
  std::unordered_map<std::string, int32_t> indices_;
  std::vector<std::unique_ptr<Input>> inputs_;
  // Of the last product that was reduced: the next one may read the same.
  const void* last_source_ = nullptr;
  Input* last_input_ = nullptr;
  std::string end_node_;
  float* memory_ = nullptr;
  int64_t capacity_ = 0;
  int64_t copied_ = 0;
  int32_t status_ = RIDGE_OK;
};

Collector* of(void* collector) { return static_cast<Collector*>(collector); }

}  // namespace

int32_t ridge_calibration_interface(void) { return 1; }

void* ridge_collector_open(const ridge_tensor_layout* layout, int32_t hessians, int32_t threads) {
  return new (std::nothrow) Collector(*layout, hessians != 0, threads);
}

void ridge_collector_close(void* collector) { delete of(collector); }

int32_t ridge_collector_want(void* collector, const char* weights, int32_t columns) try {
  return of(collector)->want(weights, columns);
} catch (const std::exception&) {
  return -1;
}

int32_t ridge_collector_end_at(void* collector, const char* node, float* memory, int64_t tokens) try {
  of(collector)->end_at(node, memory, tokens);
  return RIDGE_OK;
} catch (const std::exception&) {
  return RIDGE_OUT_OF_MEMORY;
}

bool ridge_collector_evaluate(void* tensor, bool ask, void* collector) try {
  return of(collector)->evaluate(tensor, ask);
} catch (const std::exception&) {
  of(collector)->fail(RIDGE_OUT_OF_MEMORY);
  return false;
}

int64_t ridge_collector_end_sequence(void* collector) { return of(collector)->end_sequence(); }

int32_t ridge_collector_read(void* collector, int32_t index, ridge_input* input) {
  of(collector)->read(index, input);
  return RIDGE_OK;
}
