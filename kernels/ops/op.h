// What every op is made of. An op is a folder: op.cpp has its description, the plain reference and its counts of work; its kernels
// are in kernel.cpp, which is compiled once per level, or in cpu_<level>.cpp, a file for each set of instructions.
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

// What a number of a shape has to be beside others, or beside a constant. Data, so that a sweep is checked without the library.
struct Constraint {
  enum Relation { multiple_of, at_most };
  const char* parameter;
  Relation relation;
  // Another parameter, or null for `number`.
  const char* other;
  int64_t number;
  const char* why;
};
inline Constraint multiple_of(const char* parameter, const char* other, const char* why) {
  return {parameter, Constraint::multiple_of, other, 0, why};
}
inline Constraint multiple_of(const char* parameter, int64_t number, const char* why) {
  return {parameter, Constraint::multiple_of, nullptr, number, why};
}
inline Constraint at_most(const char* parameter, const char* other, const char* why) {
  return {parameter, Constraint::at_most, other, 0, why};
}

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

// The least that a variant runs on. A level is one of cpu/levels.h, `avxvnni`, or a GPU's architecture.
struct Target {
  enum Platform { any, x64, arm64, cuda };
  Platform platform;
  const char* level;
};
// Every processor. A kernel that is compiled once per level takes the best of them by itself.
inline constexpr Target kAnyProcessor = {Target::any, "scalar"};

// What multiplies: lanes, or a unit for tiles of matrices (tensor cores).
enum class Unit { vector, matrix };

struct Variant {
  const char* name;
  const char* help;
  std::vector<Type> types;
  Target target;
  // Null where this library was compiled without it: all of them are described everywhere.
  // @throws std::exception with a sentence, for a shape that this variant cannot have.
  std::unique_ptr<Kernel> (*prepare)(const Problem& problem, Arena& arena);
  // What this variant is allowed where it rounds more than the op's arithmetic does; null = as the op.
  double (*tolerance)(Type type) = nullptr;
  Unit unit = Unit::vector;
};

// Ops are listed by family, in this order.
enum class Family { dense, sparse, attention, layer, rowwise };

struct Op {
  const char* name;
  Family family;
  const char* help;
  std::vector<Parameter> parameters;
  std::vector<Constraint> constraints;
  std::vector<Type> types;
  // From the plainest to the one that asks most of a machine.
  std::vector<Variant> variants;
  // Allowed |got - expected| for each unit of magnitude.
  double (*tolerance)(Type type);
  // A multiply and an add are two. Zeros that are not multiplied do not count.
  double (*flops)(const Shape& shape, Type type);
  // What has to move at least: every input read once, every output written once.
  double (*bytes)(const Shape& shape, Type type);
  std::unique_ptr<Problem> (*make)(const Shape& shape, Type type, uint64_t seed, Arena& arena);
};

// Every op, by family and name.
const std::vector<Op>& registry();

// Enters an op into the registry while the library is loaded; the list needs no line for it.
struct Registered {
  explicit Registered(Op (*make)());
};
#define RIDGE_OP(make) static const ::ridgepoint::ops::Registered registered_##make(make);

}  // namespace ridgepoint::ops
