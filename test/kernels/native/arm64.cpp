// Reads checks of ops, one a line: "op variant type threads seed number number …", tries the peaks of the roofs, whose products are held against exact ones
// before they are timed, and prints what is wrong, then what was done. ROOFS_ALONE leaves the ops out.
#include "cpu/cpu.h"
#ifndef ROOFS_ALONE
#include "ops/ops.h"
#endif
#include "roofs/roofs.h"

#include <cstring>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

// Whether every peak that this processor has kernels for came out right; names those that did not.
static bool peaks_are_right() {
  const int32_t cpu = 0;
  int32_t problem = 0;
  void* bench = ridge_roofs_open(&cpu, 1, 4096, &problem);
  if (bench == nullptr) {
    std::cout << "roofs cannot be opened: " << problem << "\n";
    return false;
  }
  int right = 0, wrong = 0;
  for (const auto peak : {ridge_roofs_vector, ridge_roofs_matrix}) {
    for (const int32_t arithmetic : {RIDGE_F64, RIDGE_F32, RIDGE_BF16, RIDGE_F16, RIDGE_INT8}) {
      double rate = 0;
      const int32_t code = peak(bench, arithmetic, 1e-4, 1, &rate);
      if (code == RIDGE_ROOFS_ABSENT) continue;
      code == RIDGE_ROOFS_OK ? right++ : wrong++;
      if (code != RIDGE_ROOFS_OK) std::cout << "peak " << arithmetic << ": code " << code << "\n";
    }
  }
  ridge_roofs_close(bench);
  std::cout << "peaks: " << right << " right, " << wrong << " wrong\n";
  return wrong == 0;
}

#ifdef ROOFS_ALONE
int main() { return peaks_are_right() ? 0 : 1; }
#else
int main() {
  std::string line;
  int done = 0, wrong = 0, absent = 0;
  while (std::getline(std::cin, line)) {
    std::istringstream words(line);
    std::string op, variant, type;
    int32_t threads = 1;
    uint64_t seed = 0;
    words >> op >> variant >> type >> threads >> seed;
    std::vector<int64_t> shape;
    for (int64_t number; words >> number;) shape.push_back(number);
    const char* verdict = ridge_ops_check(op.c_str(), variant.c_str(), type.c_str(), shape.data(), static_cast<int32_t>(shape.size()),
                                          threads, seed);
    if (std::strstr(verdict, "\"ok\":true") != nullptr) {
      done++;
    } else if (std::strstr(verdict, "\"problem\":\"it needs") != nullptr) {
      absent++;
    } else {
      wrong++;
      std::cout << line << ": " << verdict << "\n";
    }
  }
  std::cout << ridge_cpu_level_name(ridge_cpu_level()) << ": " << done << " right, " << wrong << " wrong, " << absent
            << " need another processor\n";
  return peaks_are_right() && wrong == 0 ? 0 : 1;
}
#endif
