#include "cases.hpp"
#include "sparse_cases.hpp"

#include "../quadratic/matrix.hpp"
#include "../vectors.hpp"

#include <nabla/quadratic.hpp>

#include <algorithm>
#include <cmath>
#include <memory>

// Passes over vectors, products with matrices, and iterations of conjugate gradients.

namespace nabla::bench {

namespace {

using detail::Combination;
using detail::Dot;
using detail::Move;
using detail::Pass;
using detail::Sums;

/// Vectors with numbers in them, one after the other, each from a cache line on.
struct Vectors {
  Executor where;
  std::int64_t n, apart;
  Points<double> numbers;
  Sums sums;

  Vectors(const Executor& executor, std::int64_t length, int count)
      : where(executor),
        n(length),
        apart((n + 7) / 8 * 8),
        numbers(Points<double>::uniform(where, apart, count, -1, 1, 5)),
        sums(where, n, 2) {}
  double* operator[](int k) const { return numbers.data() + k * apart; }
  std::vector<void*> all(int count) const {
    std::vector<void*> starts(static_cast<std::size_t>(count));
    for (int k = 0; k < count; ++k) starts[static_cast<std::size_t>(k)] = (*this)[k];
    return starts;
  }
  std::span<double> span(int k) const { return {(*this)[k], static_cast<std::size_t>(n)}; }
};

template <class PassOf>
Case pass_case(const char* operation, int reads, int writes, double flops, PassOf pass_of) {
  Case made{.operation = operation,
            .subject = "vectors",
            .variant = "",
            .items = "components",
            .bytes_per_item = 8.0 * (reads + writes),
            .prepare = {}};
  made.prepare = [=](const Executor& where, std::int64_t items) {
    const auto vectors = std::make_shared<Vectors>(where, items, reads + writes);
    return Prepared{[=] { run(vectors->where, vectors->n, Pass<double>(pass_of(*vectors)), vectors->sums); },
                    static_cast<double>(items),
                    {reads, writes, 8 * items, 1, vectors->all(reads + writes)},
                    {.flops = flops * static_cast<double>(items)}};
  };
  return made;
}

Case random_case() {
  Case made{.operation = "random points",
            .subject = "n = 2",
            .variant = "",
            .items = "points",
            .bytes_per_item = 16,
            .floor = "memory alone",
            .prepare = {}};
  made.prepare = [](const Executor& where, std::int64_t items) {
    const auto points = std::make_shared<Batch<double>>(where, items, 2);
    return Prepared{[=] { detail::fill_uniform<double>(points->executor(), points->view(), -1, 1, 5); },
                    static_cast<double>(items),
                    {0, 2, 8 * items, 1, {points->data(), points->data() + items}},
                    {}};
  };
  return made;
}

/// How a matrix is made for about so many unknowns, what a product reads beside x, and its flops, of a row.
struct Matrix {
  const char* subject;
  SymmetricOperator<double> (*make)(const Executor&, std::int64_t unknowns);
  double bytes_of_a_row;
  double flops_of_a_row;
  std::int64_t most_rows;
};

std::int64_t side_of(std::int64_t unknowns) {
  return std::max<std::int64_t>(2, std::llround(std::sqrt(static_cast<double>(unknowns))));
}

SymmetricOperator<double> grid_of(const Executor& where, std::int64_t unknowns) {
  return laplacian<double>(where, {side_of(unknowns), side_of(unknowns)});
}
SymmetricOperator<double> diagonal_of(const Executor& where, std::int64_t unknowns) {
  std::vector<double> numbers(static_cast<std::size_t>(unknowns));
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = 1 + static_cast<double>(i % 1000) / 3;  // no floats
  Array<double> there(where, unknowns);
  there.upload(numbers);
  return diagonal<double>(where, {there.data(), numbers.size()});
}
SymmetricOperator<double> graph_of(const Executor& where, std::int64_t unknowns) {
  const SparseCase a = graph(unknowns, true);
  Array<std::int32_t> starts(where, static_cast<std::int64_t>(a.starts.size())),
      columns(where, static_cast<std::int64_t>(a.columns.size()));
  Array<double> values(where, static_cast<std::int64_t>(a.values.size()));
  starts.upload(a.starts);
  columns.upload(a.columns);
  values.upload(a.values);
  // Stored as slices, which are the operator's own.
  return sparse_operator<double>(where,
                                 SparseRows(std::span<const std::int32_t>(starts.data(), a.starts.size()),
                                            std::span<const std::int32_t>(columns.data(), a.columns.size()),
                                            std::span<const double>(values.data(), a.values.size())),
                                 Storage::slices);
}

/// What a product reads beside vectors: the operator's own memory, but for what is next to nothing of it.
std::vector<Traffic> reads_of(const SymmetricOperator<double>& a) {
  std::vector<Traffic> reads;
  if (const auto* const stored = dynamic_cast<const detail::StoredMatrix<double>*>(&a.matrix())) {
    for (const auto& [memory, bytes] : stored->bytes_of) {
      if (bytes > a.size() / 8) reads.push_back({1, 0, bytes, 1, {const_cast<void*>(memory)}});
    }
  }
  return reads;
}

constexpr Matrix grid_matrix{"five-point Laplacian", &grid_of, 0, 9, 0};
constexpr Matrix diagonal_matrix{"diagonal", &diagonal_of, 8, 1, 0};
constexpr Matrix graph_matrix{"random graph, 9 entries a row", &graph_of, 9 * 12, 18, 300'000};

Case product_case(const Matrix& matrix) {
  Case made{.operation = "matrix times vector",
            .subject = matrix.subject,
            .variant = "",
            .items = "rows",
            .bytes_per_item = 16 + matrix.bytes_of_a_row,
            .prepare = {},
            .most_items = matrix.most_rows};
  made.prepare = [=](const Executor& where, std::int64_t items) {
    const auto a = std::make_shared<SymmetricOperator<double>>(matrix.make(where, items));
    const auto vectors = std::make_shared<Vectors>(where, a->size(), 2);
    return Prepared{[=] { a->multiply(vectors->where, vectors->span(0), vectors->span(1)); },
                    static_cast<double>(a->size()),
                    {1, 1, 8 * a->size(), 1, vectors->all(2), reads_of(*a)},
                    {.flops = matrix.flops_of_a_row * static_cast<double>(a->size())}};
  };
  return made;
}

/// The product reads the main diagonal and what is right of it, on CUDA all (symmetric_operator.hpp).
Case dense_case() {
  Case made{.operation = "matrix times vector",
            .subject = "dense",
            .variant = "",
            .items = "entries",
            .bytes_per_item = 8,
            .prepare = {}};
  made.prepare = [](const Executor& where, std::int64_t items) {
    const std::int64_t n = (side_of(items) + 15) / 16 * 16;
    const auto entries = std::make_shared<Array<double>>(where, n * n);
    std::vector<double> numbers(static_cast<std::size_t>(n * n));
    for (std::size_t k = 0; k < numbers.size(); ++k) {
      const auto i = k / static_cast<std::size_t>(n), j = k % static_cast<std::size_t>(n);
      numbers[k] = 1 / (1 + static_cast<double>(i > j ? i - j : j - i));
    }
    entries->upload(numbers);
    const auto a = std::make_shared<SymmetricOperator<double>>(dense_operator<double>(
        where, DenseRows<double>(std::span<const double>(entries->data(), numbers.size()), n, n)));
    const auto vectors = std::make_shared<Vectors>(where, n, 2);
    const std::int64_t read = where.is_cuda() ? 8 * n * n : 4 * n * (n + 1);
    return Prepared{[entries, a, vectors] { a->multiply(vectors->where, vectors->span(0), vectors->span(1)); },
                    static_cast<double>(n * n),
                    {1, 0, read, 1, {entries->data()}},
                    {.flops = 2 * static_cast<double>(n * n)}};
  };
  return made;
}

/// What an iteration moves, in its two passes (docs/design/0012-quadratics.md): one reads p and g and writes p, the
/// other reads x, g and p and writes x and g. A product that is cheap is computed in both; another one, Ap, is written
/// in the first and read in the second. b and x are those of the descent, the others lie beside them.
Traffic iteration_traffic(const Vectors& vectors, const SymmetricOperator<double>& a, int iterations) {
  const std::int64_t bytes = 8 * vectors.n;
  double *const x = vectors[1], *const g = vectors[2], *const p = vectors[3], *const product = vectors[4];
  const std::vector<Traffic> matrix = reads_of(a);
  Traffic all{2, 1, bytes, iterations, {p, g, p}, matrix};
  if (a.matrix().is_cheap()) {
    all.then.push_back({3, 2, bytes, 1, {x, g, p, x, g}, matrix});
  } else {
    all.then.push_back({0, 1, bytes, 1, {product}});
    all.then.push_back({4, 2, bytes, 1, {x, g, p, product, x, g}});
  }
  return all;
}

Case iteration_case(const Matrix& matrix) {
  constexpr int iterations = 20;
  Case made{.operation = "conjugate gradients",
            .subject = matrix.subject,
            .variant = "",
            .items = "rows an iteration",
            .bytes_per_item = 64 + matrix.bytes_of_a_row,
            .prepare = {},
            .most_items = matrix.most_rows};
  made.prepare = [=](const Executor& where, std::int64_t items) {
    const auto a = std::make_shared<SymmetricOperator<double>>(matrix.make(where, std::max<std::int64_t>(4, items)));
    const auto vectors = std::make_shared<Vectors>(where, a->size(), 5);
    const auto f = std::make_shared<Quadratic<double>>(where, *a, vectors->span(0));
    const std::vector<double> start(static_cast<std::size_t>(a->size()), 0);
    const auto descend = [=] {
      detail::copy_bytes(vectors->where, vectors->span(1).data(), start.data(), start.size() * sizeof(double));
      minimize(vectors->where, *f, vectors->span(1),
               {.method = Method::conjugate_gradient, .relative_gradient_tolerance = 0, .max_iterations = iterations});
    };
    const double rows = iterations * static_cast<double>(a->size());
    const int products = a->matrix().is_cheap() ? 2 : 1;
    return Prepared{descend,
                    rows,
                    iteration_traffic(*vectors, *a, iterations),
                    {.flops = (products * matrix.flops_of_a_row + 12) * rows}};
  };
  return made;
}

}  // namespace

std::vector<Case> vector_cases() {
  constexpr int kept = 16;
  return {random_case(),
          pass_case("dot products", 2, 0, 4,
                    [](const Vectors& v) {
                      return Dot<double>{v[0], v[1]};
                    }),
          pass_case("x + t d", 2, 1, 2,
                    [](const Vectors& v) {
                      return Move<double>{v[2], v[0], 0.5, v[1]};
                    }),
          pass_case("sum of 16 vectors", kept, 1, 2 * kept + 2,
                    [](const Vectors& v) {
                      Combination<double> body{v[kept], v[0], kept, {}, {}};
                      for (int k = 0; k < kept; ++k) {
                        body.vectors[static_cast<std::size_t>(k)] = v[k];
                        body.weights[static_cast<std::size_t>(k)] = 0.5;
                      }
                      return body;
                    }),
          product_case(grid_matrix),
          product_case(diagonal_matrix),
          product_case(graph_matrix),
          dense_case(),
          iteration_case(grid_matrix),
          iteration_case(graph_matrix)};
}

}  // namespace nabla::bench
