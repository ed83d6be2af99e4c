// What is compiled once per level (cpu/levels.h): the functions of the interface, without their prefix.
#pragma once

#include "cpu/levels.h"
#include "pruning/pruning.h"

namespace ridgepoint {

RIDGE_DECLARE_LEVELS(select, decltype(ridge_select))
RIDGE_DECLARE_LEVELS(dsnot, decltype(ridge_dsnot))
RIDGE_DECLARE_LEVELS(add_products, decltype(ridge_add_products))
RIDGE_DECLARE_LEVELS(inverse_factor, decltype(ridge_inverse_factor))
RIDGE_DECLARE_LEVELS(sparsegpt, decltype(ridge_sparsegpt))
RIDGE_DECLARE_LEVELS(squared_output, decltype(ridge_squared_output))
RIDGE_DECLARE_LEVELS(swaps, decltype(ridge_swaps))

}  // namespace ridgepoint
