#pragma once

#include <nabla/connectivity.hpp>
#include <nabla/evaluate.hpp>

#include <span>
#include <utility>

// Functions of millions of variables that are sums of small terms:
//
//     f(x) = sum over elements e of phi(x at the variables that e touches; e's data)
//
// An element is a functor that is stated once, for a handful of variables, like the functions of evaluate.hpp. With
// data it is called as phi(x, d); d[j] is a number that does not move:
//
//     struct Spring {
//       static constexpr int variables = 2, data = 2;
//       template <class X, class D>
//       constexpr auto operator()(const X& x, const D& d) const {
//         const auto stretch = x[1] - x[0] - d[1];
//         return 0.5 * d[0] * stretch * stretch;
//       }
//     };
//
// An ElementSum is an objective: it has a value, a gradient and Hessian-vector products, in the caller's vectors.

namespace nabla {

namespace detail {

/// The data of an element, as it sees them.
template <class In>
struct ElementData {
  using value_type = Dual<typename In::Scalar, 0>;
  const In& in;
  std::int64_t first;
  constexpr value_type operator[](std::int64_t j) const { return value_type(in(first + j)); }
};

template <class E>
constexpr int data_of() {
  if constexpr (requires { std::integral_constant<int, E::data>{}; }) {
    return E::data;
  } else {
    return 0;
  }
}
template <class E>
constexpr int variables_of() {
  if constexpr (requires { std::integral_constant<int, E::variables>{}; }) {
    return E::variables;
  } else {
    static_assert(data_of<E>() == 0, "nabla: an element with data states its number of variables, `variables`");
    return dimension_of<E>();
  }
}

/// An element as a function of its variables; bodies hand it the data.
template <class E>
struct ElementFunction {
  E element;
  static constexpr int dimension = variables_of<E>();
  static constexpr bool vectorizable = detail::vectorizable<E>();
  static_assert(dimension >= 1 && dimension <= 32, "nabla: an element has between 1 and 32 variables");

  template <class X, class In>
  constexpr auto with_data(const X& x, const In& in) const {
    if constexpr (data_of<E>() > 0) {
      return element(x, ElementData<In>{in, dimension});
    } else {
      return element(x);
    }
  }
};

/// What a pass over all elements computes; null: not wanted.
template <class T>
struct ElementOutputs {
  T* gradient = nullptr;
  T* product = nullptr;
  T* values = nullptr;    // of each element
  T* diagonal = nullptr;  // of the Hessian
  T* hessian = nullptr;   // in the order of the pattern
};

/// A pass over all elements.
template <class T>
struct ElementCall : ElementOutputs<T> {
  Operation<T> operation;  // dimension: variables of an element; its rows are assembled
  std::int64_t variables;  // of the sum
  const Connectivity& connectivity;
  BatchView<const T> data;  // (elements, numbers of each); null: none
  const SparsePattern* pattern;
  const T* x;
  const T* v;  // for products
};

/// Returns the sum of all values. Throws ShapeError and MemorySpaceError.
template <class T>
double run_elements(const Executor& executor, const ElementCall<T>& call);
extern template double run_elements(const Executor&, const ElementCall<float>&);
extern template double run_elements(const Executor&, const ElementCall<double>&);

/// The entries of a sum's Hessian that may differ from 0, both triangles.
SparsePattern hessian_pattern(const Connectivity& connectivity, std::int64_t variables);

}  // namespace detail

/// See above. Shapes: `variables` of the sum, `data` of (elements, numbers of each) at any strides, in the executor's
/// memory for as long as the sum is used. Results do not depend on the number of threads.
template <class T, class E>
class ElementSum {
 public:
  ElementSum(E element, std::int64_t variables, Affine affine, BatchView<const T> data = {})
      : element_{std::move(element)}, variables_(variables), data_(data) {
    detail::require_affine(affine, variables, n);
    connectivity_ = std::move(affine);
  }
  template <class Index>
  ElementSum(E element, std::int64_t variables, const IndexTable<Index>& table, BatchView<const T> data = {})
      : element_{std::move(element)},
        variables_(variables),
        connectivity_(detail::make_table(table, variables, n)),
        data_(data) {}

  std::int64_t variables() const { return variables_; }

  double value(const Executor& executor, std::span<const T> x) const {
    const detail::ValueBody<Function, n> body{element_};
    return run(executor, "value", body, x, {}, {});
  }
  /// Fills all of `gradient`.
  double value_and_gradient(const Executor& executor, std::span<const T> x, std::span<T> gradient) const {
    const detail::GradientBody<Function, n> body{element_};
    return run(executor, "value_and_gradient", body, x, {}, {.gradient = gradient.data()});
  }
  /// The value of each element, of all of which the sum is returned.
  double element_values(const Executor& executor, std::span<const T> x, std::span<T> values) const {
    const detail::ValueBody<Function, n> body{element_};
    return run(executor, "element_values", body, x, {}, {.values = values.data()});
  }
  /// product = H(x) v.
  void hessian_vector_product(const Executor& executor, std::span<const T> x, std::span<const T> v,
                              std::span<T> product) const {
    const detail::HessianProductBody<Function, n> body{element_};
    run(executor, "hessian_vector_product", body, x, v, {.product = product.data()});
  }
  /// The second derivative along each variable.
  void hessian_diagonal(const Executor& executor, std::span<const T> x, std::span<T> diagonal) const {
    const detail::HessianBody<Function, n> body{element_};
    run(executor, "hessian_diagonal", body, x, {}, {.diagonal = diagonal.data()});
  }
  /// Where the Hessian has entries; looked for at the first call.
  const SparsePattern& hessian_pattern() const {
    if (!pattern_) pattern_ = std::make_shared<const SparsePattern>(detail::hessian_pattern(connectivity_, variables_));
    return *pattern_;
  }
  /// The Hessian's entries in the order of hessian_pattern(), symmetric to the bit where elements are.
  void hessian(const Executor& executor, std::span<const T> x, std::span<T> values) const {
    hessian_pattern();
    const detail::HessianBody<Function, n> body{element_};
    run(executor, "hessian", body, x, {}, {.hessian = values.data()});
  }

 private:
  using Function = detail::ElementFunction<E>;
  static constexpr int n = Function::dimension;

  template <class Body>
  double run(const Executor& executor, const char* name, const Body& body, std::span<const T> x, std::span<const T> v,
             const detail::ElementOutputs<T>& outputs) const {
    return detail::run_elements<T>(executor, {outputs, detail::operation<T, Function>(name, body, n), variables_,
                                              connectivity_, data_, pattern_.get(), x.data(), v.data()});
  }

  Function element_;
  std::int64_t variables_;
  detail::Connectivity connectivity_;
  BatchView<const T> data_;
  mutable std::shared_ptr<const SparsePattern> pattern_;
};

}  // namespace nabla
