#include "objective.hpp"

// Gradients of objectives against differences of values. Between two directions the displaced point is x, so that a
// direction in which few components take part touches only these.

namespace nabla::check {

namespace {

template <class T>
class GradientCheck final : public ObjectiveCheck<T> {
 public:
  GradientCheck(const Executor& executor, const ObjectiveCalls<T>& calls, std::span<const T> x,
                const ObjectiveCheckOptions& options)
      : ObjectiveCheck<T>(executor, x, options, "check_gradient"), calls_(calls) {}

  CheckReport run() {
    const std::span<T> gradient = this->vector(this->claimed_), displaced = this->vector(this->displaced_);
    centre_ = calls_.value(this->x_);
    calls_.value_and_gradient(this->x_, gradient);
    calls_.value_and_gradient(this->x_, displaced);
    this->report_.evaluations += 3;
    this->report_.spread = detail::largest<T>(this->executor_, gradient.data(), displaced.data(), this->n_);
    move(0, this->direction(0), this->everything());
    if (std::isfinite(centre_)) {
      this->report_.points_checked = 1;
      this->examine(this->options_.directions);
    }
    return this->finish();
  }

 private:
  bool tells_components() const override { return false; }
  std::int64_t singles_at_once() const override {
    constexpr std::int64_t many = 1'000'000, few = 3;  // of many, each takes long
    return this->n_ > many ? std::min(few, this->options_.worst) : this->options_.worst;
  }
  const char* claimed_name() const override { return "the whole gradient"; }

  void differentiate(std::span<Tried> tried, std::span<const double> steps) override {
    std::vector<double> forward(steps.size()), backward(steps.size());
    for (Tried& one : tried) {
      const double noise = noise_along(one);
      for (std::size_t k = 0; k < steps.size(); ++k) {
        forward[k] = value_at(steps[k], one);
        backward[k] = value_at(-steps[k], one);
      }
      move(0, one.u, one.part);
      this->differentiate_samples(one, {centre_, steps, forward, backward, {}}, noise);
    }
  }

  /// Along a direction; of parts of one that was tried, as of that.
  double noise_along(const Tried& one) {
    if (one.is_part) return noise_;
    double noise = 0;
    for (int size = 0; size < this->tiny_sizes && !(noise > 0); ++size) {
      std::vector<double> values(nearby);
      for (int k = 0; k < nearby; ++k) values[static_cast<std::size_t>(k)] = value_at(this->tiny_step(size, k), one);
      noise = noise_of(values);
    }
    if (one.component >= 0) return noise > 0 ? noise : noise_;
    noise_ = std::fmax(noise_, noise);
    return noise_;
  }

  const T* claimed_nearby(int k) override {
    const std::span<T> gradient = this->vector(this->spare_);
    move(this->tiny_step(1, k), this->direction(0), this->everything());
    calls_.value_and_gradient(displaced(), gradient);
    ++this->report_.evaluations;
    return gradient.data();
  }

  std::span<const T> displaced() { return this->vector(this->displaced_); }
  void move(double t, const Direction& u, const Subset& part) {
    detail::displace(this->executor_, this->x_.data(), t, u, part, this->displaced_->data());
  }
  double value_at(double t, const Tried& along) {
    move(t, along.u, along.part);
    ++this->report_.evaluations;
    return calls_.value(displaced());
  }

  const ObjectiveCalls<T>& calls_;
  double centre_ = 0, noise_ = 0;
};

}  // namespace

}  // namespace nabla::check

namespace nabla::detail {

template <class T>
CheckReport check_objective(const Executor& executor, const ObjectiveCalls<T>& calls, std::span<const T> x,
                            const ObjectiveCheckOptions& options) {
  return check::GradientCheck<T>(executor, calls, x, options).run();
}
template CheckReport check_objective(const Executor&, const ObjectiveCalls<float>&, std::span<const float>,
                                     const ObjectiveCheckOptions&);
template CheckReport check_objective(const Executor&, const ObjectiveCalls<double>&, std::span<const double>,
                                     const ObjectiveCheckOptions&);

}  // namespace nabla::detail
