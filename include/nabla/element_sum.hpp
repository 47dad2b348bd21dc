#pragma once

#include <nabla/connectivity.hpp>
#include <nabla/detail/cpu_blocks.hpp>
#include <nabla/detail/element_request.hpp>
#include <nabla/evaluate.hpp>
#include <nabla/formula.hpp>
#ifdef __CUDACC__
#include <nabla/kernels/launch_element_sum.cuh>
#endif

#include <span>
#include <string>
#include <tuple>
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
// A formula is an element too; its data have names. On CUDA NVRTC compiles it, whoever compiled the call:
//
//     const auto spring = nabla::Formula::parse("0.5*k*(v - u - l)^2", {.variables = {"u", "v"}, .data = {"k", "l"}});
//
// An ElementSum is an objective: it has a value, a gradient and Hessian-vector products, in the caller's vectors. What
// returns a number waits for it; on CUDA the others are enqueued on the executor's stream. Sums over the same variables
// add up to another:
//
//     const auto springs = nabla::element_sum<double>(where, Spring(), n, nabla::Affine::chain(n - 1, {0, 1}), data);
//     const auto weights = nabla::element_sum<double>(where, Weight(), n, nabla::Affine::chain(n, {0}));
//     const double energy = (springs + weights).value_and_gradient(where, x, gradient);
//
// Shapes: vectors have `variables` numbers, in the executor's memory. Results don't depend on the number of threads, or
//     on which of a GPU's blocks run first. A sum is for executors of the kind that it was made with, on the same
//     device.
// Throws: ShapeError (sizes, outputs that overlap), MemorySpaceError (memory the executor can't reach),
//     ExecutorUnavailable (a CUDA executor in a file that nvcc did not compile), CudaError. NaN and infinity are data.

namespace nabla {

namespace detail {

/// The data of an element, as it sees them.
template <class In>
struct ElementData {
  using value_type = Dual<typename In::Scalar, 0>;
  const In& in;
  std::int64_t first;
  constexpr value_type operator[](std::int64_t j) const {
    return value_type(ByRule(), in(first + j), [](int) { return constant<typename In::Scalar>(0); });
  }
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
  static constexpr bool has_no_state = std::is_empty_v<E>;
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

// Functors state how many variables and data they have, formulas are asked when they are there.
template <class E>
using FunctionOfElement = std::conditional_t<std::same_as<E, Formula>, Formula, ElementFunction<E>>;
template <class E>
std::int64_t variables_of_element(const E&, std::int64_t) {
  return ElementFunction<E>::dimension;
}
template <class E>
std::int64_t data_of_element(const ElementFunction<E>&) {
  return data_of<E>();
}
inline std::int64_t data_of_element(const Formula& f) { return static_cast<std::int64_t>(f.data().size()); }

inline std::int64_t slots_of(const Connectivity& connectivity) {
  const auto* const table = std::get_if<Table>(&connectivity);
  return table != nullptr ? table->slots() : static_cast<std::int64_t>(std::get<Affine>(connectivity).offsets.size());
}

template <class T, class Function, class Body>
Operation<T> element_operation(const char* name, const Body& body, std::int64_t n) {
  if constexpr (std::same_as<Function, Formula>) {
    return formula_element_operation<T>(name, body, n);
  } else {
    return cpu_operation<T, Function>(name, body, n);
  }
}

/// What a pass over all elements computes; empty: not wanted.
template <class T>
struct ElementOutputs {
  std::span<T> gradient = {};
  std::span<T> product = {};
  std::span<T> values = {};    // of each element
  std::span<T> diagonal = {};  // of the Hessian
  std::span<T> hessian = {};   // in the order of the pattern
  bool add = false;            // to what is there already; not to `values`
};

/// A pass over all elements.
template <class T>
struct ElementCall {
  ElementPass pass;
  ElementOutputs<T> outputs;
  Operation<T> operation;  // dimension: variables of an element; its rows are assembled
  std::int64_t variables;  // of the sum
  const Connectivity& connectivity;
  BatchView<const T> data;  // (elements, numbers of each); null: none
  std::span<const T> x;
  std::span<const T> v;  // for products
  // Of outputs.hessian; its copy on a device is kept for the next call. Where nobody says that the pattern is kept and
  // never changes, it is compared with what was copied.
  const SparsePattern* pattern;
  std::shared_ptr<const SparsePattern> kept_pattern;
  std::shared_ptr<const DevicePattern>* device_pattern;
  const void* function;
  void (*launch)(const void* function, const ElementLaunch<T>& launch);  // null where nvcc did not compile the call
  void (*run_blocks)(const void* body, const BlockTile<T>& tile);        // null where elements are not in such blocks
};

/// Returns the sum of all values.
template <class T>
double run_elements(const Executor& executor, const ElementCall<T>& call);
extern template double run_elements(const Executor&, const ElementCall<float>&);
extern template double run_elements(const Executor&, const ElementCall<double>&);

/// Throws ShapeError or MemorySpaceError unless there are `numbers` of data for each element.
template <class T>
void require_data(const Executor& executor, const Connectivity& connectivity, const BatchView<const T>& data,
                  std::int64_t numbers);
extern template void require_data(const Executor&, const Connectivity&, const BatchView<const float>&, std::int64_t);
extern template void require_data(const Executor&, const Connectivity&, const BatchView<const double>&, std::int64_t);

/// Throws ShapeError unless a pattern has a row for each variable.
void require_pattern(const char* call, const SparsePattern& pattern, std::int64_t variables);

/// The entries of a sum's Hessian that may differ from 0, both triangles.
SparsePattern hessian_pattern(const Connectivity& connectivity, std::int64_t variables);
/// All entries of both.
SparsePattern merge(const SparsePattern& a, const SparsePattern& b);

/// A sum that can add its derivatives to others': ElementSum, RowSum (row_sum.hpp).
template <class S>
concept Summand = requires(const S& sum, const Executor& executor, std::span<const typename S::Scalar> x,
                           std::span<typename S::Scalar> gradient) {
  sum.value_and_gradient(executor, x, gradient, true);
};

}  // namespace detail

// What nvcc compiled and what another compiler did are kept apart, as in evaluate.hpp.
#ifdef __CUDACC__
inline namespace with_kernels {
#else
inline namespace without_kernels {
#endif

template <class T, class... Sums>
class AddedSums;

/// See above; made by element_sum().
template <class T, class E>
class ElementSum {
 public:
  using Scalar = T;

  ElementSum(const Executor& executor, E element, std::int64_t variables, detail::Connectivity connectivity,
             BatchView<const T> data)
      : slots_(detail::slots_of(connectivity)),
        element_{std::move(element)},
        variables_(variables),
        connectivity_(std::move(connectivity)),
        data_(data) {
    detail::require_data(executor, connectivity_, data, detail::data_of_element(element_));
    if (data.count == 1) data_.item_stride = 0;
  }

  std::int64_t variables() const { return variables_; }
  std::int64_t elements() const { return detail::elements_of(connectivity_); }
  /// Of a sum of formulas, so that their parameters can be set.
  Formula& formula() requires std::same_as<E, Formula> { return element_; }

  double value(const Executor& executor, std::span<const T> x) const {
    const detail::ValueBody<Function, n> body{element_};
    return run<Pass::value>(executor, "value", body, x, {}, {});
  }
  /// Fills all of `gradient`, or adds to it.
  double value_and_gradient(const Executor& executor, std::span<const T> x, std::span<T> gradient,
                            bool add = false) const {
    const detail::GradientBody<Function, n> body{element_};
    return run<Pass::gradient>(executor, "value_and_gradient", body, x, {}, {.gradient = gradient, .add = add});
  }
  /// The value of each element, of all of which the sum is returned.
  double element_values(const Executor& executor, std::span<const T> x, std::span<T> values) const {
    const detail::ValueBody<Function, n> body{element_};
    return run<Pass::value>(executor, "element_values", body, x, {}, {.values = values});
  }
  /// product = H(x) v, or is increased by it.
  void hessian_vector_product(const Executor& executor, std::span<const T> x, std::span<const T> v,
                              std::span<T> product, bool add = false) const {
    const detail::HessianProductBody<Function, n> body{element_};
    run<Pass::product>(executor, "hessian_vector_product", body, x, v, {.product = product, .add = add});
  }
  /// The second derivative along each variable.
  void hessian_diagonal(const Executor& executor, std::span<const T> x, std::span<T> diagonal, bool add = false) const {
    const detail::HessianBody<Function, n> body{element_};
    run<Pass::diagonal>(executor, "hessian_diagonal", body, x, {}, {.diagonal = diagonal, .add = add});
  }
  /// Where the Hessian has entries; looked for at the first call.
  const SparsePattern& hessian_pattern() const {
    if (!pattern_) pattern_ = std::make_shared<const SparsePattern>(detail::hessian_pattern(connectivity_, variables_));
    return *pattern_;
  }
  /// The Hessian's entries in the order of hessian_pattern(), symmetric to the bit where elements are.
  void hessian(const Executor& executor, std::span<const T> x, std::span<T> values) const {
    hessian_pattern();
    hessian(executor, x, values, *pattern_, pattern_, false);
  }
  /// The same in the order of a pattern that has others too; what it lacks is left out. On CUDA it is copied to the
  /// device, and compared with the copy at later calls.
  void hessian(const Executor& executor, std::span<const T> x, std::span<T> values, const SparsePattern& pattern,
               bool add = false) const {
    hessian(executor, x, values, pattern, nullptr, add);
  }

 private:
  template <class, class...>
  friend class AddedSums;
  using Function = detail::FunctionOfElement<E>;
  using Pass = detail::ElementPass;
  static constexpr int n = dimension_of<Function>();

  void hessian(const Executor& executor, std::span<const T> x, std::span<T> values, const SparsePattern& pattern,
               std::shared_ptr<const SparsePattern> kept, bool add) const {
    const detail::HessianBody<Function, n> body{element_};
    run<Pass::hessian>(executor, "hessian", body, x, {}, {.hessian = values, .add = add}, &pattern, std::move(kept));
  }

  template <Pass P, class Body>
  double run(const Executor& executor, const char* name, const Body& body, std::span<const T> x, std::span<const T> v,
             const detail::ElementOutputs<T>& outputs, const SparsePattern* pattern = nullptr,
             std::shared_ptr<const SparsePattern> kept_pattern = nullptr) const {
    detail::ElementCall<T> call{P,
                                outputs,
                                detail::element_operation<T, Function>(name, body, slots_),
                                variables_,
                                connectivity_,
                                data_,
                                x,
                                v,
                                pattern,
                                std::move(kept_pattern),
                                &device_pattern_,
                                &element_,
                                nullptr,
                                nullptr};
    if constexpr (!std::same_as<E, Formula>) {
      using X = detail::CpuScalar<Function, T>;
      if constexpr (detail::runs_blocks<X, T, Body>()) call.run_blocks = &detail::run_blocks<X, T, Body>;
    }
    if constexpr (std::same_as<E, Formula>) {
      call.launch = &detail::launch_formula_elements<T>;  // which NVRTC compiles
    } else {
#ifdef __CUDACC__
      call.launch = &detail::launch_element_sum<P, T, Function>;
#endif
    }
    return detail::run_elements<T>(executor, call);
  }

  std::int64_t slots_;  // variables of an element
  Function element_;
  std::int64_t variables_;
  detail::Connectivity connectivity_;
  BatchView<const T> data_;
  mutable std::shared_ptr<const SparsePattern> pattern_;
  mutable std::shared_ptr<const detail::DevicePattern> device_pattern_;
};

/// The sum of an element over an affine connectivity or an index table, of T = float or double. `data`: (elements,
/// E::data) at any strides, or one record for all of them (an item stride of 0), in the executor's memory for as long
/// as the sum is used. On CUDA a table is copied to the host, where the elements that touch each block of variables are
/// listed; the lists go to the device (8 bytes a block, and 4 for each of an element's entries). An element is then
/// evaluated for each of the blocks it touches, which add up in order. With Additions::unordered a table's element is
/// evaluated once and adds its derivatives to gradients, products and diagonals by atomic additions: the last bits
/// differ from call to call, and lists are made for hessian() alone, at its first call. On CPUs, where tables are
/// evaluated once and in order anyway, it changes nothing. Throws ShapeError that names the first index out of range.
template <class T, class E>
ElementSum<T, E> element_sum(const Executor& executor, E element, std::int64_t variables, Affine affine,
                             std::type_identity_t<BatchView<const T>> data = {}) {
  const auto touched = static_cast<std::int64_t>(affine.offsets.size());
  detail::require_affine(affine, variables, detail::variables_of_element(element, touched));
  return {executor, std::move(element), variables, std::move(affine), data};
}
template <class T, class E, class Index>
ElementSum<T, E> element_sum(const Executor& executor, E element, std::int64_t variables,
                             const IndexTable<Index>& table, std::type_identity_t<BatchView<const T>> data = {}) {
  const std::int64_t slots = detail::variables_of_element(element, table.entries.components * table.block);
  return {executor, std::move(element), variables, detail::make_table(executor, table, variables, slots), data};
}

/// Several kinds of elements over the same variables: the sum of their sums.
template <class T, class... Sums>
class AddedSums {
 public:
  using Scalar = T;

  explicit AddedSums(std::tuple<Sums...> sums) : sums_(std::move(sums)) {
    each([&](const auto& sum, bool) {
      if (sum.variables() == variables()) return;
      throw ShapeError("element sum: sums over " + std::to_string(variables()) + " and " +
                       std::to_string(sum.variables()) + " variables can't be added");
    });
  }

  const std::tuple<Sums...>& terms() const { return sums_; }
  std::int64_t variables() const { return std::get<0>(sums_).variables(); }

  double value(const Executor& executor, std::span<const T> x) const {
    double all = 0;
    each([&](const auto& sum, bool) { all += sum.value(executor, x); });
    return all;
  }
  double value_and_gradient(const Executor& executor, std::span<const T> x, std::span<T> gradient) const {
    double all = 0;
    each([&](const auto& sum, bool add) { all += sum.value_and_gradient(executor, x, gradient, add); });
    return all;
  }
  void hessian_vector_product(const Executor& executor, std::span<const T> x, std::span<const T> v,
                              std::span<T> product) const {
    each([&](const auto& sum, bool add) { sum.hessian_vector_product(executor, x, v, product, add); });
  }
  void hessian_diagonal(const Executor& executor, std::span<const T> x, std::span<T> diagonal) const {
    each([&](const auto& sum, bool add) { sum.hessian_diagonal(executor, x, diagonal, add); });
  }
  const SparsePattern& hessian_pattern() const {
    if (!pattern_) {
      SparsePattern all = std::get<0>(sums_).hessian_pattern();
      each([&](const auto& sum, bool add) {
        if (add) all = detail::merge(all, sum.hessian_pattern());
      });
      pattern_ = std::make_shared<const SparsePattern>(std::move(all));
    }
    return *pattern_;
  }
  void hessian(const Executor& executor, std::span<const T> x, std::span<T> values) const {
    hessian_pattern();
    each([&](const auto& sum, bool add) { sum.hessian(executor, x, values, *pattern_, pattern_, add); });
  }

 private:
  /// Calls use(sum, whether it comes after others) for each.
  template <class Use>
  void each(Use use) const {
    std::apply(
        [&](const auto& first, const auto&... others) {
          use(first, false);
          (use(others, true), ...);
        },
        sums_);
  }

  std::tuple<Sums...> sums_;
  mutable std::shared_ptr<const SparsePattern> pattern_;
};

template <detail::Summand A, detail::Summand B>
AddedSums<typename A::Scalar, A, B> operator+(const A& a, const B& b) {
  return AddedSums<typename A::Scalar, A, B>({a, b});
}
template <class T, class... Sums, detail::Summand B>
AddedSums<T, Sums..., B> operator+(const AddedSums<T, Sums...>& a, const B& b) {
  return AddedSums<T, Sums..., B>(std::tuple_cat(a.terms(), std::tuple(b)));
}

}  // inline namespace

}  // namespace nabla
