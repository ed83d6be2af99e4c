// One number at a time, for machines without the wider ones and as the plain way of every kernel.
#pragma once

#include <cmath>

#include "ops/lanes/elements.h"

namespace ridgepoint {

struct Scalar {
  static constexpr int width = 1;
  // Blocks of a dot product: queries and keys that are held in registers together.
  static constexpr int blockRows = 2;
  static constexpr int blockKeys = 4;
  using V = float;

  static V zero() { return 0.0f; }
  static V set(float value) { return value; }
  template <class T>
  static V load(const T* from) { return toFloat(*from); }
  template <class T>
  static V loadSome(const T* from, int) { return toFloat(*from); }
  template <class T>
  static void store(T* to, V value) { fromFloat(value, to); }
  template <class T>
  static void storeSome(T* to, V value, int) { fromFloat(value, to); }
  static V add(V a, V b) { return a + b; }
  static V sub(V a, V b) { return a - b; }
  static V mul(V a, V b) { return a * b; }
  static V div(V a, V b) { return a / b; }
  static V max(V a, V b) { return a > b ? a : b; }
  static V fma(V a, V b, V c) { return a * b + c; }
  static V exp(V a) { return std::exp(a); }
  static float sum(V a) { return a; }
  static float top(V a) { return a; }
  static void sums4(V a, V b, V c, V d, float* out) {
    out[0] = a;
    out[1] = b;
    out[2] = c;
    out[3] = d;
  }
};

}  // namespace ridgepoint
