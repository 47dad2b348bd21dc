#include "bench.hpp"

namespace nabla::cli {
std::string page_of(const BenchReport&, const Executor&) { return ""; }
}  // namespace nabla::cli
