#include "matrix.hpp"

#include <nabla/error.hpp>

#include <algorithm>
#include <array>
#include <string>

// Stencils on grids: rows of the same pattern, but near borders, where entries are missing.

namespace nabla {

namespace {

using detail::Patterns;

struct Grid {
  std::array<std::int64_t, 3> extent{1, 1, 1};

  explicit Grid(const std::vector<std::int64_t>& extents) {
    if (extents.empty() || extents.size() > 3) {
      throw ShapeError("stencil: a grid has 1 to 3 extents, found " + std::to_string(extents.size()));
    }
    constexpr std::int64_t most = std::int64_t{1} << 62;
    std::int64_t all = 1;
    for (std::size_t d = 0; d < extents.size(); ++d) {
      if (extents[d] < 1) {
        throw ShapeError("stencil: extents must be 1 or more, found " + std::to_string(extents[d]));
      }
      if (extents[d] > most / all) throw ShapeError("stencil: the grid has 2^62 points or more");
      all *= extents[d];
      extent[d] = extents[d];
    }
  }
  std::int64_t points() const { return extent[0] * extent[1] * extent[2]; }
  std::int64_t offset_of(const std::int64_t* o) const { return o[0] + extent[0] * (o[1] + extent[1] * o[2]); }
};

/// Along one dimension, points that are alike for a stencil: those at each distance from a border within its reach, and
/// all others.
struct Zones {
  std::int64_t extent = 1, reach = 0;

  std::int64_t count() const { return reach < extent - reach ? 2 * reach + 1 : extent; }
  std::int64_t zone_of(std::int64_t at) const {
    if (count() == extent || at < reach) return at;
    return std::max(reach, at - (extent - count()));
  }
  /// A point that is in it.
  std::int64_t point_in(std::int64_t zone) const { return zone <= reach ? zone : zone + extent - count(); }
};

template <class T>
class PatternMaker {
 public:
  PatternMaker(const Grid& grid, const std::vector<StencilEntry>& entries) : grid_(grid), entries_(entries) {
    for (std::size_t d = 0; d < 3; ++d) {
      zones_[d].extent = grid.extent[d];
      for (const StencilEntry& entry : entries) {
        const std::int64_t reach = std::min(std::abs(entry.offset[d]), grid.extent[d]);
        zones_[d].reach = std::max(zones_[d].reach, reach);
      }
    }
    // By columns, in the order in which rows have them.
    std::ranges::sort(entries_, {}, [&](const StencilEntry& e) {
      return std::array{e.offset[2], e.offset[1], e.offset[0]};
    });
  }

  Patterns<T> make() {
    make_patterns();
    const auto [nx, ny, nz] = grid_.extent;
    for (std::int64_t k = 0; k < nz; ++k) {
      for (std::int64_t j = 0; j < ny; ++j) {
        const std::int64_t line = nx * (j + ny * k);
        const std::int64_t first =
            zones_[0].count() * (zones_[1].zone_of(j) + zones_[1].count() * zones_[2].zone_of(k));
        for (std::int64_t zone = 0; zone < zones_[0].count(); ++zone) {
          patterns_.add_run(line + zones_[0].point_in(zone), static_cast<std::uint16_t>(first + zone));
        }
      }
    }
    return std::move(patterns_);
  }

 private:
  /// Of all kinds of borders, by zones.
  void make_patterns() {
    constexpr std::int64_t most = std::int64_t{1} << 16;
    std::int64_t all = 1;
    for (const Zones& zones : zones_) {
      if (zones.count() > most / all) {
        throw ShapeError("stencil: it reaches so far that more than 65536 kinds of borders differ");
      }
      all *= zones.count();
    }
    for (std::int64_t z = 0; z < zones_[2].count(); ++z) {
      for (std::int64_t y = 0; y < zones_[1].count(); ++y) {
        for (std::int64_t x = 0; x < zones_[0].count(); ++x) {
          make_pattern({zones_[0].point_in(x), zones_[1].point_in(y), zones_[2].point_in(z)});
        }
      }
    }
  }
  void make_pattern(const std::array<std::int64_t, 3>& at) {
    for (const StencilEntry& entry : entries_) {
      bool is_inside = true;
      for (std::size_t d = 0; d < 3; ++d) {
        is_inside = is_inside && -entry.offset[d] <= at[d] && entry.offset[d] < grid_.extent[d] - at[d];
      }
      if (!is_inside) continue;
      patterns_.offsets.push_back(grid_.offset_of(entry.offset));
      patterns_.coefficients.push_back(static_cast<T>(entry.coefficient));
    }
    patterns_.starts.push_back(static_cast<std::int32_t>(patterns_.offsets.size()));
  }

  const Grid& grid_;
  std::vector<StencilEntry> entries_;
  std::array<Zones, 3> zones_;
  Patterns<T> patterns_;
};

std::string place_of(const StencilEntry& entry) {
  std::string text = "(";
  for (std::size_t d = 0; d < 3; ++d) text += (d == 0 ? "" : ", ") + std::to_string(entry.offset[d]);
  return text + ")";
}

void require_symmetric(const std::vector<StencilEntry>& entries) {
  const auto at = [&](const std::array<std::int64_t, 3>& place) {
    double sum = 0;
    for (const StencilEntry& entry : entries) sum += std::ranges::equal(entry.offset, place) ? entry.coefficient : 0;
    return sum;
  };
  for (const StencilEntry& entry : entries) {
    const auto& o = entry.offset;
    const double here = at({o[0], o[1], o[2]}), there = at({-o[0], -o[1], -o[2]});
    if (here == there || (here != here && there != there)) continue;
    throw ShapeError("stencil: the entry at " + place_of(entry) + " is " + std::to_string(here) +
                     ", and its opposite " + std::to_string(there));
  }
}

}  // namespace

template <class T>
SymmetricOperator<T> stencil(const Executor& executor, const std::vector<std::int64_t>& extents,
                             const std::vector<StencilEntry>& entries) {
  const Grid grid(extents);
  if (entries.empty()) throw ShapeError("stencil: it has no entries");
  require_symmetric(entries);
  return SymmetricOperator<T>(
      detail::make_pattern_matrix<T>(executor, grid.points(), PatternMaker<T>(grid, entries).make()));
}
template SymmetricOperator<float> stencil(const Executor&, const std::vector<std::int64_t>&,
                                          const std::vector<StencilEntry>&);
template SymmetricOperator<double> stencil(const Executor&, const std::vector<std::int64_t>&,
                                           const std::vector<StencilEntry>&);

template <class T>
SymmetricOperator<T> laplacian(const Executor& executor, const std::vector<std::int64_t>& extents) {
  std::vector<StencilEntry> entries{{{0, 0, 0}, 2.0 * static_cast<double>(extents.size())}};
  for (std::size_t d = 0; d < std::min<std::size_t>(extents.size(), 3); ++d) {
    for (const std::int64_t side : {-1, 1}) {
      StencilEntry entry{{0, 0, 0}, -1};
      entry.offset[d] = side;
      entries.push_back(entry);
    }
  }
  return stencil<T>(executor, extents, entries);
}
template SymmetricOperator<float> laplacian(const Executor&, const std::vector<std::int64_t>&);
template SymmetricOperator<double> laplacian(const Executor&, const std::vector<std::int64_t>&);

}  // namespace nabla
