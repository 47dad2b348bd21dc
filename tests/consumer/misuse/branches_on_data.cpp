#include <nabla/nabla.hpp>

// An `if` on a component has no meaning for several lanes at once. It must be refused, not taken for the first lane;
// nabla::select is what to write, or `static constexpr bool vectorizable = false`.

struct BranchesOnData {
  template <class X>
  constexpr auto operator()(const X& x) const {
    if (x[0] > 0.0) return x[0] * 2.0;
    return x[0] * 3.0;
  }
};

nabla::Gradients<double> misuse(const nabla::Executor& executor, const nabla::Points<double>& points) {
  return nabla::value_and_gradient(executor, BranchesOnData{}, points);
}
