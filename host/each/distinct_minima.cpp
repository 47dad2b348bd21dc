#include <nabla/distinct_minima.hpp>

#include <nabla/error.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <unordered_map>
#include <utility>

// Ends in the same small cell are one from the beginning: most are. What is left is sorted along one variable, and
// looked at with those that are near in it.

namespace nabla {

namespace {

bool is_a_place(StopReason reason) {
  return has_converged(reason) || reason == StopReason::stagnated || reason == StopReason::line_search_failed;
}

/// Cells in which all are within a quarter of the tolerance of each other, on a scale on which that is about the same
/// everywhere. So what is within half the tolerance is in cells whose first ends are within the whole of it.
class Cells {
 public:
  explicit Cells(double tolerance) : side_(0.25 * tolerance) {}
  double at(double x) const { return std::floor(std::copysign(std::log1p(std::fabs(x)), x) / side_); }

 private:
  double side_;
};

std::size_t hash_of(const std::vector<double>& cell) {
  std::size_t hash = 0;
  for (const double number : cell) hash = hash * 1'000'003 + std::hash<double>()(number == 0 ? 0.0 : number);
  return hash;
}

/// Union by the smaller index, with halved paths.
class Sets {
 public:
  explicit Sets(std::size_t size) : above_(size) { std::iota(above_.begin(), above_.end(), 0); }
  std::size_t find(std::size_t k) {
    while (above_[k] != k) k = above_[k] = above_[above_[k]];
    return k;
  }
  void join(std::size_t a, std::size_t b) {
    a = find(a);
    b = find(b);
    above_[std::max(a, b)] = std::min(a, b);
  }

 private:
  std::vector<std::size_t> above_;
};

bool are_near(const std::vector<double>& a, const std::vector<double>& b, double tolerance) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!(std::fabs(a[i] - b[i]) <= tolerance * (1 + std::fmin(std::fabs(a[i]), std::fabs(b[i]))))) return false;
  }
  return true;
}

void add(DistinctMinimum& to, const DistinctMinimum& other) {
  if (other.value < to.value || (other.value == to.value && other.start < to.start)) {
    to.x = other.x;
    to.value = other.value;
    to.start = other.start;
  }
  to.count += other.count;
}

}  // namespace

template <class T>
std::vector<DistinctMinimum> distinct_minima(BatchView<const T> x, BatchView<const T> value,
                                             std::span<const StopReason> reasons, double tolerance) {
  if (value.count != x.count || value.components != 1 || std::ssize(reasons) != x.count) {
    throw ShapeError("distinct_minima: expected as many values and reasons as points, found " +
                     std::to_string(x.count) + " points, " + std::to_string(value.count) + " values and " +
                     std::to_string(reasons.size()) + " reasons");
  }
  if (!(tolerance > 0 && std::isfinite(tolerance))) {
    throw ShapeError("distinct_minima: the tolerance must be positive, found " + std::to_string(tolerance));
  }
  const auto n = static_cast<std::size_t>(x.components);
  const Cells cells(tolerance);
  std::unordered_multimap<std::size_t, std::size_t> at_hash;
  std::vector<std::vector<double>> cell_of;  // of each place
  std::vector<DistinctMinimum> places;
  std::vector<double> point(n), cell(n);
  for (std::int64_t k = 0; k < x.count; ++k) {
    if (!is_a_place(reasons[static_cast<std::size_t>(k)])) continue;
    bool is_finite = std::isfinite(value(k));
    for (std::size_t i = 0; i < n; ++i) {
      point[i] = static_cast<double>(x(k, static_cast<std::int64_t>(i)));
      cell[i] = cells.at(point[i]);
      is_finite = is_finite && std::isfinite(point[i]);
    }
    if (!is_finite) continue;
    const DistinctMinimum end{point, static_cast<double>(value(k)), k, 1};
    const std::size_t hash = hash_of(cell);
    const auto [begin, last] = at_hash.equal_range(hash);
    const auto same = std::find_if(begin, last, [&](const auto& entry) { return cell_of[entry.second] == cell; });
    if (same != last) {
      add(places[same->second], end);
    } else {
      at_hash.emplace(hash, places.size());
      cell_of.push_back(cell);
      places.push_back(end);
    }
  }

  std::vector<std::size_t> order(places.size());
  std::iota(order.begin(), order.end(), 0);
  if (n > 0) std::ranges::sort(order, {}, [&](std::size_t k) { return std::pair(places[k].x[0], k); });
  Sets sets(places.size());
  for (std::size_t a = 0; a < order.size(); ++a) {
    const std::vector<double>& from = places[order[a]].x;
    for (std::size_t b = a + 1; b < order.size(); ++b) {
      const std::vector<double>& to = places[order[b]].x;
      if (to[0] - from[0] > tolerance * (1 + std::fabs(from[0]))) break;
      if (are_near(from, to, tolerance)) sets.join(order[a], order[b]);
    }
  }
  std::vector<DistinctMinimum> minima;
  std::vector<std::size_t> minimum_of(places.size());
  for (std::size_t k = 0; k < places.size(); ++k) {  // a set's first comes before its others
    const std::size_t first = sets.find(k);
    if (first == k) {
      minimum_of[k] = minima.size();
      minima.push_back(places[k]);
    } else {
      add(minima[minimum_of[first]], places[k]);
    }
  }
  std::ranges::sort(minima, {}, [](const DistinctMinimum& one) { return std::pair(one.value, one.start); });
  return minima;
}
template std::vector<DistinctMinimum> distinct_minima(BatchView<const float>, BatchView<const float>,
                                                      std::span<const StopReason>, double);
template std::vector<DistinctMinimum> distinct_minima(BatchView<const double>, BatchView<const double>,
                                                      std::span<const StopReason>, double);

}  // namespace nabla
