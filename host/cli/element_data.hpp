#pragma once

#include "common.hpp"

#include <nabla/batch.hpp>
#include <nabla/element_sum.hpp>
#include <nabla/npy.hpp>

#include <filesystem>
#include <string>
#include <vector>

// Formulas fitted to data: sums over rows, in which all elements share their variables and each has a row of its own.

namespace nabla::cli {

/// Numbers of a sum's elements, a row for each: --data FILE.npy:NAME,NAME,...
struct ElementData {
  std::filesystem::path file;
  std::vector<std::string> names;
  NpyHeader header;

  /// Throws UsageError and FileError.
  explicit ElementData(const std::string& argument);

  /// Of the file, if there are any: a line on standard error.
  void warn_of_trailing_bytes(const std::string& command) const;
};

/// Throws UsageError unless --sum comes with --data and the other way round.
void require_sum_with_data(bool sum, bool data);

/// A formula's sum over all rows, with the data that it reads.
template <class T>
struct DataSum {
  Batch<T> rows;
  ElementSum<T, Formula> sum;
  double transfer_seconds;  // stays 0 on the CPU
};

/// In n variables. Throws FileError and std::bad_alloc.
template <class T>
DataSum<T> data_sum(const Executor& executor, const Formula& element, std::int64_t n, const ElementData& data);
extern template DataSum<float> data_sum(const Executor&, const Formula&, std::int64_t, const ElementData&);
extern template DataSum<double> data_sum(const Executor&, const Formula&, std::int64_t, const ElementData&);

}  // namespace nabla::cli
