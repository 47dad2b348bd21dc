#include "host_rows.hpp"

#include <nabla/error.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

// A caller's sparse matrix is looked through, on the host.

namespace nabla::detail {

namespace {

[[noreturn]] void refuse(const std::string& what) { throw ShapeError("sparse operator: " + what); }

/// Sorts a row's entries and adds up those of the same column.
template <class T>
void tidy_row(std::vector<std::pair<std::int64_t, T>>& row) {
  std::ranges::stable_sort(row, {}, [](const auto& entry) { return entry.first; });
  std::size_t kept = 0;
  for (std::size_t k = 0; k < row.size(); ++k) {
    if (kept > 0 && row[kept - 1].first == row[k].first) {
      row[kept - 1].second += row[k].second;
    } else {
      row[kept++] = row[k];
    }
  }
  row.resize(kept);
}

/// Whether columns increase in each row. Throws ShapeError that names the first row or entry which can't be.
template <class T>
bool is_tidy(const SparseView<T>& a) {
  bool tidy = true;
  if (a.start(0) != 0) refuse("row 0 begins at " + std::to_string(a.start(0)) + ", expected 0");
  for (std::int64_t r = 0; r < a.rows; ++r) {
    const std::int64_t begin = a.start(r), end = a.start(r + 1);
    if (end < begin || end > a.entries) {
      refuse("row " + std::to_string(r) + " has the entries from " + std::to_string(begin) + " to " +
             std::to_string(end) + " of " + std::to_string(a.entries));
    }
    for (std::int64_t e = begin; e < end; ++e) {
      const std::int64_t c = a.column(e);
      if (c < 0 || c >= a.rows) {
        refuse("row " + std::to_string(r) + ", entry " + std::to_string(e - begin) + ": column " + std::to_string(c) +
               " of " + std::to_string(a.rows));
      }
      tidy = tidy && (e == begin || a.column(e - 1) < c);
    }
  }
  if (a.start(a.rows) == a.entries) return tidy;
  refuse("the last row ends at " + std::to_string(a.start(a.rows)) + ", but there are " + std::to_string(a.entries) +
         " entries");
}

}  // namespace

template <class T>
HostRows<T> tidied(const SparseView<T>& from) {
  HostRows<T> rows{from, {}, {}, {}};
  if (is_tidy(from)) return rows;
  rows.own_starts.push_back(0);
  std::vector<std::pair<std::int64_t, T>> row;
  for (std::int64_t r = 0; r < from.rows; ++r) {
    row.clear();
    for (std::int64_t e = from.start(r); e < from.start(r + 1); ++e) row.emplace_back(from.column(e), from.values[e]);
    tidy_row(row);
    for (const auto& [column, value] : row) {
      rows.own_columns.push_back(column);
      rows.own_values.push_back(value);
    }
    rows.own_starts.push_back(static_cast<std::int64_t>(rows.own_values.size()));
  }
  rows.view.entries = rows.own_starts.back();
  rows.view.starts = rows.own_starts.data();
  rows.view.columns = rows.own_columns.data();
  rows.view.wide_starts = rows.view.wide_columns = true;
  rows.view.values = rows.own_values.data();
  return rows;
}

template <class T>
bool is_mirrored(T here, T there) {
  constexpr T few = 8 * std::numeric_limits<T>::epsilon();
  return here == there || std::fabs(here - there) <= few * std::fmax(std::fabs(here), std::fabs(there)) ||
         (here != here && there != there);
}
template bool is_mirrored(float, float);
template bool is_mirrored(double, double);

template <class T>
std::string asymmetry(std::int64_t row, std::int64_t column, T here, T there) {
  std::ostringstream text;
  text.precision(std::numeric_limits<T>::max_digits10);
  text << "it is not symmetric: entry (" << row << ", " << column << ") is " << here << ", and (" << column << ", "
       << row << ") " << there;
  return text.str();
}
template std::string asymmetry(std::int64_t, std::int64_t, float, float);
template std::string asymmetry(std::int64_t, std::int64_t, double, double);

template <class T>
void require_symmetric(const HostRows<T>& a) {
  std::vector<std::int64_t> next(static_cast<std::size_t>(a.size()));  // of each row, the first entry not yet met
  for (std::int64_t r = 0; r < a.size(); ++r) next[static_cast<std::size_t>(r)] = a.begin(r);
  const auto differ = [&](std::int64_t r, std::int64_t c, T here, T there) { refuse(asymmetry(r, c, here, there)); };
  // Rows in order meet the entries of each column in order.
  for (std::int64_t r = 0; r < a.size(); ++r) {
    for (std::int64_t e = a.begin(r); e < a.end(r); ++e) {
      const std::int64_t c = a.column(e);
      std::int64_t& at = next[static_cast<std::size_t>(c)];
      const bool is_there = at < a.end(c) && a.column(at) == r;
      // An entry that was skipped has no mirror image.
      if (!is_there) {
        if (at < a.end(c) && a.column(at) < r) differ(c, a.column(at), a.value(at), T(0));
        differ(r, c, a.value(e), T(0));
      }
      const T here = a.value(e), there = a.value(at++);
      if (!is_mirrored(here, there)) differ(r, c, here, there);
    }
  }
  for (std::int64_t r = 0; r < a.size(); ++r) {
    const std::int64_t at = next[static_cast<std::size_t>(r)];
    if (at < a.end(r)) differ(r, a.column(at), a.value(at), T(0));
  }
}

template HostRows<float> tidied(const SparseView<float>&);
template HostRows<double> tidied(const SparseView<double>&);
template void require_symmetric(const HostRows<float>&);
template void require_symmetric(const HostRows<double>&);

}  // namespace nabla::detail
