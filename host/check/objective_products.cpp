#include "objective.hpp"

#include <algorithm>

// Hessian-vector products of objectives against differences of gradients along the same vector. Each gradient at a
// displaced point tells about any number of sums of its components, so many are tried at once.

namespace nabla::check {

namespace {

template <class T>
class ProductCheck final : public ObjectiveCheck<T> {
 public:
  ProductCheck(const Executor& executor, const ObjectiveCalls<T>& calls, std::span<const T> x,
               const ObjectiveCheckOptions& options)
      : ObjectiveCheck<T>(executor, x, options, "check_hessian_vector_product"), calls_(calls) {}

  CheckReport run() {
    constexpr int products_with = 2, first_vector = 1000;
    const std::span<T> product = this->vector(this->claimed_), other = this->vector(this->spare_);
    this->vector(this->displaced_);
    const bool finite = std::isfinite(calls_.value(this->x_));
    ++this->report_.evaluations;
    for (int k = 0; k < this->options_.directions && finite; ++k) {
      this->report_.points_checked = 1;
      v_ = this->direction(first_vector + k);
      multiply(this->x_, product);
      multiply(this->x_, other);
      this->report_.spread =
          std::fmax(this->report_.spread, detail::largest<T>(this->executor_, product.data(), other.data(), this->n_));
      this->examine(products_with);
    }
    return this->finish();
  }

 private:
  bool tells_components() const override { return true; }
  std::int64_t singles_at_once() const override { return this->options_.worst; }
  const char* claimed_name() const override { return "the whole product"; }

  void differentiate(std::span<Tried> tried, std::span<const double> steps) override {
    using Sums = std::vector<std::vector<double>>;
    Sums forward(tried.size()), backward(tried.size()), near;
    std::vector<double> noise(tried.size(), 0.0);
    for (int size = 0; size < this->tiny_sizes && !std::ranges::all_of(noise, is_known); ++size) {
      near.assign(tried.size(), {});
      for (int k = 0; k < nearby; ++k) add_sums(tried, moved(this->tiny_step(size, k), v_, this->displaced_), near);
      for (std::size_t j = 0; j < tried.size(); ++j) {
        if (!is_known(noise[j])) noise[j] = noise_of(near[j]);
      }
    }
    for (const double step : steps) {
      add_sums(tried, moved(step, v_, this->displaced_), forward);
      add_sums(tried, moved(-step, v_, this->displaced_), backward);
    }
    for (std::size_t j = 0; j < tried.size(); ++j) {
      this->differentiate_samples(tried[j], {near[j].front(), steps, forward[j], backward[j], {}},
                                  is_known(noise[j]) ? noise[j] : 0);
    }
  }

  const T* claimed_nearby(int k) override {
    multiply(moved(this->tiny_step(1, k), this->direction(0), this->spare_), this->vector(this->claimed_));
    return this->claimed_->data();
  }

  /// x + t u, in some memory.
  std::span<const T> moved(double t, const Direction& u, std::unique_ptr<Array<T>>& memory) {
    const std::span<T> out = this->vector(memory);
    detail::displace(this->executor_, this->x_.data(), t, u, this->everything(), out.data());
    return out;
  }
  /// H v at a point; v takes the displaced point's place.
  void multiply(std::span<const T> point, std::span<T> product) {
    const std::span<T> v = this->vector(this->displaced_);
    const T* const zero = nullptr;
    detail::displace(this->executor_, zero, 1, v_, this->everything(), v.data());
    calls_.hessian_vector_product(point, v, product);
    ++this->report_.evaluations;
  }
  /// Of the gradient at a point, one sum for each.
  void add_sums(std::span<const Tried> tried, std::span<const T> point, std::vector<std::vector<double>>& sums) {
    const std::span<T> gradient = this->vector(this->spare_);
    calls_.value_and_gradient(point, gradient);
    ++this->report_.evaluations;
    for (std::size_t j = 0; j < tried.size(); ++j) {
      sums[j].push_back(detail::weigh<T>(this->executor_, gradient.data(), tried[j].u, tried[j].part).sum);
    }
  }

  static bool is_known(double noise) { return noise > 0; }  // neither 0 nor NaN

  const ObjectiveCalls<T>& calls_;
  Direction v_{};
};

}  // namespace

}  // namespace nabla::check

namespace nabla::detail {

template <class T>
CheckReport check_objective_products(const Executor& executor, const ObjectiveCalls<T>& calls, std::span<const T> x,
                                     const ObjectiveCheckOptions& options) {
  return check::ProductCheck<T>(executor, calls, x, options).run();
}
template CheckReport check_objective_products(const Executor&, const ObjectiveCalls<float>&, std::span<const float>,
                                              const ObjectiveCheckOptions&);
template CheckReport check_objective_products(const Executor&, const ObjectiveCalls<double>&, std::span<const double>,
                                              const ObjectiveCheckOptions&);

}  // namespace nabla::detail
