#include <nabla/detail/cpu_tile.hpp>
#include <nabla/detail/formula_residuals.hpp>
#include <nabla/detail/residual_bodies.hpp>

#include <algorithm>
#include <vector>

// Sums of squares of formulas, on CPUs. A formula runs over a tile at once, so rows of data are taken a few at a time:
// each with all points of the tile beside one another, whose variables are repeated.

namespace nabla::detail {

namespace {

constexpr std::int64_t points_at_once = 256;

/// Memory of a thread; grows and is kept, so that only its first tiles allocate.
template <class T>
T* reserve(std::vector<Lanes<T>>& own, std::int64_t numbers) {
  const auto packs = static_cast<std::size_t>(numbers) / Lanes<T>::size + 1;
  if (own.size() < packs) own.resize(packs);
  return reinterpret_cast<T*>(own.data());
}

/// A few rows at a time of one tile.
template <class T>
class RowBlocks {
 public:
  RowBlocks(const FormulaResiduals<T>& body, const Tile<T>& tile)
      : body_(body),
        tile_(tile),
        rows_at_once_(std::clamp<std::int64_t>(points_at_once / tile.count, 1, body.data_rows)),
        stride_(rows_at_once_ * tile.count + 16) {  // no power of two
    thread_local std::vector<Lanes<T>> own;
    const std::int64_t n = tile.dimension, m = body.outputs, inputs = n + body.columns;
    in_ = reserve<T>(own, (inputs + m + m * n) * stride_);
    out_ = in_ + inputs * stride_;
    for (std::int64_t i = 0; i < n; ++i) {
      const T* const from = tile.in + i * tile.in_stride;
      for (std::int64_t b = 0; b < rows_at_once_; ++b) {
        fill(i, b, [&](std::int64_t p) { return load<Lanes<T>>(from + p); });
      }
    }
  }

  std::int64_t rows_at_once() const { return rows_at_once_; }
  std::int64_t stride() const { return stride_; }
  /// Of the outputs at points of the first row, then those of the next; then their derivatives, output by output.
  const T* results() const { return out_; }

  void run(std::int64_t first, std::int64_t rows) const {
    const std::int64_t n = tile_.dimension, m = body_.outputs;
    using X = Lanes<T>;
    for (std::int64_t k = 0; k < body_.columns; ++k) {
      const TileColumn<T>& column = tile_.columns[k];
      for (std::int64_t b = 0; b < rows; ++b) {
        fill(n + k, b, [&](std::int64_t p) { return column.template row<X>(first + b, p); });
      }
    }
    Tile<T> some{};
    some.count = rows * tile_.count;
    some.dimension = n;
    some.in = in_;
    some.in_stride = stride_;
    some.out[0] = out_;
    some.out[1] = out_ + m * stride_;
    some.out_stride[0] = some.out_stride[1] = stride_;
    body_.jacobian.run_tile(body_.jacobian.body, some);
  }

 private:
  /// A few packs, for which calls of memmove take longer.
  template <class Pack>
  void fill(std::int64_t input, std::int64_t row, Pack pack) const {
    T* const to = in_ + input * stride_ + row * tile_.count;
    for (std::int64_t p = 0; p < tile_.count; p += lanes_in<Lanes<T>, T>) store<Lanes<T>>(to + p, pack(p));
  }

  const FormulaResiduals<T>& body_;
  const Tile<T>& tile_;
  std::int64_t rows_at_once_, stride_;
  T *in_, *out_;
};

/// Of N variables or fewer.
template <class T, int N, bool Matrix>
void sum_rows(const FormulaResiduals<T>& body, const Tile<T>& tile) {
  using X = Lanes<T>;
  using Sums = ResidualSums<X, N, Matrix>;
  constexpr std::int64_t width = lanes_in<X, T>;
  const std::int64_t n = N < most_fitted ? N : tile.dimension, m = body.outputs;
  const RowBlocks<T> blocks(body, tile);
  thread_local std::vector<Sums> all;
  all.assign(static_cast<std::size_t>(tile.count / width), Sums());
  for (std::int64_t first = 0; first < body.data_rows; first += blocks.rows_at_once()) {
    const std::int64_t rows = std::min(blocks.rows_at_once(), body.data_rows - first), stride = blocks.stride();
    blocks.run(first, rows);
    for (std::int64_t p = 0; p < tile.count; p += width) {
      Sums sums = all[static_cast<std::size_t>(p / width)];
      for (std::int64_t b = 0; b < rows; ++b) {
        const T* const at = blocks.results() + b * tile.count + p;
        for (std::int64_t j = 0; j < m; ++j) {
          const T* const slopes = at + (m + j * n) * stride;
          sums.add(n, load<X>(at + j * stride), [&](int i) { return load<X>(slopes + i * stride); });
        }
      }
      all[static_cast<std::size_t>(p / width)] = sums;
    }
  }
  PackOutput<X, T> out(residual_rows<Matrix>(n), tile);
  for (; out.p < tile.count; out.p += width) all[static_cast<std::size_t>(out.p / width)].store(n, out);
}

/// Gradients alone of any number of variables: what is kept are the rows of the results.
template <class T>
void sum_gradients(const FormulaResiduals<T>& body, const Tile<T>& tile) {
  using X = Lanes<T>;
  constexpr std::int64_t width = lanes_in<X, T>;
  const std::int64_t n = tile.dimension, m = body.outputs;
  const RowBlocks<T> blocks(body, tile);
  PackOutput<X, T> out(residual_rows<false>(n), tile);
  for (; out.p < tile.count; out.p += width) {
    for (std::int64_t row = 0; row <= n; ++row) out.store(row, constant<X>(0));
  }
  for (std::int64_t first = 0; first < body.data_rows; first += blocks.rows_at_once()) {
    const std::int64_t rows = std::min(blocks.rows_at_once(), body.data_rows - first), stride = blocks.stride();
    blocks.run(first, rows);
    for (out.p = 0; out.p < tile.count; out.p += width) {
      for (std::int64_t b = 0; b < rows; ++b) {
        const T* const at = blocks.results() + b * tile.count + out.p;
        for (std::int64_t j = 0; j < m; ++j) {
          const X r = load<X>(at + j * stride);
          out.store(0, Math<X>::fma(constant<X>(0.5) * r, r, out.load(0)));
          for (std::int64_t i = 0; i < n; ++i) {
            out.store(1 + i, Math<X>::fma(r, load<X>(at + (m + j * n + i) * stride), out.load(1 + i)));
          }
        }
      }
    }
  }
}

template <class T, bool Matrix>
void residual_tile(const void* erased_body, const Tile<T>& tile) {
  const auto& body = *static_cast<const FormulaResiduals<T>*>(erased_body);
  switch (tile.dimension) {
    case 1:
      return sum_rows<T, 1, Matrix>(body, tile);
    case 2:
      return sum_rows<T, 2, Matrix>(body, tile);
    case 3:
      return sum_rows<T, 3, Matrix>(body, tile);
    case 4:
      return sum_rows<T, 4, Matrix>(body, tile);
    default:
      if constexpr (Matrix) {
        return sum_rows<T, most_fitted, Matrix>(body, tile);
      } else {
        return sum_gradients<T>(body, tile);
      }
  }
}

}  // namespace

template <class T>
Operation<T> formula_residuals(const char* name, const FormulaResiduals<T>& body) {
  Operation<T> made = body.jacobian;
  made.name = name;
  made.body = &body;
  made.rows = body.matrix ? residual_rows<true>(made.dimension) : residual_rows<false>(made.dimension);
  made.group_names[1] = "gradient";
  made.group_names[2] = body.matrix ? "hessian" : "";
  made.has_gradient = true;
  made.run_tile = body.matrix ? &residual_tile<T, true> : &residual_tile<T, false>;
  made.launch = nullptr;
  made.no_launch = "on CUDA devices sums of squares of formulas are for minimize_each and fit_each alone";
  made.launch_each = &launch_formula_residuals<T>;
  return made;
}
template Operation<float> formula_residuals(const char*, const FormulaResiduals<float>&);
template Operation<double> formula_residuals(const char*, const FormulaResiduals<double>&);

}  // namespace nabla::detail
