#pragma once

#include "components.hpp"

#include <string>

namespace nabla::check {

/// What kind of mistake points look like that disagree; empty where nothing is recognised.
std::string diagnose(std::span<const Examined> points, std::int64_t n, std::int64_t outputs,
                     const std::vector<std::string>& variables, double tolerance);

}  // namespace nabla::check
