// What every op is made of. An op is a folder: op.cpp has its parameters, the plain reference, its tolerance and its counts
// of work; cpu_*.cpp have its kernels, one file for each set of instructions.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ops/arena.h"
#include "threads/pool.h"

namespace ridgepoint::ops {

// What the numbers of an op that are worth naming are stored as: weights, keys and values.
enum class Type { f32, f16, bf16, int8, int4 };
const char* name_of(Type type);

// A number of a shape: rows, tokens, percent.
struct Parameter {
  const char* name;
  const char* help;
  int64_t fallback;
  int64_t least;
  int64_t most;
};

// One number for each parameter, in the op's order.
using Shape = std::vector<int64_t>;

// One set of inputs, and what should come out. Its output is `units` pieces that can be computed apart, each of
// `unit_length` numbers: a row of a matrix, a head of one query.
class Problem {
 public:
  virtual ~Problem() = default;
  virtual int64_t units() const = 0;
  virtual int64_t unit_length() const { return 1; }
  // A unit in double precision, from the inputs as their type rounded them, and for each of its numbers the sum of the
  // magnitudes it was added up from: an error is relative to that.
  virtual void reference(int64_t unit, double* expected, double* magnitude) const = 0;
  // Where a number of a unit lies in the output of a kernel.
  virtual int64_t place(int64_t unit, int64_t element) const { return unit * unit_length() + element; }
};

using Facts = std::vector<std::pair<std::string, double>>;

// A variant that is ready to run: what it keeps was packed for it.
class Kernel {
 public:
  virtual ~Kernel() = default;
  virtual void run(Pool& pool) = 0;
  // Filled by run(); in the host's memory.
  virtual const float* output() = 0;
  // Nanoseconds of one run. A device has its own clock.
  virtual double timed(Pool& pool);
  // What is worth knowing of the packed form: bitsPerWeight.
  virtual Facts facts() const { return {}; }
};

struct Variant {
  const char* name;
  const char* help;
  std::vector<Type> types;
  // Empty when this machine can run it, or why it cannot.
  std::string (*absent)();
  // @throws std::exception with a sentence, for a shape that this variant cannot have.
  std::unique_ptr<Kernel> (*prepare)(const Problem& problem, Arena& arena);
  // What this variant is allowed where it rounds more than the op's arithmetic does; null = as the op.
  double (*tolerance)(Type type) = nullptr;
  // Whose memory and clock it uses: cpu or cuda.
  const char* device = "cpu";
};

struct Op {
  const char* name;
  const char* help;
  std::vector<Parameter> parameters;
  std::vector<Type> types;
  std::vector<Variant> variants;
  // Allowed |got - expected| for each unit of magnitude.
  double (*tolerance)(Type type);
  // What is wrong with a shape whose numbers are in their ranges, or empty.
  std::string (*refuse)(const Shape& shape, Type type);
  // A multiply and an add are two. Zeros that are not multiplied do not count.
  double (*flops)(const Shape& shape, Type type);
  // What has to move at least: every input read once, every output written once.
  double (*bytes)(const Shape& shape, Type type);
  std::unique_ptr<Problem> (*make)(const Shape& shape, Type type, uint64_t seed, Arena& arena);
};

const std::vector<Op>& registry();

}  // namespace ridgepoint::ops
