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
  void* buffer() const { return at<void*>(layout_.buffer); }
  // An address of its buffer: of a device's memory, it may be.
  const char* data() const { return at<const char*>(layout_.data); }
  // From the first to the last of its elements, which have 4 bytes as all that are read here.
  size_t bytes() const {
    int64_t last = 0;
    for (int i = 0; i < 4; i++) {
      if (ne(i) == 0) return 0;
      last += (ne(i) - 1) * nb(i);
    }
    return static_cast<size_t>(last) + 4;
  }
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

// Reads tensors of the engine, wherever they lie.
class Reader {
 public:
  Reader(ridge_buffer_is_host is_host, ridge_tensor_get get) : is_host_(is_host), get_(get) {}

  // Returns where the elements of a tensor can be read: where they are, or in `copy`. A graph has the tokens that are run at once
  // and no more (512: 59 MB of 28,672 channels), so they are copied in one.
  const char* read(const Tensor& tensor, std::vector<char>& copy) const {
    if (tensor.buffer() == nullptr || is_host_(tensor.buffer())) return tensor.data();
    const size_t bytes = tensor.bytes();
    if (copy.size() < bytes) copy.resize(bytes);
    if (bytes > 0) get_(tensor.address(), copy.data(), 0, bytes);
    return copy.data();
  }

 private:
  ridge_buffer_is_host is_host_;
  ridge_tensor_get get_;
};

// What products with one tensor of weights read: one Input, or one for each expert; null until a token comes.
using Inputs = std::vector<std::unique_ptr<Input>>;

// Where a product reads: its activations, and which experts they go to.
struct Sources {
  const void* rows = nullptr;
  const void* ids = nullptr;

  bool operator==(const Sources& other) const { return rows == other.rows && ids == other.ids; }
};

struct Weights {
  int32_t columns;
  bool experts;
  Inputs* inputs = nullptr;
  // Others that read the same leave the sums to the first one in the graph.
  bool first = false;
};

struct Wanted {
  // Of a map, so it stays where it is.
  const Weights* weights;
  size_t expert;
};

class Collector {
 public:
  Collector(const ridge_tensor_layout& layout, const Reader& reader, bool hessians, int threads)
      : layout_(layout), reader_(reader), hessians_(hessians), threads_(threads) {}

  int32_t want(const char* name, int32_t expert, int32_t columns) {
    const Weights& weights = weights_.try_emplace(name, Weights{columns, expert >= 0}).first->second;
    wanted_.push_back({&weights, static_cast<size_t>(expert < 0 ? 0 : expert)});
    return static_cast<int32_t>(wanted_.size()) - 1;
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
    // Of a graph over several devices the engine ends the part that one of them has, and goes on with the next.
    if (weights != nullptr && status_ == RIDGE_OK) reduce(*weights, tensor);
    if (last && memory_ != nullptr) copy(tensor);
    return !last && status_ == RIDGE_OK;
  }

  int64_t end_sequence() {
    for (auto& inputs : inputs_) {
      for (auto& input : *inputs) {
        if (input != nullptr) input->end_sequence();
      }
    }
    last_ = {};
    const int64_t copied = copied_;
    copied_ = 0;
    const int32_t status = status_;
    status_ = RIDGE_OK;
    return status == RIDGE_OK ? copied : -status;
  }

  int32_t read(int32_t index, ridge_input* into) {
    *into = {};
    const auto& [weights, expert] = wanted_[static_cast<size_t>(index)];
    if (weights->inputs == nullptr) return RIDGE_NOT_SEEN;
    if (expert >= weights->inputs->size()) return RIDGE_OK;
    Input* input = (*weights->inputs)[expert].get();
    if (input == nullptr) return RIDGE_OK;
    input->finish();
    *into = {input->tokens,      input->sequences,     input->squares.data(),
             input->sums.data(), input->spread.data(), input->products.empty() ? nullptr : input->products.data()};
    return RIDGE_OK;
  }

  void fail(int32_t code) { status_ = code; }

 private:
  Weights* wanted(const Tensor& tensor) {
    if (tensor.op() != layout_.op_mul_mat && tensor.op() != layout_.op_mul_mat_id) return nullptr;
    const auto found = weights_.find(tensor.source(0).name());
    return found == weights_.end() ? nullptr : &found->second;
  }

  void reduce(Weights& weights, const Tensor& product) {
    const Tensor rows = product.source(1);
    const bool experts = product.op() == layout_.op_mul_mat_id;
    if (rows.type() != layout_.type_f32 || rows.ne(0) != weights.columns || rows.nb(0) != sizeof(float) ||
        experts != weights.experts) {
      status_ = RIDGE_WRONG_SHAPE;
      return;
    }
    const Sources sources{rows.address(), experts ? product.source(2).address() : nullptr};
    if (weights.inputs == nullptr) {
      weights.first = !(sources == last_);
      if (weights.first) inputs_.push_back(std::make_unique<Inputs>());
      weights.inputs = weights.first ? inputs_.back().get() : last_inputs_;
    }
    if (!weights.first) {
      if (!(sources == last_) || weights.inputs != last_inputs_) status_ = RIDGE_INPUT_CHANGED;
      return;
    }
    last_ = sources;
    last_inputs_ = weights.inputs;
    if (experts) {
      add_to_experts(*weights.inputs, rows, product.source(2), product.source(0).ne(2));
    } else {
      add_all(*weights.inputs, rows);
    }
  }

  void add_all(Inputs& inputs, const Tensor& rows) {
    inputs.resize(1);
    const char* data = reader_.read(rows, rows_);
    const auto stride = rows.nb(1) / static_cast<int64_t>(sizeof(float));
    for (int64_t i3 = 0; i3 < rows.ne(3); i3++) {
      for (int64_t i2 = 0; i2 < rows.ne(2); i2++) {
        const char* first = data + i2 * rows.nb(2) + i3 * rows.nb(3);
        input_of(inputs, 0, rows.ne(0)).add(reinterpret_cast<const float*>(first), rows.ne(1), stride, threads_);
      }
    }
  }

  // rows: [columns, places or 1, tokens]; ids: [places, tokens], the expert in each place of a token. With one row a token
  // all of its experts read that one (gate and up), else each its own (down): ggml.h, ggml_mul_mat_id.
  void add_to_experts(Inputs& inputs, const Tensor& rows, const Tensor& ids, int64_t experts) {
    if (ids.type() != layout_.type_i32 || ids.ne(1) != rows.ne(2) || rows.ne(1) == 0) {
      status_ = RIDGE_WRONG_SHAPE;
      return;
    }
    const char* data = reader_.read(rows, rows_);
    const char* chosen = reader_.read(ids, ids_);
    const auto columns = static_cast<size_t>(rows.ne(0));
    inputs.resize(static_cast<size_t>(experts));
    gathered_.resize(static_cast<size_t>(experts));
    for (auto& of_expert : gathered_) of_expert.clear();
    for (int64_t token = 0; token < ids.ne(1); token++) {
      for (int64_t place = 0; place < ids.ne(0); place++) {
        int32_t expert;
        std::memcpy(&expert, chosen + token * ids.nb(1) + place * ids.nb(0), sizeof(expert));
        if (expert < 0 || expert >= experts) {
          status_ = RIDGE_WRONG_SHAPE;
          return;
        }
        const char* row = data + (place % rows.ne(1)) * rows.nb(1) + token * rows.nb(2);
        const auto* values = reinterpret_cast<const float*>(row);
        auto& of_expert = gathered_[static_cast<size_t>(expert)];
        of_expert.insert(of_expert.end(), values, values + columns);
      }
    }
    for (size_t expert = 0; expert < gathered_.size(); expert++) {
      const auto& of_expert = gathered_[expert];
      if (of_expert.empty()) continue;
      const auto count = static_cast<int64_t>(of_expert.size() / columns);
      input_of(inputs, expert, rows.ne(0)).add(of_expert.data(), count, rows.ne(0), threads_);
    }
  }

  Input& input_of(Inputs& inputs, size_t expert, int64_t columns) {
    auto& input = inputs[expert];
    if (input == nullptr) input = std::make_unique<Input>(columns, hessians_);
    return *input;
  }

  void copy(const Tensor& tensor) {
    const int64_t columns = tensor.ne(0);
    const int64_t rows = tensor.ne(1);
    if (tensor.type() != layout_.type_f32 || copied_ + rows > capacity_) {
      status_ = RIDGE_WRONG_SHAPE;
      return;
    }
    const char* data = reader_.read(tensor, rows_);
    for (int64_t t = 0; t < rows; t++) {
      std::memcpy(memory_ + (copied_ + t) * columns, data + t * tensor.nb(1),
                  static_cast<size_t>(columns) * sizeof(float));
    }
    copied_ += rows;
  }

  const ridge_tensor_layout layout_;
  const Reader reader_;
  const bool hessians_;
  const int threads_;
  std::unordered_map<std::string, Weights> weights_;
  std::vector<Wanted> wanted_;
  std::vector<std::unique_ptr<Inputs>> inputs_;
  // Of the last product that was reduced: the next one may read the same.
  Sources last_;
  Inputs* last_inputs_ = nullptr;
  // What was copied of the product at hand, from a device.
  std::vector<char> rows_, ids_;
  // The rows of each expert in it.
  std::vector<std::vector<float>> gathered_;
  std::string end_node_;
  float* memory_ = nullptr;
  int64_t capacity_ = 0;
  int64_t copied_ = 0;
  int32_t status_ = RIDGE_OK;
};

Collector* of(void* collector) { return static_cast<Collector*>(collector); }

}  // namespace

void* ridge_collector_open(const ridge_tensor_layout* layout, ridge_buffer_is_host is_host, ridge_tensor_get get,
                           int32_t hessians, int32_t threads) {
  return new (std::nothrow) Collector(*layout, Reader(is_host, get), hessians != 0, threads);
}

void ridge_collector_close(void* collector) { delete of(collector); }

int32_t ridge_collector_want(void* collector, const char* weights, int32_t expert, int32_t columns) try {
  return of(collector)->want(weights, expert, columns);
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
  return of(collector)->read(index, input);
}
