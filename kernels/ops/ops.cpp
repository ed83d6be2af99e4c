#include "ops/ops.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <exception>
#include <map>
#include <memory>
#include <new>

#include "cuda/ops/bind.h"
#include "ops/check.h"
#include "ops/json.h"
#include "ops/op.h"
#include "ops/targets.h"

namespace ridgepoint::ops {

double Kernel::timed(Pool& pool) {
  const auto begin = std::chrono::steady_clock::now();
  run(pool);
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - begin).count();
}

namespace {

// Sets of inputs together are this many times the caches, so that nothing of a set is left when it comes again.
constexpr size_t kCaches = 4;
// A small op would need thousands of sets.
constexpr size_t kMostSets = 512;

// One set of inputs with a kernel that is ready for it.
struct Ready {
  Arena arena;
  std::unique_ptr<Problem> problem;
  std::unique_ptr<Kernel> kernel;
};

struct Prepared {
  std::vector<std::unique_ptr<Ready>> sets;
  Pool* pool;
  size_t next = 0;
};

// What is asked for, found in the registry; `problem` says what is wrong with it.
struct Request {
  const Op* op = nullptr;
  const Variant* variant = nullptr;
  Type type = Type::f32;
  Shape shape;
  std::string problem;
};

std::string number_problem(const Parameter& parameter, int64_t value) {
  if (value >= parameter.least && value <= parameter.most) return "";
  return std::string(parameter.name) + " is " + std::to_string(value) + ", and it goes from " +
         std::to_string(parameter.least) + " to " + std::to_string(parameter.most);
}

// A number of the shape by its parameter's name, which is one of the op.
int64_t number_of(const Op& op, const Shape& shape, const char* name) {
  size_t i = 0;
  while (std::strcmp(op.parameters[i].name, name) != 0) i++;
  return shape[i];
}

// What the constraint asks, as a sentence.
std::string sentence(const Constraint& c) {
  return std::string(c.parameter) + " has to be " + (c.relation == Constraint::multiple_of ? "a multiple of " : "at most ") +
         (c.other != nullptr ? c.other : std::to_string(c.number)) + ", for " + c.why;
}

std::string constraint_problem(const Op& op, const Constraint& c, const Shape& shape) {
  const int64_t value = number_of(op, shape, c.parameter), bound = c.other != nullptr ? number_of(op, shape, c.other) : c.number;
  const bool holds = c.relation == Constraint::multiple_of ? value % bound == 0 : value <= bound;
  return holds ? "" : sentence(c);
}

Request understand(const char* op, const char* variant, const char* type, const int64_t* shape, int32_t count) {
  Request request;
  for (const auto& known : registry()) {
    if (known.name == std::string(op)) request.op = &known;
  }
  if (request.op == nullptr) {
    request.problem = "there is no op " + std::string(op);
    return request;
  }
  const Op& found = *request.op;
  for (const auto& known : found.variants) {
    if (known.name == std::string(variant)) request.variant = &known;
  }
  if (request.variant == nullptr) {
    request.problem = "the op " + std::string(op) + " has no variant " + variant;
    return request;
  }
  const auto& types = request.variant->types;
  const auto known = std::find_if(types.begin(), types.end(), [&](Type t) { return name_of(t) == std::string(type); });
  if (known == types.end()) {
    request.problem = "the variant " + std::string(variant) + " of " + op + " has no type " + type;
    return request;
  }
  request.type = *known;
  if (count != static_cast<int32_t>(found.parameters.size())) {
    request.problem = "a shape of " + std::string(op) + " has " + std::to_string(found.parameters.size()) + " numbers, and " +
                      std::to_string(count) + " were given";
    return request;
  }
  request.shape.assign(shape, shape + count);
  for (size_t i = 0; i < request.shape.size() && request.problem.empty(); i++) {
    request.problem = number_problem(found.parameters[i], request.shape[i]);
  }
  for (size_t i = 0; i < found.constraints.size() && request.problem.empty(); i++) {
    request.problem = constraint_problem(found, found.constraints[i], request.shape);
  }
  if (request.problem.empty()) request.problem = absent(*request.variant);
  return request;
}

std::unique_ptr<Ready> make_ready(const Request& request, uint64_t seed) {
  auto ready = std::make_unique<Ready>();
  ready->problem = request.op->make(request.shape, request.type, seed, ready->arena);
  ready->kernel = request.variant->prepare(*ready->problem, ready->arena);
  return ready;
}

double (*tolerance_of(const Op& op, const Variant& variant))(Type) {
  return variant.tolerance != nullptr ? variant.tolerance : op.tolerance;
}

Verdict check_ready(const Request& request, Ready& ready, Pool& pool, uint64_t seed) {
  const double flops = request.op->flops(request.shape, request.type);
  return check(tolerance_of(*request.op, *request.variant)(request.type), flops, *ready.problem, *ready.kernel, ready.arena, pool, seed);
}

void write(Json& json, const Verdict& verdict) {
  json.open('{').key("ok").truth(verdict.ok).key("error").number(verdict.error);
  json.key("fault");
  if (verdict.fault.empty()) {
    json.null();
  } else {
    json.text(verdict.fault);
  }
  json.key("compared").number(static_cast<double>(verdict.compared)).key("of").number(static_cast<double>(verdict.of));
  json.key("tolerance").number(verdict.tolerance).close('}');
}

// The text of an answer has to outlive the call.
const char* answer(std::string text) {
  thread_local std::string kept;
  kept = std::move(text);
  return kept.c_str();
}

const char* problem(const std::string& sentence) {
  return answer(Json().open('{').key("problem").text(sentence).close('}').str());
}

std::map<int64_t, Prepared>& prepared() {
  static std::map<int64_t, Prepared> all;
  return all;
}

bool on_gpu(const Variant& variant) { return variant.target.platform == Target::cuda; }

const char* name_of(Family family) {
  switch (family) {
    case Family::dense: return "dense-matrix";
    case Family::sparse: return "sparse-matrix";
    case Family::attention: return "attention";
    case Family::layer: return "layer";
    case Family::rowwise: return "rowwise";
  }
  return "";
}

const char* name_of(Target::Platform platform) {
  switch (platform) {
    case Target::any: return "any";
    case Target::x64: return "x64";
    case Target::arm64: return "arm64";
    case Target::cuda: return "cuda";
  }
  return "";
}

void write_types(Json& json, const std::vector<Type>& types) {
  json.key("types").open('[');
  for (const Type type : types) json.text(ops::name_of(type));
  json.close(']');
}

void write_constraint(Json& json, const Constraint& c) {
  json.open('{').key("parameter").text(c.parameter);
  json.key("relation").text(c.relation == Constraint::multiple_of ? "multiple-of" : "at-most").key("bound");
  if (c.other != nullptr) {
    json.text(c.other);
  } else {
    json.number(static_cast<double>(c.number));
  }
  json.key("sentence").text(sentence(c)).close('}');
}

void write_variant(Json& json, const Op& op, const Variant& variant) {
  json.open('{').key("name").text(variant.name).key("help").text(variant.help);
  write_types(json, variant.types);
  json.key("platform").text(name_of(variant.target.platform)).key("level").text(variant.target.level);
  json.key("unit").text(variant.unit == Unit::matrix ? "matrix" : "vector");
  json.key("tolerance").open('{');
  for (const Type type : variant.types) json.key(ops::name_of(type)).number(tolerance_of(op, variant)(type));
  json.close('}').key("absent");
  const std::string reason = absent(variant);
  if (reason.empty()) {
    json.null();
  } else {
    json.text(reason);
  }
  json.close('}');
}

void write_op(Json& json, const Op& op) {
  json.open('{').key("name").text(op.name).key("family").text(name_of(op.family)).key("help").text(op.help);
  json.key("parameters").open('[');
  for (const auto& parameter : op.parameters) {
    json.open('{').key("name").text(parameter.name).key("help").text(parameter.help);
    json.key("fallback").number(static_cast<double>(parameter.fallback));
    json.key("least").number(static_cast<double>(parameter.least)).key("most").number(static_cast<double>(parameter.most));
    json.close('}');
  }
  json.close(']').key("constraints").open('[');
  for (const auto& constraint : op.constraints) write_constraint(json, constraint);
  json.close(']');
  write_types(json, op.types);
  json.key("variants").open('[');
  for (const auto& variant : op.variants) write_variant(json, op, variant);
  json.close(']').close('}');
}

}  // namespace
}  // namespace ridgepoint::ops

using namespace ridgepoint;
using namespace ridgepoint::ops;

const char* ridge_ops_describe(void) {
  Json json;
  json.open('{').key("ops").open('[');
  for (const auto& op : registry()) write_op(json, op);
  return answer(json.close(']').close('}').str());
}

const char* ridge_ops_check(const char* op, const char* variant, const char* type, const int64_t* shape, int32_t count,
                            int32_t threads, uint64_t seed) try {
  const Request request = understand(op, variant, type, shape, count);
  if (!request.problem.empty()) return problem(request.problem);
  Json json;
  write(json, check_ready(request, *make_ready(request, seed), Pool::shared(threads), seed));
  return answer(json.str());
} catch (const std::bad_alloc& error) {
  return problem(std::string("there is not enough memory for this shape (") + error.what() + ")");
} catch (const std::exception& error) {
  return problem(error.what());
}

const char* ridge_ops_output(const char* op, const char* variant, const char* type, const int64_t* shape, int32_t count,
                             int32_t threads, uint64_t seed, float* output, int64_t room) try {
  const Request request = understand(op, variant, type, shape, count);
  if (!request.problem.empty()) return problem(request.problem);
  const std::unique_ptr<Ready> ready = make_ready(request, seed);
  const int64_t numbers = ready->problem->units() * ready->problem->unit_length();
  if (room > 0) {
    ready->kernel->run(Pool::shared(threads));
    std::copy_n(ready->kernel->output(), std::min(room, numbers), output);
  }
  return answer(Json().open('{').key("count").number(static_cast<double>(numbers)).close('}').str());
} catch (const std::exception& error) {
  return problem(std::string("there is not enough memory for this shape (") + error.what() + ")");
}

const char* ridge_ops_prepare(const char* op, const char* variant, const char* type, const int64_t* shape, int32_t count,
                              int32_t threads, uint64_t seed, int64_t cache_bytes) try {
  const Request request = understand(op, variant, type, shape, count);
  if (!request.problem.empty()) return problem(request.problem);
  Prepared made;
  made.pool = &Pool::shared(threads);
  made.sets.push_back(make_ready(request, seed));
  const Verdict verdict = check_ready(request, *made.sets[0], *made.pool, seed);
  const double bytes = request.op->bytes(request.shape, request.type);
  const bool cold = cache_bytes > 0;
  const size_t caches = cold && on_gpu(*request.variant) ? cuda::cache_bytes() : static_cast<size_t>(cache_bytes);
  const auto wanted = static_cast<double>(kCaches * caches);
  while (cold && verdict.ok && static_cast<double>(made.sets.size()) * bytes < wanted && made.sets.size() < kMostSets) {
    made.sets.push_back(make_ready(request, seed + made.sets.size()));
  }
  size_t memory = 0;
  for (const auto& set : made.sets) memory += set->arena.bytes();
  Json json;
  static int64_t handles = 0;
  const int64_t handle = verdict.ok ? ++handles : 0;
  json.open('{').key("handle").number(static_cast<double>(handle)).key("sets").number(static_cast<double>(made.sets.size()));
  json.key("memoryBytes").number(static_cast<double>(memory));
  json.key("flops").number(request.op->flops(request.shape, request.type)).key("bytes").number(bytes);
  json.key("facts").open('{');
  for (const auto& [name, value] : made.sets[0]->kernel->facts()) json.key(name.c_str()).number(value);
  json.close('}').key("check");
  write(json, verdict);
  if (handle != 0) prepared().emplace(handle, std::move(made));
  return answer(json.close('}').str());
} catch (const std::bad_alloc& error) {
  return problem(std::string("there is not enough memory for this shape (") + error.what() + ")");
} catch (const std::exception& error) {
  return problem(error.what());
}

int32_t ridge_ops_measure(int64_t handle, int32_t repeats, double* nanoseconds) try {
  const auto found = prepared().find(handle);
  if (found == prepared().end()) return 1;
  Prepared& ready = found->second;
  const Pool::Held held(*ready.pool);
  for (int32_t i = 0; i < repeats; i++) {
    nanoseconds[i] = ready.sets[ready.next]->kernel->timed(*ready.pool);
    ready.next = (ready.next + 1) % ready.sets.size();
  }
  return 0;
} catch (const std::exception& error) {
  fprintf(stderr, "timing: %s\n", error.what());
  return 2;
}

void ridge_ops_release(int64_t handle) { prepared().erase(handle); }
