#include "../executor_state.hpp"
#include "transfer.hpp"

#include <nabla/detail/cpu_tile.hpp>
#include <nabla/element_sum.hpp>

#include <omp.h>

#include <algorithm>
#include <vector>

// Sums of elements on CPU threads. The variables are cut into ranges, which threads take. A range's gradient is the sum
// of what all elements that touch it contribute; elements that touch two ranges are computed for both, so that nothing
// is scattered from one range into another. Elements run in tiles, like points of a batch.

namespace nabla::detail {

namespace {

constexpr std::int64_t tile_bytes = 24 << 10, most_tile = 512, least_tile = 16, range_variables = 1 << 15;

std::int64_t floor_division(std::int64_t a, std::int64_t b) { return a / b - (a % b != 0 && (a % b < 0) != (b < 0)); }
std::int64_t ceil_division(std::int64_t a, std::int64_t b) { return -floor_division(-a, b); }

struct Interval {
  std::int64_t first, last;
  bool empty() const { return first >= last; }
  std::int64_t clamp(std::int64_t at) const { return std::clamp(at, first, last); }
};

/// Elements of a line, at `start + e * stride`, that lie in a range of variables.
Interval elements_in(const Interval& range, std::int64_t start, std::int64_t stride, std::int64_t count) {
  if (stride == 0) {
    return start >= range.first && start < range.last ? Interval{0, count} : Interval{0, 0};
  }
  const Interval all{0, count};
  return {all.clamp(ceil_division(range.first - start, stride)), all.clamp(ceil_division(range.last - start, stride))};
}

/// One thread's work on a range of variables.
template <class T>
class RangeSum {
 public:
  RangeSum(const ElementCall<T>& call, std::int64_t tile, std::int64_t stride, T* buffers)
      : call_(call),
        slots_(static_cast<std::int64_t>(call.affine.offsets.size())),
        data_(call.data ? call.data.components : 0),
        tile_(tile),
        stride_(stride),
        in_(buffers),
        extra_(in_ + (slots_ + data_) * stride),
        out_(extra_ + (call.operation.needs_extra ? slots_ * stride : 0)) {}

  double run(const Interval& range) {
    range_ = range;
    sum_ = 0;
    for (T* const to : {call_.gradient, call_.product}) {
      if (to != nullptr) std::fill(to + range.first, to + range.last, T(0));
    }
    planes(0, 2);
    return sum_;
  }

 private:
  /// All lines of elements with some variable in the range. `base`: what the outer strides add up to.
  void planes(std::int64_t base, int dimension) {
    const Affine& affine = call_.affine;
    if (dimension == 0) return line(base);
    const auto d = static_cast<std::size_t>(dimension);
    Interval some{0, affine.extent[d]};
    if (affine.stride[d] > 0) {
      std::int64_t reach = 0;
      for (std::size_t inner = 0; inner < d; ++inner) reach += (affine.extent[inner] - 1) * affine.stride[inner];
      const auto [least, most] = std::ranges::minmax(affine.offsets);
      some.first = std::max(some.first, ceil_division(range_.first - (base + most + reach), affine.stride[d]));
      some.last = std::min(some.last, ceil_division(range_.last - (base + least), affine.stride[d]));
    }
    const std::int64_t before = first_element_;
    std::int64_t elements = affine.extent[0] * (dimension == 2 ? affine.extent[1] : 1);
    for (std::int64_t i = some.first; i < some.last; ++i) {
      first_element_ = before + i * elements;
      planes(base + i * affine.stride[d], dimension - 1);
    }
    first_element_ = before;
  }

  void line(std::int64_t base) {
    const Affine& affine = call_.affine;
    Interval all{affine.extent[0], 0};
    for (std::int64_t j = 0; j < slots_; ++j) {
      own_[j] =
          elements_in(range_, base + affine.offsets[static_cast<std::size_t>(j)], affine.stride[0], affine.extent[0]);
      if (own_[j].empty()) continue;
      all = {std::min(all.first, own_[j].first), std::max(all.last, own_[j].last)};
    }
    for (std::int64_t first = all.first; first < all.last; first += tile_) {
      compute(base, first, std::min(tile_, all.last - first));
    }
  }

  /// Elements [first, first + count) of a line.
  void compute(std::int64_t base, std::int64_t first, std::int64_t count) {
    const std::int64_t lanes = call_.operation.lanes, padded = (count + lanes - 1) / lanes * lanes;
    for (std::int64_t j = 0; j < slots_; ++j) {
      read(call_.x, base, first, count, padded, j, in_ + j * stride_);
      if (call_.operation.needs_extra) read(call_.v, base, first, count, padded, j, extra_ + j * stride_);
    }
    if (data_ > 0) {
      cpu::gather(call_.data, first_element_ + first, count, padded, in_ + slots_ * stride_, stride_);
    }
    Tile<T> tile{};
    tile.count = padded;
    tile.dimension = slots_;
    tile.in = in_;
    tile.extra = extra_;
    tile.in_stride = tile.extra_stride = stride_;
    T* own = out_;
    for (int g = 0; g < max_groups; ++g) {
      tile.out[g] = own;
      tile.out_stride[g] = stride_;
      own += call_.operation.rows.group[g] * stride_;
    }
    call_.operation.run_tile(call_.operation.body, tile);
    // An element's value counts in the range that its first variable is in.
    const Interval counted{std::max(first, own_[0].first), std::min(first + count, own_[0].last)};
    double sums[8] = {};
    for (std::int64_t e = counted.first; e < counted.last; ++e) {
      sums[e % 8] += static_cast<double>(tile.out[0][e - first]);
    }
    sum_ += ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
    if (call_.gradient != nullptr) add(tile.out[1], base, first, count, call_.gradient);
    if (call_.product != nullptr) add(tile.out[2], base, first, count, call_.product);
  }

  void read(const T* from, std::int64_t base, std::int64_t first, std::int64_t count, std::int64_t padded,
            std::int64_t j, T* row) const {
    const std::int64_t step = call_.affine.stride[0];
    const T* const at = from + base + call_.affine.offsets[static_cast<std::size_t>(j)] + first * step;
    if (step == 1) {
      std::copy_n(at, count, row);
    } else {
      for (std::int64_t e = 0; e < count; ++e) row[e] = at[e * step];
    }
    std::fill(row + count, row + padded, row[count - 1]);
  }

  void add(const T* rows, std::int64_t base, std::int64_t first, std::int64_t count, T* out) const {
    const std::int64_t step = call_.affine.stride[0];
    for (std::int64_t j = 0; j < slots_; ++j) {
      const std::int64_t begin = std::max(first, own_[j].first), end = std::min(first + count, own_[j].last);
      T* const to = out + base + call_.affine.offsets[static_cast<std::size_t>(j)];
      const T* const row = rows + j * stride_ - first;
      if (step == 1) {
        for (std::int64_t e = begin; e < end; ++e) to[e] += row[e];
      } else {
        for (std::int64_t e = begin; e < end; ++e) to[e * step] += row[e];
      }
    }
  }

  const ElementCall<T>& call_;
  std::int64_t slots_, data_, tile_, stride_;
  T *in_, *extra_, *out_;
  Interval range_{0, 0}, own_[32];
  std::int64_t first_element_ = 0;
  double sum_ = 0;
};

}  // namespace

template <class T>
double run_elements(const Executor& executor, const ElementCall<T>& call) {
  const auto slots = static_cast<std::int64_t>(call.affine.offsets.size());
  const std::int64_t inputs = slots * (call.operation.needs_extra ? 2 : 1) + (call.data ? call.data.components : 0);
  const std::int64_t rows = inputs + call.operation.rows.total();
  const std::int64_t fit = tile_bytes / (rows * static_cast<std::int64_t>(sizeof(T)));
  const std::int64_t tile = std::clamp(fit / least_tile * least_tile, least_tile, most_tile),
                     stride = tile + least_tile;
  const std::int64_t ranges = (call.variables + range_variables - 1) / range_variables;
  const auto team = static_cast<int>(std::clamp<std::int64_t>(ranges, 1, executor.threads()));
  const std::int64_t numbers = (rows * stride + 63) / 64 * 64;
  const std::size_t sums_bytes = (static_cast<std::size_t>(ranges) * sizeof(double) + 255) / 256 * 256;
  auto* const memory = static_cast<std::byte*>(
      workspace(executor, sums_bytes + static_cast<std::size_t>(team) * static_cast<std::size_t>(numbers) * sizeof(T)));
  auto* const sums = reinterpret_cast<double*>(memory);
  auto* const buffers = reinterpret_cast<T*>(memory + sums_bytes);
#pragma omp parallel for num_threads(team) schedule(static)
  for (std::int64_t k = 0; k < ranges; ++k) {
    RangeSum<T> range(call, tile, stride, buffers + omp_get_thread_num() * numbers);
    sums[k] = range.run({k * range_variables, std::min(call.variables, (k + 1) * range_variables)});
  }
  double all = 0;
  for (std::int64_t k = 0; k < ranges; ++k) all += sums[k];
  return all;
}
template double run_elements(const Executor&, const ElementCall<float>&);
template double run_elements(const Executor&, const ElementCall<double>&);

}  // namespace nabla::detail
