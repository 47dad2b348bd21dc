#pragma once

#include "lower.hpp"
#include "program.hpp"

#include <atomic>
#include <mutex>

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

/// Repetitions with more than `written_terms` terms altogether stay loops. Throws FormulaError, as lower() does.
Program compile(const Syntax& syntax, Task task, std::int64_t n, std::int64_t written_terms = few_terms);

/// A parsed formula and what was compiled from it so far.
struct Definition {
  explicit Definition(Syntax s) : syntax(std::move(s)) {}
  ~Definition();
  Definition(const Definition&) = delete;
  Definition& operator=(const Definition&) = delete;

  /// Compiles on first use. Safe to call from many threads; where it is already compiled, without a lock.
  const Program& program(Task task, std::int64_t n) const;

  Syntax syntax;

 private:
  struct Entry {
    Task task;
    std::int64_t n;
    Program program;
    const Entry* next;
  };
  const Entry* find(Task task, std::int64_t n) const;

  mutable std::mutex compiling_;
  mutable std::atomic<const Entry*> entries_ = nullptr;
};

}  // namespace nabla::formula
