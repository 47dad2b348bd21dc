#pragma once

#include "lower.hpp"
#include "program.hpp"

namespace nabla::formula {

/// What a program computes, row by row.
enum class Task {
  value,            // f
  gradient,         // f, then its n derivatives
  directional,      // f, then its derivative along the direction
  hessian_product,  // f, the gradient, the Hessian times the direction
  hessian,          // f, the gradient, the Hessian's n rows; entries right of the diagonal are left out
  jacobian,         // the m outputs, then m rows of n derivatives
};

/// For n variables; data of elements come after them.
Program compile(Lowered lowered, Task task, std::int64_t n);
/// Repetitions with more than `written_terms` terms altogether stay loops. Throws FormulaError, as lower() does.
Program compile(const Syntax& syntax, Task task, std::int64_t n, std::int64_t written_terms = few_terms);

}  // namespace nabla::formula
