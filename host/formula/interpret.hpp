#pragma once

#include "program.hpp"

#include <nabla/detail/cpu_tile.hpp>

#include <span>

namespace nabla::formula {

/// Runs a program over the points of a tile, block by block: each instruction is a SIMD loop over one block, and the
/// intermediate results of a block stay in the first-level cache. Fills the tile's rows `out`, not its copy.
template <class T>
void interpret(const Program& program, std::span<const double> parameters, const detail::PackOutput<Lanes<T>, T>& out,
               const detail::Tile<T>& tile, std::int64_t first, std::int64_t points);

/// The number of points for which the intermediate results of a program fit.
template <class T>
std::int64_t block_points(const Program& program);

/// Whether interpretation gives the same bits as machine code.
bool interprets_as_compiled();

}  // namespace nabla::formula
