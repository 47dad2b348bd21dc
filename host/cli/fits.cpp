#include "fits.hpp"

#include <fmt/format.h>

#include <nabla/fit_each.hpp>

#include <algorithm>

namespace nabla::cli {

void FitOptions::declare(Arguments& arguments) {
  arguments.section("fits: the formula is a residual, and 1/2 the sum of its squares over rows of data is minimised");
  arguments.values("--data-column", "NAME=FILE.npy",
                   "what the formula calls an array of shape (fits, rows), or (rows,) for all fits; may be repeated",
                   data_columns);
  arguments.values("--param-column", "NAME=FILE.npy",
                   "a number of each fit that is not fitted, an array of shape (fits,); may be repeated",
                   param_columns);
}

namespace {

FitColumn parse_column(const std::string& argument, const std::string& text) {
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
    throw UsageError(fmt::format("{}: expected NAME=FILE.npy, found '{}'", argument, text));
  }
  FitColumn column{argument, text.substr(0, equals), text.substr(equals + 1), {}, 1, 1};
  column.header = read_npy_header(column.file);
  const NpyHeader& header = column.header;
  if (argument == "--param-column") {
    column.fits = header.count();
    if (header.components() != 1) {
      throw UsageError(fmt::format("{}: {}: expected an array of shape (fits,), found ({}, {})", argument,
                                   column.file.string(), header.count(), header.components()));
    }
  } else if (header.shape.size() < 2) {
    column.rows = header.numbers();
  } else {
    column.fits = header.count();
    column.rows = header.components();
  }
  if (column.rows == 0) throw UsageError(fmt::format("{}: {}: has no rows", argument, column.file.string()));
  return column;
}

/// All that have more than one must have as many.
void agree(const FitColumn& column, const char* what, std::int64_t number, std::int64_t& agreed) {
  if (number != 1 && agreed != 1 && number != agreed) {
    throw UsageError(fmt::format("{}: {}: expected {} {}, as others have, found {}", column.argument,
                                 column.file.string(), agreed, what, number));
  }
  if (number != 1) agreed = number;
}

}  // namespace

FitData::FitData(const FitOptions& options) {
  for (const std::string& text : options.data_columns) columns_.push_back(parse_column("--data-column", text));
  for (const std::string& text : options.param_columns) columns_.push_back(parse_column("--param-column", text));
  for (const FitColumn& column : columns_) {
    agree(column, "fits", column.fits, fits_);
    agree(column, "rows", column.rows, rows_);
  }
}

std::vector<std::string> FitData::names() const {
  std::vector<std::string> names;
  for (const FitColumn& column : columns_) names.push_back(column.name);
  return names;
}

bool FitData::is_single() const {
  return !columns_.empty() && std::ranges::none_of(columns_, [](const auto& c) { return c.header.is_double; });
}

std::int64_t FitData::fits(std::int64_t starts) const {
  if (fits_ == 1 || starts == fits_) return starts;
  if (starts == 1) return fits_;
  throw UsageError(
      fmt::format("--data-column: there are data of {} fits, and {} starts; expected 1 or {}", fits_, starts, fits_));
}

namespace {

EachOptions fit_options(const DescentTask& task, const std::string& method) {
  EachOptions options = each_options(task);
  if (options.method == Method::newton_cg || options.method == Method::nonlinear_cg || options.method == Method::adam) {
    throw UsageError(fmt::format("--method {}: is not for fits; expected levenberg-marquardt or another", method));
  }
  return options;
}

}  // namespace

template <class T>
Fitted<T> fit_from_all(const DescentTask& task, const FitData& data, const std::string& method,
                       const Batch<T>& starts) {
  const Executor &where = task.executor, &host = starts.executor();
  EachOptions options = fit_options(task, method);
  const std::int64_t count = data.fits(starts.count()), n = starts.components();
  double numbers = 0, transfer_seconds = 0;
  for (const FitColumn& column : data.columns()) numbers += static_cast<double>(column.header.numbers());
  require_memory(where, numbers * sizeof(T), "data of fits");
  std::vector<Batch<T>> loaded;
  for (const FitColumn& column : data.columns()) {
    const Layout layout = column.header.shape.size() < 2 ? Layout::point_major : column.header.layout();
    loaded.emplace_back(where, column.fits, column.rows, layout);
    transfer_seconds += read_numbers(where, column.file, column.header, loaded.back().data());
  }
  const FitColumns<T> columns(loaded.begin(), loaded.end());
  std::optional<Batch<T>> on_device;
  if (where.is_cuda()) {
    const Stopwatch there;
    const auto size = static_cast<std::size_t>(starts.count() * n);
    on_device = Batch<T>::from_host(where, {starts.data(), size}, n, starts.layout());
    transfer_seconds += there.seconds();
  }
  BatchView<const T> from = on_device ? *on_device : starts;
  from.count = count;
  if (starts.count() == 1) from.item_stride = 0;

  const Batch<T> value(where, count, 1), gradient_norm(where, count, 1);
  const Array<std::int64_t> iterations(where, count), evaluations(where, count);
  const Array<StopReason> reasons(where, count);
  Batch<T> x(where, count, n, starts.layout());
  const EachOutputs<T> out{x, value, gradient_norm, iterations.data(), evaluations.data(), reasons.data()};

  const Interruption interruption;
  ProgressLine line(!task.quiet);
  options.callback = [&](const EachProgress& progress) {
    line.update([&] {
      return fmt::format("{} of {} fits done, {} converged, {:.3g} fits/s", progress.done, progress.starts,
                         progress.converged, static_cast<double>(progress.done) / progress.seconds);
    });
    return !interruption.asked();
  };
  const Formula& model = *task.function.formula();
  const EachReport report = columns.empty() ? minimize_each<Formula, T>(where, model, from, out, options)
                                            : fit_each<Formula, T>(where, model, from, columns, out, options);
  const Stopwatch back;
  Fitted<T> fitted{descents_of(reasons.to_host(), value.to_host(), gradient_norm.to_host(), iterations.to_host(),
                               evaluations.to_host(), report.seconds),
                   where.is_cuda() ? Batch<T>::from_host(host, x.to_host(), n, x.layout()) : std::move(x)};
  if (where.is_cuda()) fitted.descents.transfer_seconds = transfer_seconds + back.seconds();
  return fitted;
}
template Fitted<float> fit_from_all(const DescentTask&, const FitData&, const std::string&, const Batch<float>&);
template Fitted<double> fit_from_all(const DescentTask&, const FitData&, const std::string&, const Batch<double>&);

}  // namespace nabla::cli
