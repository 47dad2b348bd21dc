#include "cuda/kernels.hpp"
#include "definition.hpp"

#include <nabla/detail/ladder.hpp>
#include <nabla/formula.hpp>

#include <algorithm>
#include <vector>

// The first stage of gradient checks for formulas. LadderBody calls a function point by point, with a pack of points in
// registers; on CPUs a formula runs over a tile at once. So here displaced points are laid out in the cache, and each
// pack has its Ladder. On CUDA devices a kernel has the formula's program in LadderBody (detail/program_ladder.hpp).

namespace nabla::detail {

namespace {

constexpr std::int64_t block_points = 128;

/// A block of points of a tile, and f at points displaced from them.
template <class T>
class DisplacedBlock {
 public:
  DisplacedBlock(const FormulaLadder<T>& body, const Tile<T>& tile, std::int64_t first, std::int64_t points)
      : body_(body), tile_(tile), first_(first), points_(points) {
    const auto size = static_cast<std::size_t>(points * tile.dimension);
    if (memory().size() < size + static_cast<std::size_t>(points))
      memory().resize(size + static_cast<std::size_t>(points));
  }

  /// f at x + h v, or at x for a null v.
  const T* values(T h, const T* v) const {
    using X = Lanes<T>;
    T* const displaced = memory().data();
    T* const values = displaced + points_ * tile_.dimension;
    for (std::int64_t i = 0; i < tile_.dimension; ++i) {
      const X step(v == nullptr ? T(0) : h * v[i]);
      const T* const from = tile_.in + i * tile_.in_stride + first_;
      for (std::int64_t p = 0; p < points_; p += lanes_in<X, T>) {
        store<X>(displaced + i * points_ + p, load<X>(from + p) + step);
      }
    }
    Tile<T> tile{};
    tile.count = points_;
    tile.dimension = tile_.dimension;
    tile.in = displaced;
    tile.in_stride = points_;
    tile.out[0] = values;
    tile.out_stride[0] = points_;
    body_.value.run_tile(body_.value.body, tile);
    return values;
  }

 private:
  /// Of each thread, so that tiles allocate nothing.
  static std::vector<T>& memory() {
    thread_local std::vector<T> own;
    return own;
  }

  const FormulaLadder<T>& body_;
  const Tile<T>& tile_;
  std::int64_t first_, points_;
};

template <class T>
void ladder_tile(const void* erased_body, const Tile<T>& tile) {
  using X = Lanes<T>;
  using M = Math<X>;
  constexpr std::int64_t width = lanes_in<X, T>;
  const auto& body = *static_cast<const FormulaLadder<T>*>(erased_body);
  const LadderPlan<T>& plan = body.plan;
  const std::int64_t n = tile.dimension;
  PackOutput<X, T> out(LadderBody<Formula, dynamic, T>::rows(n), tile);
  for (std::int64_t first = 0; first < tile.count; first += block_points) {
    const std::int64_t points = std::min(block_points, tile.count - first);
    const DisplacedBlock<T> block(body, tile, first, points);
    std::vector<X> centre, worst, outcome;
    for (const T* f = block.values(0, nullptr); static_cast<std::int64_t>(centre.size()) < points / width; f += width) {
      centre.push_back(load<X>(f));
      worst.push_back(constant<X>(0));
      outcome.push_back(M::select(centre.back() - centre.back() == constant<X>(0), constant<X>(ladder_passed),
                                  constant<X>(ladder_not_finite)));
    }
    for (int d = 0; d < plan.direction_count; ++d) {
      const T* const v = plan.directions + d * n;
      std::vector<Ladder<X>> ladders;
      for (std::int64_t p = 0; p < points; p += width) {
        X slope = constant<X>(0), size = constant<X>(0);
        for (std::int64_t i = 0; i < n; ++i) {
          const X term = load<X>(tile.extra + i * tile.extra_stride + first + p) * X(v[i]);
          slope = slope + term;
          size = size + M::abs(term);
        }
        ladders.emplace_back(plan, centre[static_cast<std::size_t>(p / width)], slope, size);
      }
      std::vector<T> forward(static_cast<std::size_t>(points));
      for (int k = 0; k < plan.step_count; ++k) {
        std::copy_n(block.values(plan.steps[k], v), points, forward.begin());
        const T* const backward = block.values(-plan.steps[k], v);
        for (std::size_t pack = 0; pack < ladders.size(); ++pack) {
          const auto p = static_cast<std::int64_t>(pack) * width;
          ladders[pack].add(k, load<X>(forward.data() + p), load<X>(backward + p));
        }
      }
      for (std::size_t pack = 0; pack < ladders.size(); ++pack) {
        const auto p = first + static_cast<std::int64_t>(pack) * width;
        const X error = ladders[pack].relative_error();
        worst[pack] = M::select(error > worst[pack], error, worst[pack]);
        const X own = M::select(ladders[pack].passed(), constant<X>(ladder_passed), constant<X>(ladder_objects));
        outcome[pack] = M::select(own > outcome[pack], own, outcome[pack]);
        out.p = p;
        out.store(2 + d, ladders[pack].error_slope(constant<X>(exactly_linear), constant<X>(exactly_quadratic)));
      }
    }
    for (std::size_t pack = 0; pack < outcome.size(); ++pack) {
      out.p = first + static_cast<std::int64_t>(pack) * width;
      out.store(0, outcome[pack]);
      out.store(1, worst[pack]);
    }
  }
}

template <class T>
void ladder_launch(const void* erased_body, const CudaLaunch<T>& launch) {
  const auto& body = *static_cast<const FormulaLadder<T>*>(erased_body);
  const std::int64_t n = launch.request.points.components;
  const std::int64_t rows = 2 * n + LadderBody<Formula, dynamic, T>::rows(n).total();
  formula::cuda::launch(body.f.definition(),
                        {formula::cuda::ladder_body, formula::Task::value, n, rows, body.f.parameter_values(),
                         std::as_bytes(std::span(&body.plan, 1))},
                        launch);
}

}  // namespace

bool has_ladder(const Executor& executor, const Formula& f, std::int64_t n) {
  return !executor.is_cuda() || formula::cuda::can_climb(f.definition(), n);
}

template <class T>
Operation<T> formula_ladder(const FormulaLadder<T>& body) {
  Operation<T> made = body.value;
  made.name = "check_gradient";
  made.body = &body;
  made.rows = LadderBody<Formula, dynamic, T>::rows(made.dimension);
  made.group_names[1] = "slopes";
  made.needs_extra = true;
  made.run_tile = &ladder_tile<T>;
  made.launch = &ladder_launch<T>;
  return made;
}
template Operation<double> formula_ladder(const FormulaLadder<double>&);

}  // namespace nabla::detail
