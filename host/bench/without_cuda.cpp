#include "ceilings.hpp"

#include <nabla/error.hpp>

// What kernels/ceilings.cu has, in builds without CUDA, in which no executor is CUDA's.

namespace nabla::bench::cuda {

namespace {
[[noreturn]] void refuse() { throw Error("nabla was built without CUDA"); }
}  // namespace

void move(const Executor&, const Traffic&) { refuse(); }
double seconds_of(const Executor&, const std::function<void()>&) { refuse(); }
std::int64_t cache_bytes(const Executor&) { refuse(); }
std::string description(const Executor&) { refuse(); }
std::string bus_id(const Executor&) { refuse(); }
template <class T>
double multiply_and_add(const Executor&, double, void*) {
  refuse();
}
template <class T>
double call(const Executor&, Elementary, double, void*) {
  refuse();
}
template double multiply_and_add<float>(const Executor&, double, void*);
template double multiply_and_add<double>(const Executor&, double, void*);
template double call<float>(const Executor&, Elementary, double, void*);
template double call<double>(const Executor&, Elementary, double, void*);

}  // namespace nabla::bench::cuda
