#include "ops/matrices/spread.h"

namespace ridgepoint::ops {
namespace {

constexpr uint8_t kNone = 128;

constexpr Spread tables() {
  Spread spread{};
  for (unsigned mask = 0; mask < 256; mask++) {
    uint8_t next = 0;
    for (unsigned place = 0; place < 8; place++) {
      const bool kept = (mask >> place & 1) != 0;
      spread.bytes[mask] |= static_cast<uint64_t>(kept ? next : kNone) << (8 * place);
      for (unsigned i = 0; i < 2; i++) spread.halves[mask][2 * place + i] = kept ? static_cast<uint8_t>(2 * next + i) : kNone;
      for (unsigned i = 0; i < 4 && mask < 16 && place < 4; i++) {
        spread.words[mask][4 * place + i] = kept ? static_cast<uint8_t>(4 * next + i) : kNone;
      }
      next = static_cast<uint8_t>(next + (kept ? 1 : 0));
    }
  }
  return spread;
}

}  // namespace

alignas(64) constexpr Spread kSpread = tables();

}  // namespace ridgepoint::ops
