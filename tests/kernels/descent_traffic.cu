// Many descents for descent_traffic.cmake to count:
//     descent_traffic rosenbrock|decay_by_fit|decay_by_row STARTS BLOCKS
// Rosenbrock's function in two variables from [-2, 2]^2 by BFGS until |g| <= 1e-8; or fits of decays to 32 samples
// each, which lie fit by fit or row by row, by Levenberg and Marquardt's method. On at most so many blocks of threads,
// each of which then takes start after start. Prints how many evaluations there were, and the bytes that must be read
// and written.

#include "../../host/bench/functions.hpp"
#include "../../host/each/cuda.hpp"

#include <nabla/fit_each.hpp>

#include <cmath>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace {

namespace detail = nabla::detail;
using nabla::Array;
using nabla::Batch;
using nabla::Executor;
using nabla::Layout;
using nabla::Method;
using nabla::Points;

struct Rosenbrock {
  static constexpr Method descends_by[] = {Method::bfgs};
  constexpr auto operator()(const auto& x) const {
    const auto a = 1 - x[0], b = x[1] - x[0] * x[0];
    return a * a + 100 * b * b;
  }
};

struct Decay : nabla::bench::Decay {
  static constexpr Method descends_by[] = {Method::levenberg_marquardt};
};
constexpr int rows = 32;

/// From all starts, to a gradient of so much, squared, or so much of the first.
void descend(const Executor& where, const detail::Operation<double>& operation, const Points<double>& starts,
             const detail::EachData<double>& data, detail::EachMethod method, double absolute, double relative,
             std::int64_t blocks) {
  const std::int64_t count = starts.count();
  const Batch<double> x(where, count, starts.components()), value(where, count, 1);
  const Array<nabla::StopReason> reason(where, count);
  detail::each::Rules<double> rules{};
  rules.momentum = -1;
  rules.clip = std::numeric_limits<double>::infinity();
  rules.absolute = absolute;
  rules.relative = relative;
  rules.target = -std::numeric_limits<double>::infinity();
  rules.max_iterations = detail::each::count_of<double>(10'000);
  rules.max_evaluations = detail::each::count_of<double>(1'000'000'000);
  nabla::EachOutputs<double> out;
  out.x = x.view();
  out.value = value.view();
  out.reason = reason.data();
  const std::function<bool(const nabla::EachProgress&)> none;
  detail::BestStart best{};
  const auto counts =
      detail::cuda::descend_from_each<double>(where, {operation, starts, data, out, method, rules, none}, best, blocks);
  std::int64_t read = count * starts.components() * static_cast<std::int64_t>(sizeof(double));
  for (const auto& column : data.columns) {
    read += (column.item_stride == 0 ? 1 : count) * data.rows * static_cast<std::int64_t>(sizeof(double));
  }
  const std::int64_t written = count * ((starts.components() + 1) * static_cast<std::int64_t>(sizeof(double)) +
                                        static_cast<std::int64_t>(sizeof(nabla::StopReason)));
  std::cout << counts.evaluations << ";" << counts.lanes << ";" << read << ";" << written << "\n";
  if (counts.reasons[static_cast<int>(nabla::StopReason::gradient)] +
          counts.reasons[static_cast<int>(nabla::StopReason::relative_gradient)] !=
      count) {
    std::exit(3);
  }
}

void descend_on_valley(const Executor& where, std::int64_t count, std::int64_t blocks) {
  const auto starts = Points<double>::uniform(where, count, 2, -2, 2, 7);
  const detail::GradientBody<Rosenbrock, 2> body{};
  descend(where, detail::each_operation<true, double, Rosenbrock>(body, 2, ""), starts, {}, detail::EachMethod::bfgs,
          1e-16, 0, blocks);
}

void fit_decays(const Executor& where, std::int64_t count, std::int64_t blocks, Layout layout) {
  std::mt19937_64 random(1);
  const auto uniform = [&](double low, double high) {
    return std::uniform_real_distribution<double>(low, high)(random);
  };
  std::vector<double> starts, times, samples(static_cast<std::size_t>(count * rows));
  for (int r = 0; r < rows; ++r) times.push_back(4.0 * r / (rows - 1));
  for (std::int64_t k = 0; k < count; ++k) {
    starts.insert(starts.end(), {1, 1, 0});
    const double a = uniform(1, 5), b = uniform(0.5, 2), c = uniform(-1, 1);
    for (std::int64_t r = 0; r < rows; ++r) {
      const std::int64_t at = layout == Layout::point_major ? k * rows + r : r * count + k;
      samples[static_cast<std::size_t>(at)] =
          a * std::exp(-b * times[static_cast<std::size_t>(r)]) + c + 0.05 * uniform(-1, 1);
    }
  }
  const auto from = Points<double>::from_host(where, starts, 3);
  const auto t = Batch<double>::from_host(where, times, rows),
             y = Batch<double>::from_host(where, samples, rows, layout);
  constexpr int n = detail::variables_of<Decay>(), columns = detail::data_of<Decay>();
  const auto data = detail::each_data<double>(count, columns, {t, y});
  const detail::FitBody<Decay, n, true> body{Decay(), rows};
  descend(where, detail::each_operation<true, double, Decay>(body, n, "hessian"), from, data,
          detail::EachMethod::levenberg_marquardt, 0, 1e-20, blocks);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const std::string what = argv[1];
  const std::int64_t count = std::atoll(argv[2]), blocks = std::atoll(argv[3]);
  const Executor where = Executor::cuda();
  if (what == "rosenbrock") {
    descend_on_valley(where, count, blocks);
  } else if (what == "decay_by_fit" || what == "decay_by_row") {
    fit_decays(where, count, blocks, what == "decay_by_fit" ? Layout::point_major : Layout::component_major);
  } else {
    return 2;
  }
}
