#pragma once

#include "bytes.hpp"
#include "cut.hpp"

#include <nabla/matrix_market.hpp>

namespace nabla::matrix_market {

/// What read_matrix_market and read_matrix_market_vector do, from a file or from memory. Throws FileError.
template <class T, class Index>
SparseMatrix<T, Index> read_matrix(const Bytes& bytes, const Cut& cut);
template <class T>
std::vector<T> read_vector(const Bytes& bytes, const Cut& cut);

/// The line of the first entry at (row, column), counted from 0, in a file that was read before; 0 if there is none.
std::int64_t find_line(const Bytes& bytes, std::int64_t row, std::int64_t column, const Cut& cut);

}  // namespace nabla::matrix_market
