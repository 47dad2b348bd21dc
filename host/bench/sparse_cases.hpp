#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

// Symmetric sparse matrices that peers and nabla are given alike, by rows (CSR), columns increasing.

namespace nabla::bench {

struct SparseCase {
  std::vector<std::int32_t> starts{0}, columns;
  std::vector<double> values;

  std::int64_t size() const { return static_cast<std::int64_t>(starts.size()) - 1; }
  void add(std::int64_t column, double value) {
    columns.push_back(static_cast<std::int32_t>(column));
    values.push_back(value);
  }
  void end_row() { starts.push_back(static_cast<std::int32_t>(columns.size())); }
};

class Random {
 public:
  std::int64_t below(std::int64_t most) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<std::int64_t>((state_ >> 33) % static_cast<std::uint64_t>(most));
  }

 private:
  std::uint64_t state_ = 1;
};

/// On n x n points; coefficients between neighbours are 1, or between 1/2 and 3/2.
inline SparseCase grid(std::int64_t n, bool vary) {
  Random random;
  std::vector<double> right(static_cast<std::size_t>(n * n)), up(right.size());
  for (auto* const side : {&right, &up}) {
    for (double& k : *side) k = vary ? 0.5 + static_cast<double>(random.below(1'000'003)) / 1'000'003 : 1;
  }
  SparseCase a;
  const auto at = [&](const std::vector<double>& side, std::int64_t r) { return side[static_cast<std::size_t>(r)]; };
  for (std::int64_t r = 0; r < n * n; ++r) {
    const std::int64_t i = r % n, j = r / n;
    const double west = i > 0 ? at(right, r - 1) : 1, south = j > 0 ? at(up, r - n) : 1;
    if (j > 0) a.add(r - n, -south);
    if (i > 0) a.add(r - 1, -west);
    a.add(r, west + south + at(right, r) + at(up, r));
    if (i + 1 < n) a.add(r + 1, -at(right, r));
    if (j + 1 < n) a.add(r + n, -at(up, r));
    a.end_row();
  }
  return a;
}

/// The Laplacian of a random graph of n nodes, 8 neighbours each on average, those met twice with -2: degrees on the
/// diagonal, and 1 more, so that it is not singular. Weights, where they are wanted, are between 1/2 and 3/2.
inline SparseCase graph(std::int64_t n, bool weighted) {
  Random random;
  std::vector<std::vector<std::pair<std::int64_t, double>>> neighbours(static_cast<std::size_t>(n));
  for (std::int64_t k = 0; k < 4 * n; ++k) {
    const std::int64_t a = random.below(n), b = random.below(n);
    if (a == b) continue;
    const double weight = weighted ? 0.5 + static_cast<double>(random.below(1'000'003)) / 1'000'003 : 1;
    neighbours[static_cast<std::size_t>(a)].emplace_back(b, weight);
    neighbours[static_cast<std::size_t>(b)].emplace_back(a, weight);
  }
  SparseCase all;
  for (std::int64_t r = 0; r < n; ++r) {
    auto& of_r = neighbours[static_cast<std::size_t>(r)];
    std::ranges::stable_sort(of_r, {}, &std::pair<std::int64_t, double>::first);
    double degree = 1;
    for (const auto& [c, weight] : of_r) degree += weight;
    bool is_on_diagonal = false;
    const auto add_diagonal = [&] {
      if (!std::exchange(is_on_diagonal, true)) all.add(r, degree);
    };
    for (std::size_t k = 0; k < of_r.size();) {
      const std::int64_t c = of_r[k].first;
      if (c > r) add_diagonal();
      double weight = 0;
      for (; k < of_r.size() && of_r[k].first == c; ++k) weight += of_r[k].second;
      all.add(c, -weight);
    }
    add_diagonal();
    all.end_row();
  }
  return all;
}

}  // namespace nabla::bench
