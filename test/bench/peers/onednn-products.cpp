// Matrix products of oneDNN, timed: prints the best rate of each arithmetic as one line of JSON, operations per second.
//
// Usage: onednn-products SIZE REPEATS. A multiply and an add are two operations. As inference has them: weights are packed
// once, into whatever oneDNN likes best, and int8 is u8 by s8 into s32. OMP_NUM_THREADS says how many threads there are.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <dnnl.hpp>
#include <string>

using namespace dnnl;
using Type = memory::data_type;

static double best(const engine& cpu, stream& line, Type left, Type right, Type out, memory::dim size, int repeats) {
  const memory::dims shape{size, size};
  const memory::desc a(shape, left, memory::format_tag::ab), c(shape, out, memory::format_tag::ab);
  const memory::desc any(shape, right, memory::format_tag::any);
#if DNNL_VERSION_MAJOR >= 3
  const matmul::primitive_desc product(cpu, a, any, c);
#else
  const matmul::primitive_desc product(matmul::desc(a, any, c), cpu);
#endif
  memory from(a, cpu), plain(memory::desc(shape, right, memory::format_tag::ab), cpu);
  memory packed(product.weights_desc(), cpu), to(c, cpu);
  // Bytes of 1 are small numbers in every type, and none is a denormal.
  std::fill_n(static_cast<char*>(from.get_data_handle()), from.get_desc().get_size(), 1);
  std::fill_n(static_cast<char*>(plain.get_data_handle()), plain.get_desc().get_size(), 1);
  reorder(plain, packed).execute(line, plain, packed);
  matmul multiply(product);
  double least = 1e9;
  for (int repeat = 0; repeat <= repeats; repeat++) {
    const auto begin = std::chrono::steady_clock::now();
    multiply.execute(line, {{DNNL_ARG_SRC, from}, {DNNL_ARG_WEIGHTS, packed}, {DNNL_ARG_DST, to}});
    line.wait();
    const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    // The first run also makes what the others find.
    if (repeat > 0) least = std::min(least, took);
  }
  return 2.0 * size * size * size / least;
}

int main(int count, char** words) {
  if (count != 3) return 2;
  const memory::dim size = std::atoi(words[1]);
  const int repeats = std::atoi(words[2]);
  engine cpu(engine::kind::cpu, 0);
  stream line(cpu);
  const struct {
    const char* name;
    Type left, right, out;
  } kinds[] = {{"f32", Type::f32, Type::f32, Type::f32},
               {"bf16", Type::bf16, Type::bf16, Type::f32},
               {"int8", Type::u8, Type::s8, Type::s32}};
  std::string rates;
  for (const auto& kind : kinds) {
    try {
      const double rate = best(cpu, line, kind.left, kind.right, kind.out, size, repeats);
      char text[64];
      std::snprintf(text, sizeof text, "%s\"%s oneDNN\": %.0f", rates.empty() ? "" : ", ", kind.name, rate);
      rates += text;
    } catch (const dnnl::error& problem) {
      std::fprintf(stderr, "goes without %s of oneDNN: %s\n", kind.name, problem.what());
    }
  }
  std::printf("{%s}\n", rates.c_str());
}
