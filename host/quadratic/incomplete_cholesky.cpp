#include "colours.hpp"
#include "matrix.hpp"
#include "preconditioner.hpp"
#include "sweeps.hpp"

#include <nabla/error.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>
#include <vector>

// A preconditioner L D L^T that is solved with colour by colour: all rows of a colour at once, in two sweeps for each.

namespace nabla::detail {

namespace {

template <class T>
HostMatrix read_all(const SymmetricMatrix<T>& a) {
  if (a.size > std::numeric_limits<std::int32_t>::max()) {
    throw Error("minimize: incomplete_cholesky is for up to 2^31 rows, found " + std::to_string(a.size));
  }
  const auto entries = a.entries();
  HostMatrix matrix;
  matrix.diagonal.reserve(static_cast<std::size_t>(a.size));
  matrix.starts.reserve(static_cast<std::size_t>(a.size) + 1);
  std::vector<Entry> row;
  for (std::int64_t r = 0; r < a.size; ++r) {
    entries->read_tidy(r, row);
    double diagonal = 0;
    for (const auto& [column, number] : row) {
      if (column == r) {
        diagonal = number;
        continue;
      }
      matrix.columns.push_back(static_cast<std::int32_t>(column));
      matrix.numbers.push_back(number);
    }
    matrix.diagonal.push_back(diagonal);
    matrix.starts.push_back(static_cast<std::int64_t>(matrix.columns.size()));
  }
  return matrix;
}

/// Sliced rows, with the memory that they lie in.
template <class T>
class StoredTriangle {
 public:
  StoredTriangle(const Executor& executor, const TriangularRows& rows) : starts_(executor, slices_of(rows) + 1) {
    constexpr std::int64_t slice = SlicedRows<T>::slice;
    std::vector<std::int64_t> starts{0};
    for (std::int64_t first = 0; first < rows.size(); first += slice) {
      std::int64_t longest = 0;
      for (std::int64_t r = first; r < first + slice; ++r) longest = std::max(longest, length(rows, r));
      starts.push_back(starts.back() + slice * longest);
    }
    std::vector<std::int32_t> columns;
    columns.reserve(static_cast<std::size_t>(starts.back()));
    for (std::int64_t first = 0; first < rows.size(); first += slice) {  // each in its own, until there are entries
      for (std::int64_t r = first;
           static_cast<std::int64_t>(columns.size()) < starts[static_cast<std::size_t>(first / slice) + 1]; ++r) {
        columns.push_back(static_cast<std::int32_t>(first + r % slice));
      }
    }
    std::vector<T> numbers(columns.size(), T(0));
    for (std::int64_t r = 0; r < rows.size(); ++r) {
      const std::int64_t first = starts[static_cast<std::size_t>(r / slice)] + r % slice;
      for (std::int64_t k = 0; k < length(rows, r); ++k) {
        const auto to = static_cast<std::size_t>(first + k * slice);
        const auto from = static_cast<std::size_t>(rows.starts[static_cast<std::size_t>(r)] + k);
        columns[to] = rows.columns[from];
        numbers[to] = static_cast<T>(rows.numbers[from]);
      }
    }
    starts_.upload(starts);
    columns_ = Array<std::int32_t>(executor, starts.back());
    columns_.upload(columns);
    numbers_ = Array<T>(executor, starts.back());
    numbers_.upload(numbers);
  }
  SlicedRows<T> view() const { return {starts_.data(), columns_.data(), numbers_.data()}; }
  double bytes() const { return static_cast<double>(numbers_.size()) * (sizeof(T) + sizeof(std::int32_t)); }

 private:
  static std::int64_t slices_of(const TriangularRows& rows) { return rows.size() / SlicedRows<T>::slice; }
  static std::int64_t length(const TriangularRows& rows, std::int64_t r) {
    return rows.starts[static_cast<std::size_t>(r) + 1] - rows.starts[static_cast<std::size_t>(r)];
  }

  Array<std::int64_t> starts_;
  Array<std::int32_t> columns_{starts_.executor(), 0};
  Array<T> numbers_{starts_.executor(), 0};
};

template <class X>
Array<X> uploaded(const Executor& executor, const std::vector<X>& numbers) {
  Array<X> there(executor, static_cast<std::int64_t>(numbers.size()));
  there.upload(numbers);
  return there;
}

template <class T>
std::vector<T> inverses_of(const std::vector<double>& pivots) {
  std::vector<T> inverses;
  inverses.reserve(pivots.size());
  for (const double pivot : pivots) {
    const T one = static_cast<T>(1 / pivot);
    inverses.push_back(one > 0 && one <= std::numeric_limits<T>::max() ? one : T(1));
  }
  return inverses;
}

template <class T>
class IncompleteCholesky final : public VectorPreconditioner<T> {
 public:
  IncompleteCholesky(const Executor& executor, const ColourOrder& order, const IncompleteFactor& factor)
      : firsts_(order.firsts),
        counts_(order.counts),
        lower_(executor, factor.lower),
        upper_(executor, factor.lower.transposed()),
        order_(uploaded(executor, order.order)),
        inverse_pivots_(uploaded(executor, inverses_of<T>(factor.pivots))),
        y_(executor, order.size()) {
    std::ostringstream text;
    text << "incomplete Cholesky of " << counts_.size() << (counts_.size() == 1 ? " colour" : " colours");
    if (factor.shift > 0) text << ", of A and " << factor.shift << " of its diagonal";
    this->description = text.str();
    // g and y; y again as both sweeps' rows want it; y, the pivots, y and z.
    const double numbers = 8 * sizeof(T) + 2 * sizeof(std::int32_t);
    this->bytes = numbers * static_cast<double>(order.places.size()) + lower_.bytes() + upper_.bytes();
    y_.upload(std::vector<T>(order.order.size(), T(0)));  // padding is multiplied too
  }

  void apply(const Executor& executor, const T* g, T* z, const KrylovScalars* scalars) const override {
    for (std::size_t c = 0; c < firsts_.size(); ++c) {
      sweep(executor, RowSweep<T>(ForwardSweep<T>{firsts_[c], counts_[c], lower_.view(), order_.data(), g, y_.data()}),
            scalars);
    }
    for (std::size_t c = firsts_.size(); c-- > 0;) {
      sweep(executor,
            RowSweep<T>(BackwardSweep<T>{firsts_[c], counts_[c], upper_.view(), order_.data(), inverse_pivots_.data(),
                                         y_.data(), z}),
            scalars);
    }
  }

 private:
  std::vector<std::int64_t> firsts_, counts_;
  StoredTriangle<T> lower_, upper_;
  Array<std::int32_t> order_;
  Array<T> inverse_pivots_, y_;
};

}  // namespace

template <class T>
MadePreconditioner<T> make_incomplete_cholesky(const Executor& executor, const SymmetricMatrix<T>& a) {
  // Smaller pivots are made of rounding, and would outweigh all others.
  constexpr double least = std::max(1e-8, 64 * static_cast<double>(std::numeric_limits<T>::epsilon()));
  const HostMatrix matrix = read_all(a);
  const ColourOrder order = ordered_by_colours(matrix);
  return std::make_unique<IncompleteCholesky<T>>(executor, order, incomplete_factor(matrix, order, least));
}
template MadePreconditioner<float> make_incomplete_cholesky(const Executor&, const SymmetricMatrix<float>&);
template MadePreconditioner<double> make_incomplete_cholesky(const Executor&, const SymmetricMatrix<double>&);

}  // namespace nabla::detail
