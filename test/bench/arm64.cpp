// Reads checks of ops, one a line: "op variant type threads seed number number …", and prints what is wrong, then what was done.
#include "cpu/cpu.h"
#include "ops/ops.h"

#include <cstring>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

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
  return wrong == 0 ? 0 : 1;
}
