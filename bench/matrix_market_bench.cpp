// Matrix Market files: how fast the five-point Laplacian of a grid is read, from a file in the folder for temporary
// files that the operating system keeps in memory, and written; against a peer, the mmio way with fscanf. What is read
// is checked to be the matrix.
//     matrix_market_bench --benchmark_repetitions=5 --benchmark_report_aggregates_only=true
// Rows:
//     read/GRID/THREADS    bytes_per_second, and per_thread of it; values with many digits where GRID is negative
//     against_fscanf/GRID  times_faster: one thread, triplets only on fscanf's side
//     write/GRID           bytes_per_second, flushed to disk

#include "paired.hpp"

#include <nabla/matrix_market.hpp>

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <map>

namespace {

using Matrix = nabla::SparseMatrix<double>;

/// The Laplacian of a grid of |grid| x |grid| points; scaled by an odd number where grid is negative.
Matrix laplacian(std::int64_t grid) {
  const double scale = grid < 0 ? 1 / 3.0 : 1;
  const std::int64_t n = std::abs(grid);
  Matrix matrix;
  matrix.rows = matrix.columns = n * n;
  matrix.starts.push_back(0);
  for (std::int64_t y = 0; y < n; ++y) {
    for (std::int64_t x = 0; x < n; ++x) {
      const auto put = [&](std::int64_t dx, std::int64_t dy, double value) {
        if (x + dx < 0 || x + dx >= n || y + dy < 0 || y + dy >= n) return;
        matrix.column_indices.push_back(static_cast<std::int32_t>((y + dy) * n + x + dx));
        matrix.values.push_back(scale * value);
      };
      put(0, -1, -1);
      put(-1, 0, -1);
      put(0, 0, 4);
      put(1, 0, -1);
      put(0, 1, -1);
      matrix.starts.push_back(static_cast<std::int64_t>(matrix.values.size()));
    }
  }
  return matrix;
}

/// A file that was written once and is removed at the end.
class File {
 public:
  explicit File(std::int64_t grid)
      : matrix(laplacian(grid)),
        path(std::filesystem::temp_directory_path() /
             ("nabla-bench-" + std::to_string(getpid()) + "-" + std::to_string(grid) + ".mtx")) {
    nabla::write_matrix_market(path, matrix, nabla::Triangle::lower);
    bytes = static_cast<std::int64_t>(std::filesystem::file_size(path));
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { std::filesystem::remove(path); }

  Matrix matrix;
  std::filesystem::path path;
  std::int64_t bytes = 0;
};

const File& file_of(std::int64_t grid) {
  static std::map<std::int64_t, File> files;
  return files.try_emplace(grid, grid).first->second;
}

bool same(const Matrix& a, const Matrix& b) {
  return a.starts == b.starts && a.column_indices == b.column_indices && a.values == b.values;
}

void read(benchmark::State& state) {
  const File& file = file_of(state.range(0));
  const auto threads = static_cast<int>(state.range(1));
  for (auto _ : state) {
    const Matrix matrix = nabla::read_matrix_market<double>(file.path, threads);
    state.PauseTiming();
    if (!same(matrix, file.matrix)) return state.SkipWithError("the answers differ");
    state.ResumeTiming();
  }
  state.SetBytesProcessed(state.iterations() * file.bytes);
  state.counters["per_thread"] = benchmark::Counter(static_cast<double>(state.iterations() * file.bytes) / threads,
                                                    benchmark::Counter::kIsRate, benchmark::Counter::kIs1000);
}

struct Triplets {
  std::vector<std::int32_t> rows, columns;
  std::vector<double> values;
};

Triplets read_with_fscanf(const File& file) {
  Triplets triplets;
  std::FILE* const in = std::fopen(file.path.c_str(), "r");
  long rows = 0, columns = 0, entries = 0;
  if (in == nullptr || std::fscanf(in, "%*[^\n] %ld %ld %ld", &rows, &columns, &entries) != 3) return triplets;
  for (long e = 0; e < entries; ++e) {
    int row = 0, column = 0;
    double value = 0;
    if (std::fscanf(in, "%d %d %lg", &row, &column, &value) != 3) break;
    triplets.rows.push_back(row - 1);
    triplets.columns.push_back(column - 1);
    triplets.values.push_back(value);
  }
  std::fclose(in);
  return triplets;
}

/// The triplets are the matrix's lower triangle, row by row.
bool same(const Triplets& triplets, const Matrix& matrix) {
  std::size_t at = 0;
  for (std::int64_t row = 0; row < matrix.rows; ++row) {
    for (std::int64_t e = matrix.starts[static_cast<std::size_t>(row)];
         e < matrix.starts[static_cast<std::size_t>(row) + 1]; ++e) {
      const auto k = static_cast<std::size_t>(e);
      if (matrix.column_indices[k] > row) continue;
      if (at == triplets.values.size() || triplets.rows[at] != row ||
          triplets.columns[at] != matrix.column_indices[k] || triplets.values[at] != matrix.values[k]) {
        return false;
      }
      ++at;
    }
  }
  return at == triplets.values.size();
}

void against_fscanf(benchmark::State& state) {
  const File& file = file_of(state.range(0));
  Triplets triplets;
  Matrix matrix;
  const auto theirs = [&] { triplets = read_with_fscanf(file); };
  const auto ours = [&] { matrix = nabla::read_matrix_market<double>(file.path, 1); };
  ours();
  theirs();
  if (!same(matrix, file.matrix) || !same(triplets, file.matrix)) return state.SkipWithError("the answers differ");
  nabla::bench::paired(state, "times_faster", theirs, ours, static_cast<std::int64_t>(triplets.values.size()),
                       file.bytes);
}

void write(benchmark::State& state) {
  const File& file = file_of(state.range(0));
  const auto path = std::filesystem::temp_directory_path() / ("nabla-bench-" + std::to_string(getpid()) + ".mtx");
  for (auto _ : state) nabla::write_matrix_market(path, file.matrix, nabla::Triangle::lower);
  state.SetBytesProcessed(state.iterations() * file.bytes);
  std::filesystem::remove(path);
}

}  // namespace

BENCHMARK(read)->ArgsProduct({{2000, -1500}, {1, 2}})->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(against_fscanf)->Arg(700)->Arg(-700)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(write)->Arg(2000)->Arg(-1500)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_MAIN();
