// Iterations of conjugate gradients for quadratic_traffic.cmake to count:
//     quadratic_traffic diagonal|plane|space|bands|slices|rows f32|f64 ITERATIONS
// prints the bytes of a vector, and of the matrix each time that it is read.

#include <nabla/quadratic.hpp>

#include <cstdlib>
#include <iostream>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace {

using nabla::Array;
using nabla::Executor;
using nabla::SymmetricOperator;

/// Three diagonals, of numbers that float does not hold, row by row.
template <class T>
struct Bands {
  Array<std::int32_t> starts, columns;
  Array<T> values;

  Bands(const Executor& where, std::int32_t n)
      : starts(where, n + 1), columns(where, 3 * n - 2), values(where, 3 * n - 2) {
    std::vector<std::int32_t> first{0}, column;
    std::vector<T> number;
    for (std::int32_t r = 0; r < n; ++r) {
      for (std::int32_t c = r - 1; c <= r + 1; ++c) {
        if (c < 0 || c >= n) continue;
        column.push_back(c);
        number.push_back(c == r ? T(4) : T(-1) - T(1) / static_cast<T>(3 + r + c));
      }
      first.push_back(static_cast<std::int32_t>(column.size()));
    }
    starts.upload(first);
    columns.upload(column);
    values.upload(number);
  }
};

template <class X>
Array<X> put(const Executor& where, const std::vector<X>& numbers) {
  Array<X> there(where, static_cast<std::int64_t>(numbers.size()));
  there.upload(numbers);
  return there;
}

/// The Laplacian of a random graph, 8 neighbours a node on average, and 1.
template <class T>
struct Graph {
  explicit Graph(std::int32_t n) {
    std::vector<std::map<std::int32_t, T>> rows(static_cast<std::size_t>(n));
    std::mt19937 random(1);
    const auto some = [&] { return static_cast<std::int32_t>(random() % static_cast<unsigned>(n)); };
    for (std::int32_t i = 0; i < n; ++i) rows[static_cast<std::size_t>(i)][i] = 1;
    for (std::int32_t k = 0; k < 4 * n; ++k) {
      const std::int32_t i = some(), j = some();
      if (i == j) continue;
      for (const auto& [from, to] : {std::pair(i, j), std::pair(j, i)}) {
        auto& row = rows[static_cast<std::size_t>(from)];
        row[to] -= 1;
        row[from] += 1;
      }
    }
    for (const auto& row : rows) {
      for (const auto& [column, value] : row) {
        columns.push_back(column);
        values.push_back(value);
      }
      starts.push_back(static_cast<std::int32_t>(columns.size()));
    }
  }

  std::vector<std::int32_t> starts{0}, columns;
  std::vector<T> values;
};

template <class T>
void descend(const SymmetricOperator<T>& a, const Executor& where, std::int64_t iterations) {
  const std::int64_t n = a.size();
  std::vector<T> pull(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < pull.size(); ++i) pull[i] = static_cast<T>(1 + i % 7);
  Array<T> b(where, n), x(where, n);
  b.upload(pull);
  x.upload(std::vector<T>(pull.size(), T(0)));
  const nabla::Quadratic<T> f(where, a, {b.data(), pull.size()});
  const auto report = nabla::minimize(
      where, f, x,
      {.method = nabla::Method::conjugate_gradient, .relative_gradient_tolerance = 0, .max_iterations = iterations});
  if (report.iterations != iterations) std::exit(1);
  std::cout << n * static_cast<std::int64_t>(sizeof(T)) << ";" << static_cast<std::int64_t>(a.bytes()) << "\n";
}

template <class T>
void run(const std::string& name, std::int64_t iterations) {
  const Executor where = Executor::cuda();
  if (name == "plane") return descend(nabla::laplacian<T>(where, {500, 200}), where, iterations);
  if (name == "space") return descend(nabla::laplacian<T>(where, {64, 50, 30}), where, iterations);
  constexpr std::int32_t n = 100'000;
  if (name == "diagonal") {
    std::vector<T> numbers;
    for (std::int32_t i = 0; i < n; ++i) numbers.push_back(1 + T(1) / static_cast<T>(1 + i));
    Array<T> there(where, n);
    there.upload(numbers);
    return descend(nabla::diagonal<T>(where, {there.data(), numbers.size()}), where, iterations);
  }
  if (name == "slices") {
    const Graph<T> graph(n);
    const auto starts = put(where, graph.starts), columns = put(where, graph.columns);
    const auto values = put(where, graph.values);
    return descend(nabla::sparse_operator<T>(where, nabla::SparseRows(starts, columns, values)), where, iterations);
  }
  const Bands<T> bands(where, n);
  const auto storage = name == "rows" ? nabla::Storage::rows : nabla::Storage::diagonals;
  descend(nabla::sparse_operator<T>(where, nabla::SparseRows(bands.starts, bands.columns, bands.values), storage),
          where, iterations);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  std::string(argv[2]) == "f32" ? run<float>(argv[1], std::atoll(argv[3])) : run<double>(argv[1], std::atoll(argv[3]));
}
