#include "passes.hpp"

#include "../cpu/quadratic.hpp"
#include "../cuda_seam.hpp"
#include "matrix.hpp"
#include "preconditioner.hpp"

#include <utility>

// From passes over a symmetric matrix to the executor that runs them.

namespace nabla::detail {

namespace {

/// The product that is there already, in place of the rows that it is of.
template <class T>
MatrixRows<T> given(std::int64_t size, const T* product) {
  return GivenRows<T>{size, product};
}

template <class T>
void iterate_on_cpu(const Executor& executor, const SymmetricMatrix<T>& a, const KrylovVectors<T>& v,
                    const Sums& sums) {
  const int threads = executor.threads();
  const Turning<T> turning{v.p, v.pull(), v.inverse, v.scalars};
  const Curve<T> curve{v.p, v.product, v.scalars};
  const Advance<T> advance{v.x, v.g, v.p, v.inverse, v.scalars};
  const MatrixRows<T> products = given(a.size, static_cast<const T*>(v.product));
  if (const MatrixRows<T>* const rows = a.rows(); rows == nullptr) {
    cpu::turn(threads, a.size, turning);
    a.multiply(executor, v.p, v.product, false);
    if (!has_own_steps(v.kind)) {
      const Turning<T>* const is_turned = nullptr;
      cpu::run(threads, products, is_turned, Curve<T>{v.p, nullptr, v.scalars}, sums);
    }
    if (v.scalars->state == KrylovState::running) cpu::run(threads, products, advance, sums);
  } else {
    if (has_own_steps(v.kind)) {
      cpu::turn(threads, a.size, turning);
      if (v.product != nullptr) cpu::multiply(threads, *rows, Multiply<T>{v.p, v.product, false});
    } else {
      cpu::run(threads, *rows, &turning, curve, sums);
    }
    if (v.scalars->state == KrylovState::running) {
      cpu::run(threads, v.product != nullptr ? products : *rows, advance, sums);
    }
  }
}

/// z = M^-1 g and the scalars that follow.
template <class T>
void precondition(const Executor& executor, const VectorPreconditioner<T>& m, std::int64_t n, const KrylovVectors<T>& v,
                  const Sums& sums) {
  if (!executor.is_cuda() && !v.scalars->is_running()) return;
  m.apply(executor, v.g, v.z, v.scalars);
  if (has_own_steps(v.kind)) return;
  if (executor.is_cuda()) {
    cuda::meet(executor.state(), n, v, sums);
  } else {
    cpu::run(executor.threads(), given(n, static_cast<const T*>(v.z)), Meet<T>{v.g, v.z, v.scalars}, sums);
  }
}

}  // namespace

template <class T>
void multiply(const Executor& executor, const MatrixRows<T>& rows, const Multiply<T>& pass) {
  if (executor.is_cuda()) {
    cuda::multiply(executor.state(), rows, pass);
  } else {
    cpu::multiply(executor.threads(), rows, pass);
  }
}

template <class T>
void take_diagonal(const Executor& executor, const MatrixRows<T>& rows, std::int64_t size, T* numbers, bool add) {
  if (executor.is_cuda()) {
    cuda::take_diagonal(executor.state(), rows, size, numbers, add);
  } else {
    cpu::take_diagonal(executor.threads(), rows, numbers, add);
  }
}

template <class T>
void run(const Executor& executor, const SymmetricMatrix<T>& a, const Evaluate<T>& pass, T* product, const Sums& sums) {
  const MatrixRows<T>* rows = a.rows();
  MatrixRows<T> products;
  if (rows == nullptr) {
    a.multiply(executor, pass.x, product, false);
    products = given(a.size, static_cast<const T*>(product));
    rows = &products;
  }
  if (executor.is_cuda()) {
    cuda::run(executor.state(), *rows, pass, sums);
  } else {
    cpu::run(executor.threads(), *rows, pass, sums);
  }
}

template <class T>
void run(const Executor& executor, const MatrixRows<T>& rows, const ChebyshevStep<T>& pass) {
  if (executor.is_cuda()) {
    cuda::run(executor.state(), rows, pass);
  } else {
    cpu::run(executor.threads(), rows, pass);
  }
}

template <class T>
void iterate(const Executor& executor, const SymmetricMatrix<T>& a, const VectorPreconditioner<T>* m,
             const KrylovVectors<T>& vectors, int count, const Sums& sums) {
  KrylovVectors<T> v = vectors;
  for (int k = 0; k < count; ++k) {
    if (!executor.is_cuda()) {
      if (!v.scalars->is_running()) return;
      iterate_on_cpu(executor, a, v, sums);
      if (m != nullptr) precondition(executor, *m, a.size, v, sums);
      continue;
    }
    if (a.rows() == nullptr) {  // the product comes between two passes
      cuda::turn(executor.state(), a.size, v);
      a.multiply(executor, v.other_p, v.product, false);
      cuda::iterate(executor.state(), given(a.size, static_cast<const T*>(v.product)), v, sums);
    } else {
      cuda::iterate(executor.state(), *a.rows(), v, sums);
    }
    if (m != nullptr) precondition(executor, *m, a.size, v, sums);
    std::swap(v.p, v.other_p);
  }
}

template void multiply(const Executor&, const MatrixRows<float>&, const Multiply<float>&);
template void take_diagonal(const Executor&, const MatrixRows<float>&, std::int64_t, float*, bool);
template void multiply(const Executor&, const MatrixRows<double>&, const Multiply<double>&);
template void take_diagonal(const Executor&, const MatrixRows<double>&, std::int64_t, double*, bool);
template void run(const Executor&, const SymmetricMatrix<float>&, const Evaluate<float>&, float*, const Sums&);
template void run(const Executor&, const SymmetricMatrix<double>&, const Evaluate<double>&, double*, const Sums&);
template void run(const Executor&, const MatrixRows<float>&, const ChebyshevStep<float>&);
template void iterate(const Executor&, const SymmetricMatrix<float>&, const VectorPreconditioner<float>*,
                      const KrylovVectors<float>&, int, const Sums&);
template void run(const Executor&, const MatrixRows<double>&, const ChebyshevStep<double>&);
template void iterate(const Executor&, const SymmetricMatrix<double>&, const VectorPreconditioner<double>*,
                      const KrylovVectors<double>&, int, const Sums&);

}  // namespace nabla::detail
