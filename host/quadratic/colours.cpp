#include "colours.hpp"

#include <nabla/error.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

// An order of rows by colours, and the incomplete factor of a matrix in it.

namespace nabla::detail {

namespace {

/// What is below the diagonal in the order.
TriangularRows lower_of(const HostMatrix& a, const ColourOrder& order) {
  TriangularRows lower;
  lower.starts.reserve(static_cast<std::size_t>(order.size()) + 1);
  lower.columns.reserve(a.columns.size() / 2);
  lower.numbers.reserve(a.columns.size() / 2);
  std::vector<std::pair<std::int32_t, double>> row;
  for (std::int32_t place = 0; place < order.size(); ++place) {
    row.clear();
    if (const std::int32_t r = order.order[static_cast<std::size_t>(place)]; r >= 0) {
      const auto at = static_cast<std::size_t>(r);
      for (auto e = static_cast<std::size_t>(a.starts[at]); e < static_cast<std::size_t>(a.starts[at + 1]); ++e) {
        const std::int32_t column = order.places[static_cast<std::size_t>(a.columns[e])];
        if (column < place) row.emplace_back(column, a.numbers[e]);
      }
    }
    std::ranges::sort(row);
    for (const auto& [column, number] : row) {
      lower.columns.push_back(column);
      lower.numbers.push_back(number);
    }
    lower.starts.push_back(static_cast<std::int64_t>(lower.columns.size()));
  }
  return lower;
}

/// Factors one row after another. Source: Golub and Van Loan 2013, sections 4.1 (L D L^T) and 11.5 (incomplete)
class Factoring {
 public:
  Factoring(const TriangularRows& a, const std::vector<double>& diagonal, double least)
      : a_(a), diagonal_(diagonal), least_(least), owner_(diagonal.size(), -1), unscaled_(diagonal.size()) {}

  /// False where a pivot is too small.
  bool run(double shift, IncompleteFactor& factor) {
    std::ranges::fill(owner_, -1);
    factor.shift = shift;
    for (std::int32_t row = 0; row < a_.size(); ++row) {
      const auto at = static_cast<std::size_t>(row);
      const double diagonal = diagonal_[at] * (1 + shift), pivot = diagonal - eliminate(row, factor);
      if (!(pivot > least_ * diagonal) || !std::isfinite(pivot)) return false;
      factor.pivots[at] = pivot;
    }
    return true;
  }

 private:
  std::size_t begin(std::int32_t row) const {
    return static_cast<std::size_t>(a_.starts[static_cast<std::size_t>(row)]);
  }
  std::size_t end(std::int32_t row) const {
    return static_cast<std::size_t>(a_.starts[static_cast<std::size_t>(row) + 1]);
  }

  /// Makes a row of L, and returns what that takes off its pivot.
  double eliminate(std::int32_t row, IncompleteFactor& factor) {
    std::vector<double>& l = factor.lower.numbers;
    double taken = 0;
    for (std::size_t e = begin(row); e < end(row); ++e) {
      const std::int32_t column = a_.columns[e];
      const auto at = static_cast<std::size_t>(column);
      const double left = a_.numbers[e] - product(row, e, column, l);
      owner_[at] = row;
      unscaled_[at] = left;
      l[e] = left / factor.pivots[at];
      taken += left * l[e];
    }
    return taken;
  }
  /// Of the part of the row before entry e, over D, and the row of L that the entry is about. One is searched for the
  /// other's columns where it is much longer.
  double product(std::int32_t row, std::size_t e, std::int32_t other, const std::vector<double>& l) const {
    constexpr std::size_t much = 8;
    const std::size_t first = begin(row), last = end(other);
    double sum = 0;
    if (last - begin(other) <= much * (e - first)) {
      for (std::size_t k = begin(other); k < last; ++k) {
        const auto column = static_cast<std::size_t>(a_.columns[k]);
        if (owner_[column] == row) sum += l[k] * unscaled_[column];
      }
      return sum;
    }
    auto from = a_.columns.begin() + static_cast<std::ptrdiff_t>(begin(other));
    const auto to = a_.columns.begin() + static_cast<std::ptrdiff_t>(last);
    for (std::size_t k = first; k < e; ++k) {
      from = std::lower_bound(from, to, a_.columns[k]);
      if (from == to) break;
      if (*from != a_.columns[k]) continue;
      sum +=
          l[static_cast<std::size_t>(from - a_.columns.begin())] * unscaled_[static_cast<std::size_t>(a_.columns[k])];
    }
    return sum;
  }

  const TriangularRows& a_;
  const std::vector<double>& diagonal_;
  double least_;
  std::vector<std::int32_t> owner_;  // the row that last had a number in a column
  std::vector<double> unscaled_;     // which was, times its pivot
};

}  // namespace

ColourOrder ordered_by_colours(const HostMatrix& a) {
  constexpr std::int64_t slice = 32, most = std::numeric_limits<std::int32_t>::max();
  const auto rows = static_cast<std::size_t>(a.size());
  std::vector<std::int32_t> colour_of(rows, -1), met_by;  // met_by: the last row that had a neighbour of a colour
  ColourOrder found;
  for (std::size_t r = 0; r < rows; ++r) {
    for (auto e = static_cast<std::size_t>(a.starts[r]); e < static_cast<std::size_t>(a.starts[r + 1]); ++e) {
      const std::int32_t colour = colour_of[static_cast<std::size_t>(a.columns[e])];
      if (colour >= 0) met_by[static_cast<std::size_t>(colour)] = static_cast<std::int32_t>(r);
    }
    std::size_t colour = 0;
    while (colour < met_by.size() && met_by[colour] == static_cast<std::int32_t>(r)) ++colour;
    if (colour == met_by.size()) {
      met_by.push_back(-1);
      found.counts.push_back(0);
    }
    colour_of[r] = static_cast<std::int32_t>(colour);
    ++found.counts[colour];
  }
  std::int64_t all = 0;
  for (const std::int64_t count : found.counts) {
    found.firsts.push_back(all);
    all += (count + slice - 1) / slice * slice;
  }
  if (all > most) throw Error("minimize: incomplete_cholesky is for up to 2^31 rows, found " + std::to_string(all));
  found.order.assign(static_cast<std::size_t>(all), -1);
  found.places.resize(rows);
  std::vector<std::int64_t> next = found.firsts;
  for (std::size_t r = 0; r < rows; ++r) {
    const std::int64_t place = next[static_cast<std::size_t>(colour_of[r])]++;
    found.order[static_cast<std::size_t>(place)] = static_cast<std::int32_t>(r);
    found.places[r] = static_cast<std::int32_t>(place);
  }
  return found;
}

TriangularRows TriangularRows::transposed() const {
  TriangularRows there;
  there.starts.assign(starts.size(), 0);
  there.columns.resize(columns.size());
  there.numbers.resize(numbers.size());
  for (const std::int32_t column : columns) ++there.starts[static_cast<std::size_t>(column) + 1];
  for (std::size_t r = 1; r < there.starts.size(); ++r) there.starts[r] += there.starts[r - 1];
  std::vector<std::int64_t> next = there.starts;
  for (std::int32_t row = 0; row < size(); ++row) {
    const auto at = static_cast<std::size_t>(row);
    for (auto e = static_cast<std::size_t>(starts[at]); e < static_cast<std::size_t>(starts[at + 1]); ++e) {
      const auto place = static_cast<std::size_t>(next[static_cast<std::size_t>(columns[e])]++);
      there.columns[place] = row;
      there.numbers[place] = numbers[e];
    }
  }
  return there;
}

IncompleteFactor incomplete_factor(const HostMatrix& a, const ColourOrder& order, double least) {
  constexpr double first_shift = 1e-3;
  constexpr int most_shifts = 60;  // by doubling: more than any diagonal needs to outweigh its row
  const TriangularRows lower = lower_of(a, order);
  std::vector<double> diagonal(order.order.size(), 1);
  for (std::size_t place = 0; place < diagonal.size(); ++place) {
    if (order.order[place] < 0) continue;
    const double size = std::fabs(a.diagonal[static_cast<std::size_t>(order.order[place])]);
    if (size > 0) diagonal[place] = size;
  }
  IncompleteFactor factor{lower, diagonal, 0};
  Factoring factoring(lower, diagonal, least);
  double shift = 0;
  for (int k = 0; k < most_shifts; ++k) {
    if (factoring.run(shift, factor)) return factor;
    shift = shift == 0 ? first_shift : 2 * shift;
  }
  // Numbers of very different sizes, whose products overflow.
  std::ranges::fill(factor.lower.numbers, 0.0);
  factor.pivots = diagonal;
  return factor;
}

}  // namespace nabla::detail
