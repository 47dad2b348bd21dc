// Kernels of many descents for spills.cmake: all methods, for as many variables as registers hold, and in memory.

#include <nabla/functions.hpp>
#include <nabla/minimize_each.hpp>

namespace {

using nabla::functions::Rosenbrock;

template <class T, class F>
void descend(const nabla::Executor& executor, const F& f, const nabla::Points<T>& starts) {
  nabla::minimize_each<F, T>(executor, f, starts, {});
}

}  // namespace

void instantiate_descents(const nabla::Executor& executor, const nabla::Points<double>& doubles,
                          const nabla::Points<float>& floats) {
  descend<double>(executor, nabla::fixed<2>(Rosenbrock()), doubles);
  descend<double>(executor, nabla::fixed<3>(Rosenbrock()), doubles);
  descend<double>(executor, nabla::fixed<4>(Rosenbrock()), doubles);
  descend<double>(executor, nabla::looped(Rosenbrock()), doubles);
  descend<float>(executor, nabla::fixed<4>(Rosenbrock()), floats);
  descend<double>(executor, nabla::functions::WaveSaddle(), doubles);
}
