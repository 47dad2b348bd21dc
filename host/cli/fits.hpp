#pragma once

#include "descents.hpp"

#include <nabla/batch.hpp>
#include <nabla/npy.hpp>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

// Fits of one model, each to data of its own, in nabla minimize: sums of squares from many starts.

namespace nabla::cli {

/// The options that say what is fitted to.
struct FitOptions {
  void declare(Arguments& arguments);

  std::vector<std::string> data_columns, param_columns;
};

/// An array that the model knows by a name.
struct FitColumn {
  std::string argument, name;
  std::filesystem::path file;
  NpyHeader header;
  std::int64_t fits, rows;  // 1: all have the same
};

/// The columns of the data, checked against one another but not read yet.
class FitData {
 public:
  /// Throws UsageError and FileError.
  explicit FitData(const FitOptions& options);

  const std::vector<FitColumn>& columns() const { return columns_; }
  std::vector<std::string> names() const;
  std::int64_t rows() const { return rows_; }
  bool is_single() const;  // f32 throughout
  /// How many fits there are, of `starts` starts: of one, as many as data. Throws UsageError.
  std::int64_t fits(std::int64_t starts) const;

 private:
  std::vector<FitColumn> columns_;
  std::int64_t fits_ = 1, rows_ = 1;
};

/// Where fits led, in the host's memory.
template <class T>
struct Fitted {
  Descents descents;
  Batch<T> x;
};

/// Fits from each start, of which `starts` are in the host's memory. Without data the function's outputs are the
/// residuals. Throws as minimize_each() does, UsageError for methods that have no part in it.
template <class T>
Fitted<T> fit_from_all(const DescentTask& task, const FitData& data, const std::string& method, const Batch<T>& starts);
extern template Fitted<float> fit_from_all(const DescentTask&, const FitData&, const std::string&, const Batch<float>&);
extern template Fitted<double> fit_from_all(const DescentTask&, const FitData&, const std::string&,
                                            const Batch<double>&);

}  // namespace nabla::cli
