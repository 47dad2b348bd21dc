#pragma once

#include <nabla/minimize.hpp>
#include <nabla/symmetric_operator.hpp>

namespace nabla::descent {

/// Refuses options that can't be right for n variables. Throws Error with what is expected and what was found.
template <class T>
void require(const MinimizeOptions& options, std::int64_t n, bool has_products, const SymmetricOperator<T>* quadratic);

/// Whether steps are of the length that options have, without a line search.
bool has_fixed_steps(const MinimizeOptions& options);

}  // namespace nabla::descent
