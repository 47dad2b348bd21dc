#include "quadratic.hpp"

#include "../nearest.hpp"
#include "numbers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

// The options of nabla quadratic.

namespace nabla::cli {

namespace {

struct NamedMethod {
  const char* name;
  Method method;
};
constexpr NamedMethod methods[] = {
    {"conjugate-gradient", Method::conjugate_gradient},
    {"chebyshev", Method::chebyshev},
    {"steepest", Method::steepest},
    {"gradient", Method::gradient},
    {"barzilai-borwein", Method::barzilai_borwein},
    {"nesterov", Method::nesterov},
    {"lbfgs", Method::lbfgs},
};
struct NamedStorage {
  const char* name;
  Storage storage;
};
constexpr NamedStorage storages[] = {{"auto", Storage::automatic},
                                     {"rows", Storage::rows},
                                     {"patterns", Storage::patterns},
                                     {"diagonals", Storage::diagonals},
                                     {"slices", Storage::slices}};
struct NamedPreconditioner {
  const char* name;
  Preconditioner preconditioner;
};
constexpr NamedPreconditioner preconditioners[] = {{"none", Preconditioner::none},
                                                   {"jacobi", Preconditioner::jacobi},
                                                   {"block-jacobi", Preconditioner::block_jacobi},
                                                   {"ic0", Preconditioner::incomplete_cholesky},
                                                   {"chebyshev", Preconditioner::chebyshev}};

template <class Named>
std::string names_of(const Named& all) {
  std::string names;
  for (const auto& one : all) names += (names.empty() ? "" : ", ") + std::string(one.name);
  return names;
}
template <class Named>
const auto& find(const char* argument, const Named& all, const std::string& name) {
  std::vector<std::string> names;
  std::string hyphened = name;  // as the library has names: block_jacobi
  std::ranges::replace(hyphened, '_', '-');
  for (const auto& one : all) {
    if (hyphened == one.name) return one;
    names.emplace_back(one.name);
  }
  throw UsageError(fmt::format("{}: there is no '{}'; did you mean '{}'? There are {}", argument, name,
                               detail::nearest(name, names), names_of(all)));
}

/// 1d:NX, 2d:NX,NY or 3d:NX,NY,NZ
std::vector<std::int64_t> parse_grid(const std::string& text) {
  const auto colon = text.find(':');
  const std::string kind = text.substr(0, colon);
  if (colon == std::string::npos || (kind != "1d" && kind != "2d" && kind != "3d")) {
    throw UsageError(fmt::format("--laplacian: expected 1d:NX, 2d:NX,NY or 3d:NX,NY,NZ, found '{}'", text));
  }
  std::vector<std::int64_t> extents;
  for (std::size_t begin = colon + 1; begin <= text.size();) {
    const std::size_t comma = std::min(text.find(',', begin), text.size());
    extents.push_back(parse_count("--laplacian", text.substr(begin, comma - begin), 1));
    begin = comma + 1;
  }
  const auto expected = static_cast<std::size_t>(kind[0] - '0');
  if (extents.size() != expected) {
    throw UsageError(fmt::format("--laplacian: expected {} extent{} after {}:, found {}", expected,
                                 expected == 1 ? "" : "s", kind, extents.size()));
  }
  return extents;
}

}  // namespace

void QuadraticCommand::declare(Arguments& arguments) {
  arguments.section("the matrix A (one of)");
  arguments.value("--matrix", "FILE.mtx", "a symmetric matrix, in Matrix Market's format", matrix);
  arguments.value("--diagonal", "FILE.npy", "the numbers on the diagonal, of shape (n,)", diagonal);
  arguments.value("--laplacian", "2d:NX,NY", "that of a grid, matrix-free; 1d:NX, 3d:NX,NY,NZ too", laplacian);
  arguments.value("--format", "NAME", "how to store --matrix: " + names_of(storages) + " (default auto)", format);
  arguments.section("right-hand side and start");
  arguments.value("--rhs", "FILE|ones", "b, a vector as .mtx or .npy (default ones)", rhs);
  arguments.value("--x0", "FILE", "the start, as .mtx or .npy (default zeros)", x0);
  arguments.section("how to descend");
  arguments.value("--method", "NAME", "conjugate-gradient (the default), chebyshev, steepest, gradient,", method);
  arguments.note("barzilai-borwein, nesterov or lbfgs");
  arguments.value("--preconditioner", "NAME", names_of(preconditioners) + " (default none):", preconditioner);
  arguments.note("A's diagonal, blocks on it, A's incomplete Cholesky factor, a polynomial in A;");
  arguments.note("for conjugate-gradient, chebyshev and steepest");
  arguments.value("--preconditioner-block", "N", "rows of block-jacobi's blocks, 1 to 32 (default 8)",
                  preconditioner_block);
  arguments.value("--preconditioner-degree", "N", "of chebyshev's polynomial, in products with A, 1 to 64 (default 4)",
                  preconditioner_degree);
  arguments.value("--step", "A", "of gradient and nesterov (default: from an estimated eigenvalue, a line search)",
                  step);
  arguments.value("--smallest-eigenvalue", "L",
                  "of A over the preconditioner, for chebyshev as either (default: estimated)", smallest_eigenvalue);
  arguments.value("--largest-eigenvalue", "L", "for those and gradient (default: estimated, and 5 % on top, or 10 %)",
                  largest_eigenvalue);
  arguments.flag("--mixed-precision", "iterate in f32 and correct x in f64, to the same tolerances; for",
                 mixed_precision);
  arguments.note("conjugate-gradient, chebyshev, steepest");
  arguments.section("when to end");
  arguments.value("--relative-tolerance", "R", "converged: |Ax - b| is at most R |b| (default 1e-8; f32: 1e-4);",
                  relative_residual);
  arguments.note("where b = 0, R times the gradient at the start");
  arguments.value("--max-iterations", "N", "(default 100000)", max_iterations);
  arguments.section("files to write");
  arguments.value("--out-x", "FILE", "the result, as .npy or .mtx", out_x);
  arguments.value("--history", "FILE.csv", "iteration, value, gradient norm and seconds, line by line", history);
  arguments.value("--checkpoint", "FILE", "written every so often, and when a limit or Ctrl-C ends it", checkpoint);
  arguments.value("--checkpoint-every", "N", "iterations (default 100)", checkpoint_every);
  arguments.value("--resume", "FILE", "a checkpoint to go on from, with the same options", resume);
  common.declare(arguments);
}

MatrixSource QuadraticCommand::source() const {
  const int given = matrix.has_value() + diagonal.has_value() + laplacian.has_value();
  if (given != 1) {
    throw UsageError(
        fmt::format("expected one of --matrix, --diagonal and --laplacian, found {}", given == 0 ? "none" : "several"));
  }
  if (format && !matrix) throw UsageError("--format: is for --matrix only");
  if (checkpoint_every && !checkpoint) throw UsageError("--checkpoint-every: needs --checkpoint FILE");
  if (resume && x0) throw UsageError("--resume: goes on from its file; can't go with --x0");
  if (matrix) return {MatrixSource::Kind::file, *matrix, {}};
  if (diagonal) return {MatrixSource::Kind::diagonal, *diagonal, {}};
  return {MatrixSource::Kind::laplacian, {}, parse_grid(*laplacian)};
}

Storage QuadraticCommand::storage() const { return find("--format", storages, format.value_or("auto")).storage; }

std::string QuadraticCommand::preconditioner_name() const {
  return find("--preconditioner", preconditioners, preconditioner.value_or("none")).name;
}

std::string QuadraticCommand::method_name() const {
  return find("--method", methods, method.value_or(methods[0].name)).name;
}

double QuadraticCommand::relative_tolerance(Precision precision) const {
  if (relative_residual) return parse_below_one("--relative-tolerance", *relative_residual);
  return precision == Precision::f32 ? 1e-4 : 1e-8;
}

MinimizeOptions QuadraticCommand::minimize_options() const {
  constexpr std::int64_t default_iterations = 100'000;
  MinimizeOptions options;
  options.method = find("--method", methods, method_name()).method;
  options.preconditioner = find("--preconditioner", preconditioners, preconditioner.value_or("none")).preconditioner;
  const bool is_krylov = options.method == Method::conjugate_gradient || options.method == Method::chebyshev ||
                         options.method == Method::steepest;
  if (options.preconditioner != Preconditioner::none && !is_krylov) {
    throw UsageError(
        fmt::format("--preconditioner: is for conjugate-gradient, chebyshev and steepest; {} has none", method_name()));
  }
  if (mixed_precision && !is_krylov) {
    throw UsageError(
        fmt::format("--mixed-precision: is for conjugate-gradient, chebyshev and steepest, not {}", method_name()));
  }
  options.mixed_precision = mixed_precision;
  const auto number_of = [&](const char* argument, const std::optional<std::string>& text, Preconditioner owner,
                             std::int64_t most, int& number) {
    if (!text) return;
    if (options.preconditioner != owner) {
      throw UsageError(fmt::format("{}: is for --preconditioner {}", argument,
                                   owner == Preconditioner::chebyshev ? "chebyshev" : "block-jacobi"));
    }
    number = static_cast<int>(parse_count_within(argument, *text, 1, most));
  };
  number_of("--preconditioner-block", preconditioner_block, Preconditioner::block_jacobi, 32,
            options.preconditioner_block);
  number_of("--preconditioner-degree", preconditioner_degree, Preconditioner::chebyshev, 64,
            options.preconditioner_degree);
  if (options.preconditioner == Preconditioner::chebyshev && options.method == Method::chebyshev) {
    throw UsageError("--preconditioner chebyshev: --method chebyshev is such a polynomial itself");
  }
  if (step) {
    if (options.method != Method::gradient && options.method != Method::nesterov) {
      throw UsageError(fmt::format("--step: is for gradient and nesterov; {} finds its own", method_name()));
    }
    options.step = parse_positive("--step", *step);
  }
  const bool takes_bounds = options.method == Method::chebyshev || options.method == Method::gradient ||
                            options.preconditioner == Preconditioner::chebyshev;
  const auto bound = [&](const char* argument, const std::optional<std::string>& text) {
    if (!text) return 0.0;
    if (!takes_bounds)
      throw UsageError(fmt::format("{}: is for chebyshev, as method or preconditioner, and gradient", argument));
    return parse_positive(argument, *text);
  };
  options.smallest_eigenvalue = bound("--smallest-eigenvalue", smallest_eigenvalue);
  options.largest_eigenvalue = bound("--largest-eigenvalue", largest_eigenvalue);
  if (options.largest_eigenvalue > 0 && options.largest_eigenvalue <= options.smallest_eigenvalue) {
    throw UsageError(fmt::format("--largest-eigenvalue: expected more than the smallest, {}, found {}",
                                 *smallest_eigenvalue, *largest_eigenvalue));
  }
  options.max_iterations = default_iterations;
  if (max_iterations) options.max_iterations = parse_count("--max-iterations", *max_iterations, 0);
  options.relative_gradient_tolerance = 0;
  if (checkpoint) options.checkpoint = *checkpoint;
  if (checkpoint_every) options.checkpoint_every = parse_count("--checkpoint-every", *checkpoint_every, 1);
  if (resume) options.resume = *resume;
  options.history = history.has_value();
  return options;
}

}  // namespace nabla::cli
