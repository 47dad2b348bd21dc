#include "host_rows.hpp"

#include <functional>
#include <map>
#include <unordered_map>

// What a matrix can be stored as, so that a product reads less.

namespace nabla::detail {

template <class T>
std::optional<Patterns<T>> find_patterns(const HostRows<T>& a, bool asked_for) {
  constexpr std::size_t most = 1 << 16;
  constexpr std::int64_t long_enough = 16, for_a_start = 256;
  Patterns<T> patterns;
  std::unordered_multimap<std::size_t, std::uint16_t> known;  // by a hash of the row
  const auto is = [&](std::uint16_t p, std::int64_t r) {
    const auto first = static_cast<std::size_t>(patterns.starts[p]);
    if (patterns.starts[p + std::size_t{1}] - patterns.starts[p] != a.end(r) - a.begin(r)) return false;
    for (std::int64_t e = a.begin(r); e < a.end(r); ++e) {
      const std::size_t k = first + static_cast<std::size_t>(e - a.begin(r));
      if (patterns.offsets[k] != a.column(e) - r || patterns.coefficients[k] != a.value(e)) return false;
    }
    return true;
  };
  const auto hash_of = [&](std::int64_t r) {
    std::size_t hash = 0;
    for (std::int64_t e = a.begin(r); e < a.end(r); ++e) {
      for (const std::size_t part : {std::hash<std::int64_t>()(a.column(e) - r), std::hash<T>()(a.value(e))}) {
        hash = (hash ^ part) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 32;
      }
    }
    return hash;
  };
  std::uint16_t last = 0;
  for (std::int64_t r = 0; r < a.size(); ++r) {
    if (r > 0 && is(last, r)) continue;
    const std::size_t hash = hash_of(r);
    bool found = false;
    for (auto [at, end] = known.equal_range(hash); at != end && !found; ++at) {
      found = is(at->second, r);
      if (found) last = at->second;
    }
    if (!found) {
      if (known.size() == most || patterns.offsets.size() > (std::size_t{1} << 24)) return {};
      last = static_cast<std::uint16_t>(known.size());
      for (std::int64_t e = a.begin(r); e < a.end(r); ++e) {
        patterns.offsets.push_back(a.column(e) - r);
        patterns.coefficients.push_back(a.value(e));
      }
      patterns.starts.push_back(static_cast<std::int32_t>(patterns.offsets.size()));
      known.emplace(hash, last);
    }
    patterns.add_run(r, last);
    const auto runs = static_cast<std::int64_t>(patterns.run_patterns.size());
    if (!asked_for && runs > for_a_start + r / long_enough) return {};
  }
  return patterns;
}

template <class T>
std::optional<Diagonals<T>> find_diagonals(const HostRows<T>& a, bool asked_for) {
  constexpr std::size_t most = DiagonalRows<T, T>::most;
  std::map<std::int64_t, std::size_t> places;
  for (std::int64_t r = 0; r < a.size(); ++r) {
    for (std::int64_t e = a.begin(r); e < a.end(r); ++e) {
      if (a.column(e) < r) continue;
      places.emplace(a.column(e) - r, 0);
      if (places.size() > most) return {};
    }
  }
  if (places.empty()) places.emplace(0, 0);
  // By rows an entry takes its number and an index; here each is there once, and so are zeros between them.
  const auto by_rows = static_cast<double>(a.view.entries) * (sizeof(T) + sizeof(std::int32_t));
  const double by_diagonals = static_cast<double>(places.size()) * static_cast<double>(a.size()) * sizeof(T);
  if (!asked_for && by_diagonals > by_rows) return {};
  std::vector<std::int64_t> offsets;
  for (auto& [offset, place] : places) {
    place = offsets.size();
    offsets.push_back(offset);
  }
  std::vector<T> diagonals(places.size() * static_cast<std::size_t>(a.size()), T(0));
  for (std::int64_t r = 0; r < a.size(); ++r) {
    for (std::int64_t e = a.begin(r); e < a.end(r); ++e) {
      if (a.column(e) < r) continue;
      const std::size_t row = places[a.column(e) - r] * static_cast<std::size_t>(a.size());
      diagonals[row + static_cast<std::size_t>(r)] = a.value(e);
    }
  }
  return Diagonals<T>{std::move(offsets), std::move(diagonals)};
}

template std::optional<Patterns<float>> find_patterns(const HostRows<float>&, bool);
template std::optional<Patterns<double>> find_patterns(const HostRows<double>&, bool);
template std::optional<Diagonals<float>> find_diagonals(const HostRows<float>&, bool);
template std::optional<Diagonals<double>> find_diagonals(const HostRows<double>&, bool);

}  // namespace nabla::detail
