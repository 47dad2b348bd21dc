#include "line.hpp"

#include <algorithm>
#include <vector>

// L-BFGS. The recursion of two loops works on inner products alone: all of them come from one pass over the pairs, and
// the direction, a combination of the pairs and the gradient, from another. That is 4 m vectors instead of 8 m.
// Source: Nocedal, Updating Quasi-Newton Matrices with Limited Storage (Math. Comp. 35, 1980); the products: Byrd,
// Nocedal and Schnabel, Representations of Quasi-Newton Matrices (Math. Programming 63, 1994), section 3.

namespace nabla::descent {

namespace {

template <class T>
class Lbfgs final : public DescentMethod<T> {
 public:
  explicit Lbfgs(Descent<T>& descent)
      : descent_(descent),
        line_(descent),
        direction_(descent.executor, descent.n),
        memory_(static_cast<std::size_t>(descent.options.memory)),
        sy_(memory_ * memory_),
        yy_(memory_ * memory_),
        sg_(memory_),
        yg_(memory_),
        alpha_(memory_),
        c_(memory_) {
    static_assert(detail::most_vectors >= 2 * 64 + 1);
    for (std::size_t k = 0; k < memory_; ++k) {
      s_.emplace_back(descent.executor, descent.n);
      y_.emplace_back(descent.executor, descent.n);
    }
  }

  Step advance() override {
    Step step = pairs_ > 0 ? quasi_newton() : line_.descend_steepest(line_.cautious_step());
    const bool forget =
        pairs_ > 0 && (step.stop == StopReason::line_search_failed || step.stop == StopReason::stagnated);
    if (forget) {
      pairs_ = 0;
      step = line_.descend_steepest(line_.cautious_step());
    }
    if (!step.stop) remember();
    return step;
  }

  void keep(State<T>& state) override {
    state.number(pairs_);
    state.number(newest_);
    for (std::vector<double>* const numbers : {&sy_, &yy_, &sg_, &yg_}) {
      state.bytes(numbers->data(), numbers->size() * sizeof(double));
    }
    for (std::size_t k = 0; k < pairs_; ++k) {
      state.vector(s_[k].data());
      state.vector(y_[k].data());
    }
  }

  int patience() const override { return patience_of_descent; }

 private:
  /// The slot of the k-th pair, 0 being the oldest.
  std::size_t slot(std::size_t k) const { return (newest_ + memory_ + 1 + k - pairs_) % memory_; }
  double& sy(std::size_t i, std::size_t j) { return sy_[i * memory_ + j]; }  // i not newer than j
  double& yy(std::size_t i, std::size_t j) { return yy_[i * memory_ + j]; }  // symmetric

  Step quasi_newton() {
    const double slope = descent_.sums_of(combination())[0];
    if (!(slope < 0)) {  // rounding has made the pairs useless
      pairs_ = 0;
      return line_.descend_steepest(line_.cautious_step());
    }
    return line_.descend(direction_.data(), 1, slope, 1);
  }

  /// -H g, by coefficients: q = g - sum alpha_i y_i, then r = gamma q + sum c_i s_i.
  detail::Combination<T> combination() {
    for (std::size_t k = pairs_; k-- > 0;) {
      const std::size_t i = slot(k);
      double s_q = sg_[i];
      for (std::size_t newer = k + 1; newer < pairs_; ++newer) s_q -= alpha_[slot(newer)] * sy(i, slot(newer));
      alpha_[i] = s_q / sy(i, i);
    }
    const double gamma = sy(newest_, newest_) / yy(newest_, newest_);
    for (std::size_t k = 0; k < pairs_; ++k) {
      const std::size_t i = slot(k);
      double y_q = yg_[i], y_s = 0;
      for (std::size_t other = 0; other < pairs_; ++other) y_q -= alpha_[slot(other)] * yy(i, slot(other));
      for (std::size_t older = 0; older < k; ++older) y_s += c_[slot(older)] * sy(slot(older), i);
      c_[i] = alpha_[i] - (gamma * y_q + y_s) / sy(i, i);
    }
    detail::Combination<T> made{direction_.data(), descent_.gradient, 0, {}, {}};
    const auto add = [&](double weight, const T* vector) {
      const auto place = static_cast<std::size_t>(made.count++);
      made.weights[place] = weight;
      made.vectors[place] = vector;
    };
    add(-gamma, descent_.gradient);
    for (std::size_t k = 0; k < pairs_; ++k) {
      add(gamma * alpha_[slot(k)], y_[slot(k)].data());
      add(-c_[slot(k)], s_[slot(k)].data());
    }
    return made;
  }

  /// Takes in the last step, and the products with the gradient that it led to.
  void remember() {
    const std::size_t next = pairs_ > 0 ? (newest_ + 1) % memory_ : 0;
    T *const s = s_[next].data(), *const y = y_[next].data();
    const auto changes = descent_.sums_of(
        detail::Change<T>{s, y, descent_.x, line_.x_before(), descent_.gradient, line_.gradient_before()});
    const double s_y = changes[0], y_y = changes[1], s_s = changes[2];
    if (pairs_ == memory_) --pairs_;  // the oldest, which was overwritten
    // Where f is concave, or rounding is all there is, the step says nothing about curvature.
    const bool useful = s_y > std::numeric_limits<double>::epsilon() * std::sqrt(s_s * y_y) && std::isfinite(y_y);
    if (useful) {
      newest_ = next;
      ++pairs_;
    }
    if (pairs_ == 0) return;
    detail::Products<T> products{{y, descent_.gradient}, 0, {}};
    for (std::size_t k = 0; k < pairs_; ++k) {
      products.lefts[static_cast<std::size_t>(products.count++)] = s_[slot(k)].data();
      products.lefts[static_cast<std::size_t>(products.count++)] = y_[slot(k)].data();
    }
    const auto all = descent_.sums_of(products);
    for (std::size_t k = 0; k < pairs_; ++k) {
      const std::size_t i = slot(k);
      sg_[i] = all[4 * k + 1];
      yg_[i] = all[4 * k + 3];
      if (!useful) continue;
      sy(i, next) = all[4 * k];
      yy(i, next) = yy(next, i) = all[4 * k + 2];
    }
  }

  Descent<T>& descent_;
  Line<T> line_;
  Array<T> direction_;
  std::size_t memory_, pairs_ = 0, newest_ = 0;
  std::vector<Array<T>> s_, y_;
  std::vector<double> sy_, yy_, sg_, yg_;  // products of pairs, by slots, and with the gradient
  std::vector<double> alpha_, c_;
};

}  // namespace

template <class T>
MadeMethod<T> make_lbfgs(Descent<T>& descent) {
  return std::make_unique<Lbfgs<T>>(descent);
}
template MadeMethod<float> make_lbfgs(Descent<float>&);
template MadeMethod<double> make_lbfgs(Descent<double>&);

}  // namespace nabla::descent
