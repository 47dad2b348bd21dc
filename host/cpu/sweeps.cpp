#include "sweeps.hpp"

#include "../cuda_seam.hpp"
#include "passes.hpp"

#include <algorithm>

namespace nabla::detail {

namespace cpu {

namespace {

template <class T>
void sweep_rows(const BlockSweep<T>& body, std::int64_t first, std::int64_t last) {
  for (std::int64_t begin = first / body.size * body.size; begin < last; begin += body.size) {
    body.template some<BlockSweep<T>::most>(begin, std::max(first, begin), std::min(last, begin + body.size));
  }
}
/// Whole slices, and the rows of the last one one by one. Parts and colours begin with slices, whatever the threads.
template <class Body>
void sweep_rows(const Body& body, std::int64_t first, std::int64_t last) {
  constexpr int slice = 32;
  std::int64_t r = first;
  for (; r + slice <= last; r += slice) body.template some<slice>(r);
  for (; r < last; ++r) body(r);
}

}  // namespace

template <class T>
void sweep(int threads, const RowSweep<T>& sweep) {
  std::visit(
      [&](const auto& body) {
        in_parts(threads, body.count, [&](std::int64_t, std::int64_t first, std::int64_t last) {
          sweep_rows(body, body.first + first, body.first + last);
        });
      },
      sweep);
}

}  // namespace cpu

template <class T>
void sweep(const Executor& executor, const RowSweep<T>& sweep, const KrylovScalars* scalars) {
  if (executor.is_cuda()) {
    cuda::sweep(executor.state(), sweep, scalars);
  } else {
    cpu::sweep(executor.threads(), sweep);
  }
}
template void sweep(const Executor&, const RowSweep<float>&, const KrylovScalars*);
template void sweep(const Executor&, const RowSweep<double>&, const KrylovScalars*);

}  // namespace nabla::detail
