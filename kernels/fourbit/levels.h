// What is compiled once per level (cpu/levels.h): the functions of the interface, without their prefix.
#pragma once

#include "cpu/levels.h"
#include "fourbit/fourbit.h"

namespace ridgepoint {

RIDGE_DECLARE_LEVELS(four_bit_round, decltype(ridge_four_bit_round))
RIDGE_DECLARE_LEVELS(four_bit_gptq, decltype(ridge_four_bit_gptq))
RIDGE_DECLARE_LEVELS(four_bit_values, decltype(ridge_four_bit_values))

}  // namespace ridgepoint
