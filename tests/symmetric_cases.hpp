#pragma once

#include <nabla/batch.hpp>
#include <nabla/symmetric_operator.hpp>

#include <cmath>
#include <cstdint>
#include <map>
#include <vector>

// Symmetric matrices as lists of entries, whose products are taken in long double by a loop that shares nothing with
// the library.

namespace symmetric_cases {

struct Entries {
  std::int64_t size;
  std::map<std::pair<std::int64_t, std::int64_t>, double> numbers;  // both triangles

  void add(std::int64_t r, std::int64_t c, double number) {
    numbers[{r, c}] += number;
    if (r != c) numbers[{c, r}] += number;
  }

  template <class Number>
  std::vector<long double> times(const std::vector<Number>& x) const {
    std::vector<long double> y(static_cast<std::size_t>(size), 0);
    for (const auto& [place, number] : numbers) {
      y[static_cast<std::size_t>(place.first)] +=
          static_cast<long double>(number) * x[static_cast<std::size_t>(place.second)];
    }
    return y;
  }
  std::vector<long double> diagonal() const {
    std::vector<long double> on(static_cast<std::size_t>(size), 0);
    for (const auto& [place, number] : numbers) {
      if (place.first == place.second) on[static_cast<std::size_t>(place.first)] = number;
    }
    return on;
  }
  double largest() const {
    double all = 0;
    for (const auto& [place, number] : numbers) all = std::fmax(all, std::fabs(number));
    return all;
  }
};

inline std::uint64_t mixed(std::uint64_t state) {
  state ^= state >> 33;
  state *= 0xff51afd7ed558ccdu;
  state ^= state >> 33;
  state *= 0xc4ceb9fe1a85ec53u;
  return state ^ (state >> 33);
}
/// A number in [-1, 1) with few digits, which float holds exactly.
inline double short_number(std::uint64_t seed) { return static_cast<double>(mixed(seed) % 4096) / 2048.0 - 1; }
inline double long_number(std::uint64_t seed) { return static_cast<double>(mixed(seed) >> 11) * 0x1p-52 - 1; }

/// Neighbours on a grid: 2 for each dimension, and -1.
inline Entries grid(std::int64_t nx, std::int64_t ny, std::int64_t nz, int dimensions) {
  Entries a{nx * ny * nz, {}};
  for (std::int64_t k = 0; k < nz; ++k) {
    for (std::int64_t j = 0; j < ny; ++j) {
      for (std::int64_t i = 0; i < nx; ++i) {
        const std::int64_t r = i + nx * (j + ny * k);
        a.add(r, r, 2.0 * dimensions);
        if (i + 1 < nx) a.add(r, r + 1, -1);
        if (j + 1 < ny) a.add(r, r + nx, -1);
        if (k + 1 < nz) a.add(r, r + nx * ny, -1);
      }
    }
  }
  return a;
}

/// Diagonals at offsets, of numbers that are all different.
inline Entries banded(std::int64_t n, const std::vector<std::int64_t>& offsets, bool numbers_are_long) {
  Entries a{n, {}};
  for (const std::int64_t offset : offsets) {
    for (std::int64_t r = 0; r + offset < n; ++r) {
      const auto seed = static_cast<std::uint64_t>(r * 64 + offset + 1);
      a.add(r, r + offset, numbers_are_long ? long_number(seed) : short_number(seed));
    }
  }
  return a;
}

/// Entries anywhere, some `degree` a row; row 1 has one in every tenth column, row 2 none.
inline Entries scattered(std::int64_t n, std::int64_t degree) {
  Entries a{n, {}};
  for (std::int64_t r = 0; r < n; ++r) {
    for (std::int64_t k = 0; k < degree / 2; ++k) {
      const auto seed = static_cast<std::uint64_t>(r * degree + k);
      const auto c = static_cast<std::int64_t>(mixed(seed + 77) % static_cast<std::uint64_t>(n));
      if (r != 2 && c != 2) a.add(r, c, long_number(seed));
    }
    if (n > 1 && r % 10 == 0 && r != 2) a.add(1, r, long_number(static_cast<std::uint64_t>(r)));
  }
  return a;
}

/// In an executor's memory, row by row.
template <class T, class Index>
struct InRows {
  nabla::Array<Index> starts, columns;
  nabla::Array<T> values;

  InRows(const nabla::Executor& where, const Entries& a)
      : starts(where, a.size + 1),
        columns(where, static_cast<std::int64_t>(a.numbers.size())),
        values(where, static_cast<std::int64_t>(a.numbers.size())) {
    std::vector<Index> begin(static_cast<std::size_t>(a.size) + 1, 0), column;
    std::vector<T> number;
    for (const auto& [place, value] : a.numbers) {
      ++begin[static_cast<std::size_t>(place.first) + 1];
      column.push_back(static_cast<Index>(place.second));
      number.push_back(static_cast<T>(value));
    }
    for (std::size_t r = 1; r < begin.size(); ++r) begin[r] = static_cast<Index>(begin[r] + begin[r - 1]);
    starts.upload(begin);
    columns.upload(column);
    values.upload(number);
  }
  auto view() const { return nabla::SparseRows(starts, columns, values); }
};

template <class T>
nabla::Array<T> array_of(const nabla::Executor& where, const std::vector<T>& numbers) {
  nabla::Array<T> there(where, static_cast<std::int64_t>(numbers.size()));
  there.upload(numbers);
  return there;
}
template <class T>
std::span<T> span_of(nabla::Array<T>& array) {
  return {array.data(), static_cast<std::size_t>(array.size())};
}

}  // namespace symmetric_cases
