#include "point_source.hpp"

#include "numbers.hpp"

#include <fmt/format.h>

#include <limits>

namespace nabla::cli {

void PointOptions::declare(Arguments& arguments) {
  arguments.section("at which points (one of)");
  arguments.value("--points", "FILE.npy", "an array of shape (count, n), or (count,) for one variable", points);
  arguments.value("--random", "COUNT", "so many random points; 10000000, 10_000_000 or 1e7", random);
  arguments.values("--at", "X1,X2,...", "a single point; may be repeated", at);
  arguments.value("--box", "LO:HI", "where random points lie (default: the function's usual box; formulas: -1:1)", box);
  arguments.value("--seed", "S", "of the random points (default 0)", seed);
}

namespace {

PointSource::Kind chosen_kind(const PointOptions& options) {
  const int given = options.points.has_value() + options.random.has_value() + !options.at.empty();
  if (given != 1) {
    throw UsageError(
        fmt::format("expected one of --points, --random and --at, found {}", given == 0 ? "none" : "several"));
  }
  if (!options.random) {
    if (options.box) throw UsageError("--box: is for --random only");
    if (options.seed) throw UsageError("--seed: is for --random only");
    return options.points ? PointSource::Kind::file : PointSource::Kind::at;
  }
  return PointSource::Kind::random;
}

/// The function's only dimension, or the one asked for; 0 if neither says it.
std::int64_t stated_dimension(const FunctionOptions& options, const ChosenFunction& function) {
  const auto& rule = function.dimensions();
  if (!options.dimension) return rule.only_least ? rule.least : 0;
  const std::int64_t n = parse_count("--dimension", *options.dimension, 1);
  function.require_dimension(n, "--dimension");
  return n;
}

std::vector<std::vector<double>> parse_points(const std::vector<std::string>& texts) {
  std::vector<std::vector<double>> points;
  for (const std::string& text : texts) {
    points.push_back(parse_numbers("--at", text));
    if (points.back().size() == points.front().size()) continue;
    throw UsageError(
        fmt::format("--at: expected as many numbers in every point, found '{}' and '{}'", texts.front(), text));
  }
  return points;
}

}  // namespace

PointSource::PointSource(const PointOptions& options, const FunctionOptions& function_options,
                         const ChosenFunction& function)
    : kind(chosen_kind(options)), dimension(stated_dimension(function_options, function)) {
  if (kind == Kind::random) {
    count = parse_count("--random", *options.random, 0);
    low = function.low();
    high = function.high();
    if (options.box) std::tie(low, high) = parse_box("--box", *options.box);
    if (options.seed) seed = parse_seed("--seed", *options.seed);
    if (dimension == 0) {
      throw UsageError(
          fmt::format("--dimension N is needed: {} takes {} variables", function.name(), function.dimensions().text()));
    }
    return;
  }

  std::string argument = "--at";
  std::int64_t found = 0;
  if (kind == Kind::at) {
    at = parse_points(options.at);
    count = static_cast<std::int64_t>(at.size());
    layout = Layout::point_major;
    found = static_cast<std::int64_t>(at.front().size());
  } else {
    file = argument = *options.points;
    header = read_npy_header(file);
    count = header.count();
    layout = header.layout();
    found = header.components();
  }
  function.require_dimension(found, argument);
  if (dimension != 0 && dimension != found) {
    throw UsageError(
        fmt::format("{}: expected points of {} variables, as --dimension says, found {}", argument, dimension, found));
  }
  dimension = found;
}

Precision PointSource::precision() const {
  return kind == Kind::file && !header.is_double ? Precision::f32 : Precision::f64;
}

void PointSource::warn_of_trailing_bytes(const std::string& command) const {
  if (header.trailing_bytes == 0) return;
  warn(command, fmt::format("{}: {} bytes after the array are ignored", file.string(), header.trailing_bytes));
}

template <class T>
double read_numbers(const Executor& executor, const std::filesystem::path& file, const NpyHeader& header, T* to) {
  if (!executor.is_cuda()) {
    read_npy_numbers(file, header, to);
    return 0;
  }
  std::vector<T> host(static_cast<std::size_t>(header.count() * header.components()));
  read_npy_numbers(file, header, host.data());
  const Stopwatch watch;
  detail::copy_bytes(executor, to, host.data(), host.size() * sizeof(T));
  return watch.seconds();
}
template double read_numbers(const Executor&, const std::filesystem::path&, const NpyHeader&, float*);
template double read_numbers(const Executor&, const std::filesystem::path&, const NpyHeader&, double*);

template <class T>
LoadedPoints<T> load_points(const PointSource& source, const Executor& executor) {
  if (source.kind == PointSource::Kind::random) {
    return {Batch<T>::uniform(executor, source.count, source.dimension, source.low, source.high, source.seed,
                              source.layout)};
  }
  LoadedPoints<T> loaded{Batch<T>(executor, source.count, source.dimension, source.layout)};
  if (source.kind == PointSource::Kind::file) {
    loaded.transfer_seconds = read_numbers(executor, source.file, source.header, loaded.points.data());
    return loaded;
  }
  std::vector<T> host;
  for (const auto& point : source.at) {
    for (const double x : point) host.push_back(static_cast<T>(x));
  }
  const Stopwatch watch;
  detail::copy_bytes(executor, loaded.points.data(), host.data(), host.size() * sizeof(T));
  if (executor.is_cuda()) loaded.transfer_seconds = watch.seconds();
  return loaded;
}
template LoadedPoints<float> load_points(const PointSource&, const Executor&);
template LoadedPoints<double> load_points(const PointSource&, const Executor&);

}  // namespace nabla::cli
