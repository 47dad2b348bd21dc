#include "quadratic.hpp"

#include "../executor_state.hpp"
#include "../new_file.hpp"
#include "../quadratic/matrix.hpp"
#include "commands.hpp"
#include "interruption.hpp"
#include "output_files.hpp"
#include "progress_line.hpp"
#include "table.hpp"
#include "vector_files.hpp"

#include <fmt/format.h>

#include <nabla/matrix_market.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

// nabla quadratic: descent on 1/2 x.Ax - b.x.

namespace nabla::cli {

namespace {

constexpr char example[] =
    "  nabla quadratic --laplacian 2d:1000,1000 --out-x x.npy\n"
    "      solves Ax = b for the Laplacian of a million points and ones at the right, by conjugate gradients\n"
    "  nabla quadratic --matrix A.mtx --rhs b.mtx --preconditioner jacobi --history h.csv --out-x x.mtx\n"
    "      a symmetric matrix from a file; stored as whatever a product reads the least of\n";

/// A file of text lines, that appears in the end.
class History {
 public:
  History(OutputFiles& files, const std::optional<std::string>& path) {
    if (!path) return;
    files.claim("--history", *path);
    file_ = std::make_unique<detail::NewFile>(*path);
  }
  void write(const std::vector<Progress>& all) {
    if (!file_) return;
    std::string text = "iteration,value,gradient_norm,seconds\n";
    for (const Progress& at : all) {
      text += fmt::format("{},{},{},{}\n", at.iteration, at.value, at.gradient_norm, at.seconds);
    }
    file_->write(text.data(), text.size());
    file_->finish();
  }
  void publish() {
    if (file_) file_->publish();
  }

 private:
  std::unique_ptr<detail::NewFile> file_;
};

/// A vector's file, of either kind.
class OutVector {
 public:
  OutVector(OutputFiles& files, const std::optional<std::string>& path) : files_(files) {
    const auto extension = path ? std::filesystem::path(*path).extension() : std::filesystem::path();
    if (!extension.empty() && extension != ".npy" && extension != ".mtx") {
      throw UsageError(fmt::format("--out-x: expected a file .npy or .mtx, found '{}'", *path));
    }
    if (path && is_matrix_market(*path)) {
      files.claim("--out-x", *path);
      writer_ = std::make_unique<MatrixMarketWriter>(*path);
    } else {
      files.open("--out-x", path);
    }
  }
  template <class T>
  void write(std::span<const T> x) {
    if (writer_) {
      writer_->write(x);
    } else {
      files_.write("--out-x", x);
    }
  }
  void publish() {
    if (writer_) writer_->publish();
  }

 private:
  OutputFiles& files_;
  std::unique_ptr<MatrixMarketWriter> writer_;
};

/// "iteration 120: value -3.1, gradient norm 2e-05, 48 iterations/s, about 12 s left"
class Watching {
 public:
  Watching(bool quiet, double enough) : enough_(enough), line_(!quiet) {}

  bool tell(const Progress& at) {
    if (first_norm_ == 0) {
      first_norm_ = at.gradient_norm;
      first_iteration_ = at.iteration;
    }
    line_.update([&] {
      const double done = static_cast<double>(at.iteration - first_iteration_), seconds = watch_.seconds();
      std::string text = fmt::format("iteration {}: value {:.9g}, gradient norm {:.3g}, {:.3g} iterations/s",
                                     at.iteration, at.value, at.gradient_norm, done / seconds);
      const double fallen = std::log(first_norm_ / at.gradient_norm), wanted = std::log(at.gradient_norm / enough_);
      if (fallen > 0 && wanted > 0 && std::isfinite(wanted)) {
        text += fmt::format(", about {:.3g} s left", seconds * wanted / fallen);
      }
      return text;
    });
    return !interruption_.asked();
  }

 private:
  double enough_, first_norm_ = 0;
  std::int64_t first_iteration_ = 0;
  Interruption interruption_;
  ProgressLine line_;
  Stopwatch watch_;
};

/// On the executor, and how long it took to bring it there.
template <class T>
Array<T> brought(const Executor& executor, const std::vector<T>& numbers, double& seconds) {
  Array<T> there(executor, static_cast<std::int64_t>(numbers.size()));
  const Stopwatch watch;
  there.upload(numbers);
  if (executor.is_cuda()) seconds += watch.seconds();
  return there;
}
/// All of one number. CPUs fill the memory that it is to stay in, each core what it will work on.
template <class T>
Array<T> filled(const Executor& executor, std::int64_t n, T number, double& seconds) {
  if (executor.is_cuda()) return brought(executor, std::vector<T>(static_cast<std::size_t>(n), number), seconds);
  Array<T> there(executor, n);
  T* const numbers = there.data();
#pragma omp parallel for num_threads(executor.threads()) schedule(static)
  for (std::int64_t i = 0; i < n; ++i) numbers[i] = number;
  return there;
}

/// A matrix from a file on a GPU, for an operator that refers to it.
template <class T, class Index>
struct OnDevice {
  Array<std::int64_t> starts;
  Array<Index> columns;
  Array<T> values;

  OnDevice(const Executor& where, const SparseMatrix<T, Index>& matrix, double& seconds)
      : starts(brought(where, matrix.starts, seconds)),
        columns(brought(where, matrix.column_indices, seconds)),
        values(brought(where, matrix.values, seconds)) {}
};

template <class T>
class Matrix {
 public:
  Matrix(const QuadraticCommand& command, const MatrixSource& source, const Executor& executor, double& transfer) {
    switch (source.kind) {
      case MatrixSource::Kind::laplacian: {
        double unknowns = 1;
        for (const std::int64_t extent : source.extents) unknowns *= static_cast<double>(extent);
        require_vectors(executor, unknowns);
        made_.push_back(nabla::laplacian<T>(executor, source.extents));
        break;
      }
      case MatrixSource::Kind::diagonal: {
        const std::vector<T> numbers = read_vector<T>("--diagonal", source.file, {}, command.common.threads());
        const Array<T> there = brought(executor, numbers, transfer);
        made_.push_back(nabla::diagonal<T>(executor, {there.data(), numbers.size()}));
        break;
      }
      case MatrixSource::Kind::file:
        if (read_matrix_market_header(source.file).columns <= std::numeric_limits<std::int32_t>::max()) {
          read<std::int32_t>(command, source, executor, transfer);
        } else {
          read<std::int64_t>(command, source, executor, transfer);
        }
        break;
    }
    require_vectors(executor, static_cast<double>(a().size()));
  }
  const SymmetricOperator<T>& a() const { return made_.front(); }
  /// That are not the executor's, and stay.
  double host_bytes() const { return host_bytes_; }

 private:
  /// The start, the right-hand side, and what conjugate gradients need.
  static void require_vectors(const Executor& executor, double unknowns) {
    require_memory(executor, 4 * unknowns * sizeof(T), fmt::format("vectors of {:.4g} unknowns", unknowns));
  }

  template <class Index>
  void read(const QuadraticCommand& command, const MatrixSource& source, const Executor& executor, double& transfer) {
    const int threads = command.common.threads();
    const auto matrix =
        std::make_shared<const SparseMatrix<T, Index>>(read_matrix_market<T, Index>(source.file, threads));
    require_symmetric(*matrix, source.file, threads);
    if (matrix->both_triangles && !command.common.quiet) {
      warn("quadratic", fmt::format("{}: it has entries on both sides of the diagonal, which add up to twice what is "
                                    "meant where it repeats them",
                                    source.file.string()));
    }
    if (executor.is_cuda()) {
      const auto there = std::make_shared<OnDevice<T, Index>>(executor, *matrix, transfer);
      store(command, executor, SparseRows(there->starts, there->columns, there->values));
      if (refers_to_rows()) kept_ = there;
    } else {
      store(command, executor, SparseRows(matrix->starts, matrix->column_indices, matrix->values));
      if (!refers_to_rows()) return;
      kept_ = matrix;
      host_bytes_ = static_cast<double>(matrix->starts.size() * sizeof(std::int64_t) +
                                        matrix->values.size() * (sizeof(Index) + sizeof(T)));
    }
  }
  template <class Rows>
  void store(const QuadraticCommand& command, const Executor& executor, const Rows& rows) {
    try {
      made_.push_back(detail::make_sparse_operator<T>(executor, rows.starts, rows.columns, rows.values,
                                                      command.storage(), /*is_symmetric=*/true));
    } catch (const ShapeError&) {
      throw;
    } catch (const Error& error) {
      throw UsageError(fmt::format("--format {}: {}", command.format.value_or("auto"), error.what()));
    }
  }
  /// What is stored in another form has rows of its own.
  bool refers_to_rows() const { return a().matrix().rows() == nullptr; }

  std::vector<SymmetricOperator<T>> made_;
  std::shared_ptr<const void> kept_;
  double host_bytes_ = 0;
};

template <class T>
double norm_of(const std::vector<T>& numbers) {
  long double squares = 0;
  for (const T number : numbers) squares += static_cast<long double>(number) * number;
  return static_cast<double>(std::sqrt(squares));
}

/// The right-hand side, and its norm.
template <class T>
Array<T> right_hand_side(const QuadraticCommand& command, const Executor& executor, std::int64_t n,
                         QuadraticResult& result) {
  if (!command.rhs || *command.rhs == "ones") {
    result.pull_norm = std::sqrt(static_cast<double>(n));
    return filled(executor, n, T(1), result.transfer_seconds);
  }
  const std::vector<T> b = read_vector<T>("--rhs", *command.rhs, n, command.common.threads());
  result.pull_norm = norm_of(b);
  return brought(executor, b, result.transfer_seconds);
}
template <class T>
Array<T> start(const QuadraticCommand& command, const Executor& executor, std::int64_t n, QuadraticResult& result) {
  if (!command.x0) return filled(executor, n, T(0), result.transfer_seconds);
  return brought(executor, read_vector<T>("--x0", *command.x0, n, command.common.threads()), result.transfer_seconds);
}

template <class T>
void write_result(const Array<T>& x, OutVector& out, QuadraticResult& result) {
  const auto n = static_cast<std::size_t>(x.size());
  if (!x.executor().is_cuda()) return out.write(std::span<const T>(x.data(), n));
  const Stopwatch watch;
  const std::vector<T> found = x.to_host();
  result.transfer_seconds += watch.seconds();
  out.write(std::span<const T>(found));
}

template <class T>
void run(const QuadraticCommand& command, const MatrixSource& source, const Executor& executor, MinimizeOptions options,
         OutVector& out_x, History& history, QuadraticResult& result) {
  const Stopwatch loading;
  const Matrix<T> matrix(command, source, executor, result.transfer_seconds);
  const SymmetricOperator<T>& a = matrix.a();
  const std::int64_t n = a.size();
  const Array<T> b = right_hand_side<T>(command, executor, n, result);
  Array<T> x = start<T>(command, executor, n, result);
  result.load_seconds = loading.seconds() - result.transfer_seconds;
  result.unknowns = n;
  result.nonzeros = a.nonzeros();
  result.format = a.format();

  const double tolerance = command.relative_tolerance(result.precision);
  options.gradient_tolerance = tolerance * result.pull_norm;
  if (result.pull_norm == 0) options.relative_gradient_tolerance = tolerance;
  Watching watching(command.common.quiet, options.gradient_tolerance);
  options.callback = [&](const Progress& at) { return watching.tell(at); };
  if (executor.is_cuda()) options.callback_every = 16;  // which is not waited for in between
  const Quadratic<T> f(executor, a, {b.data(), static_cast<std::size_t>(n)});
  result.report = nabla::minimize(executor, f, x, options);
  result.memory_per_unknown =
      (static_cast<double>(executor.state().most_held) + matrix.host_bytes()) / static_cast<double>(n);
  write_result(x, out_x, result);
  history.write(result.report.history);
}

Precision default_precision(const QuadraticCommand& command, const MatrixSource& source) {
  return source.kind == MatrixSource::Kind::diagonal ? precision_of(source.file)
         : command.rhs && *command.rhs != "ones"     ? precision_of(*command.rhs)
                                                     : Precision::f64;
}

}  // namespace

int quadratic(std::span<const char* const> arguments) {
  QuadraticCommand command;
  Arguments parser("quadratic",
                   "Descends on f(x) = 1/2 x.Ax - b.x, whose minimum solves Ax = b where A is positive definite.\n"
                   "Exit status: 0 converged, 1 not, and why is told; 2 bad usage or input, 3 no such executor.\n"
                   "Ctrl-C ends it where it is; what was reached is told and written.",
                   example);
  command.declare(parser);
  if (parser.wants_help(arguments)) return print(parser.help()), good;
  parser.parse(arguments);

  const MatrixSource source = command.source();
  command.storage();
  QuadraticResult result;
  result.matrix = command.matrix ? *command.matrix : command.diagonal ? *command.diagonal : *command.laplacian;
  result.method = command.method_name();
  result.preconditioner = command.preconditioner_name();
  result.precision = command.common.precision().value_or(default_precision(command, source));
  result.mixed_precision = command.mixed_precision;
  if (result.mixed_precision && result.precision == Precision::f32) {
    throw UsageError("--mixed-precision: corrects in f64, but the precision is f32; --precision f64 changes it");
  }
  const MinimizeOptions options = command.minimize_options();
  const Executor executor = command.common.executor();

  OutputFiles files;
  for (const auto& [argument, file] : {std::pair("--matrix", command.matrix), std::pair("--diagonal", command.diagonal),
                                       std::pair("--x0", command.x0)}) {
    if (file) files.protect(argument, *file);
  }
  if (command.rhs && *command.rhs != "ones") files.protect("--rhs", *command.rhs);
  if (command.checkpoint) files.claim("--checkpoint", *command.checkpoint);
  if (command.resume) files.protect("--resume", *command.resume);  // which may be written over by what came of it
  OutVector out_x(files, command.out_x);
  History history(files, command.history);

  if (result.precision == Precision::f32) {
    run<float>(command, source, executor, options, out_x, history, result);
  } else {
    run<double>(command, source, executor, options, out_x, history, result);
  }
  files.publish();
  out_x.publish();
  history.publish();

  if (!command.common.quiet) {
    for (const std::optional<std::string>& file : {command.diagonal, command.rhs, command.x0}) {
      if (file && file != "ones") warn_of_trailing_bytes("quadratic", *file);
    }
  }

  if (command.common.json) {
    print_json(result, executor);
  } else if (!command.common.quiet) {
    print_table(result, executor);
  }
  return result.report.converged() ? good : negative;
}

}  // namespace nabla::cli
