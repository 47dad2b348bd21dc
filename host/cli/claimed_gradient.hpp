#pragma once

#include "chosen_function.hpp"

#include <string>
#include <vector>

namespace nabla::cli {

/// The gradient that --gradient gives, a text for each of n variables, in the function's names and parameters: one
/// formula with n outputs. Throws UsageError for another number of texts, and FormulaError that says in which it is.
Formula claimed_gradient(const std::vector<std::string>& texts, const ChosenFunction& function, std::int64_t n);

}  // namespace nabla::cli
