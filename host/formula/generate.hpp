#pragma once

#include "program.hpp"
#include "syntax.hpp"

#include <span>
#include <string>

namespace nabla::formula {

/// A formula for n variables as the source of a functor for nabla's own templates: `struct NAME` with the value as
/// operator() and the gradient as a member, and the parameters as members with their values. Names in the source are
/// its own. The formula has one output.
std::string generate(const Syntax& syntax, std::int64_t n, std::span<const double> parameters, const std::string& name);

/// The program of a value as the source of a `struct NAME`, which is an element of a sum for kernels/element_sum.cuh:
/// with_data(x, in) for n variables x[i], after which the data in(n), in(n + 1), … come. The parameters are the only
/// members, in order.
std::string generate_element(const Program& value, std::int64_t n, std::size_t parameters, const std::string& name);

/// A program as the source of a `struct NAME` for nabla::detail::ProgramBody (program_body.hpp): its operator() stores
/// all rows at a point. The parameters are the only members, in order, so that code does not depend on their values;
/// where there are none, one number stands in their place.
std::string generate_program(const Program& program, std::int64_t outputs, std::size_t parameters,
                             const std::string& name);

}  // namespace nabla::formula
