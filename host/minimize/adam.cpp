#include "descent.hpp"

namespace nabla::descent {

namespace {

/// Source: Kingma and Ba, Adam: A Method for Stochastic Optimization (ICLR 2015), algorithm 1.
template <class T>
class Adam final : public DescentMethod<T> {
 public:
  explicit Adam(Descent<T>& descent)
      : descent_(descent), mean_(descent.executor, descent.n), square_(descent.executor, descent.n) {}

  Step advance() override {
    constexpr double default_mean = 0.9, square_weight = 0.999, epsilon = 1e-8;
    const double asked = descent_.options.momentum, mean_weight = asked >= 0 ? asked : default_mean;
    const bool first = iterations_ == 0;
    mean_power_ *= mean_weight;
    square_power_ *= square_weight;
    ++iterations_;
    const double step = descent_.options.step;
    descent_.run(detail::Adapt<T>{descent_.x, mean_.data(), square_.data(), descent_.gradient, descent_.shortened(),
                                  first ? 0 : mean_weight, first ? 0 : square_weight, 1 - mean_weight,
                                  1 - square_weight, step / (1 - mean_power_), 1 / (1 - square_power_), epsilon});
    descent_.evaluate();
    return {step};
  }
  void keep(State<T>& state) override {
    state.number(iterations_);
    state.number(mean_power_);
    state.number(square_power_);
    if (iterations_ == 0) return;
    state.vector(mean_.data());
    state.vector(square_.data());
  }
  int patience() const override { return patience_of_fixed_steps; }

 private:
  Descent<T>& descent_;
  Array<T> mean_, square_;
  std::int64_t iterations_ = 0;
  double mean_power_ = 1, square_power_ = 1;  // the weights to the power of iterations
};

}  // namespace

template <class T>
MadeMethod<T> make_adam(Descent<T>& descent) {
  return std::make_unique<Adam<T>>(descent);
}
template MadeMethod<float> make_adam(Descent<float>&);
template MadeMethod<double> make_adam(Descent<double>&);

}  // namespace nabla::descent
