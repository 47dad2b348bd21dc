#include "neighbours.hpp"

#include <algorithm>
#include <numeric>

namespace argon {

namespace {

double square(const Vector& d) { return d[0] * d[0] + d[1] * d[1] + d[2] * d[2]; }

/// Atoms sorted into cubic cells at least `reach` wide, so that an atom's partners are in its own and adjacent cells.
class CellGrid {
 public:
  CellGrid(const Crystal& crystal, double reach) : edge_(crystal.box.edge) {
    per_axis_ = static_cast<int>(edge_ / reach);
    if (per_axis_ < 3) per_axis_ = 1;  // adjacent cells would meet twice around the box; one cell holds all
    begin_.assign(index(per_axis_, 0, 0) + 1, 0);
    for (const Vector& p : crystal.position) ++begin_[index_of(p) + 1];
    std::partial_sum(begin_.begin(), begin_.end(), begin_.begin());
    atoms_.resize(crystal.atoms());
    std::vector<std::uint32_t> next(begin_.begin(), begin_.end() - 1);
    for (std::uint32_t i = 0; i < crystal.atoms(); ++i) atoms_[next[index_of(crystal.position[i])]++] = i;
  }

  /// Calls use(atom) for each atom in the cells around p.
  template <class Use>
  void around(const Vector& p, const Use& use) const {
    const int reach = per_axis_ == 1 ? 0 : 1;
    for (int x = -reach; x <= reach; ++x) {
      for (int y = -reach; y <= reach; ++y) {
        for (int z = -reach; z <= reach; ++z) {
          const std::size_t cell = index(wrap(cell_of(p[0]) + x), wrap(cell_of(p[1]) + y), wrap(cell_of(p[2]) + z));
          for (std::uint32_t slot = begin_[cell]; slot < begin_[cell + 1]; ++slot) use(atoms_[slot]);
        }
      }
    }
  }

 private:
  int cell_of(double coordinate) const {
    const double wrapped = coordinate / edge_ - std::floor(coordinate / edge_);
    return std::min(static_cast<int>(wrapped * per_axis_), per_axis_ - 1);
  }
  int wrap(int cell) const { return (cell + per_axis_) % per_axis_; }
  std::size_t index(int x, int y, int z) const { return static_cast<std::size_t>((x * per_axis_ + y) * per_axis_ + z); }
  std::size_t index_of(const Vector& p) const { return index(cell_of(p[0]), cell_of(p[1]), cell_of(p[2])); }

  double edge_;
  int per_axis_;
  std::vector<std::uint32_t> begin_, atoms_;  // the atoms of cell c are atoms_[begin_[c] … begin_[c + 1])
};

}  // namespace

bool NeighbourList::is_valid(const Crystal& crystal) const {
  if (position_at_build_.size() != crystal.atoms()) return false;
  const double limit = skin_ * skin_ / 4;
  for (std::size_t i = 0; i < crystal.atoms(); ++i) {
    const Vector &now = crystal.position[i], &then = position_at_build_[i];
    if (square({now[0] - then[0], now[1] - then[1], now[2] - then[2]}) > limit) return false;
  }
  return true;
}

void NeighbourList::build(const Crystal& crystal) {
  const CellGrid grid(crystal, reach_);
  atoms_.clear();
  shifts_.clear();
  for (std::uint32_t i = 0; i < crystal.atoms(); ++i) {
    grid.around(crystal.position[i], [&](std::uint32_t j) {
      if (j <= i || square(crystal.box.displacement(crystal.position[i], crystal.position[j])) > reach_ * reach_)
        return;
      atoms_.insert(atoms_.end(), {static_cast<std::int32_t>(i), static_cast<std::int32_t>(j)});
      shifts_.push_back(crystal.box.shift(crystal.position[i], crystal.position[j]));
    });
  }
  position_at_build_ = crystal.position;
  ++builds_;
}

bool NeighbourList::update(const Crystal& crystal) {
  if (is_valid(crystal)) return false;
  build(crystal);
  return true;
}

}  // namespace argon
