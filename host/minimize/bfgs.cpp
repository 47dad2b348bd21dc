#include "line.hpp"

#include <algorithm>
#include <vector>

// BFGS with a whole matrix, for few variables. The matrix is the host's, in double, wherever vectors are: three vectors
// of n numbers travel in an iteration, and n^2 numbers stay.
// Source: Broyden; Fletcher; Goldfarb; Shanno, all 1970, as in Nocedal and Wright, Numerical Optimization (2006),
// algorithm 6.1 with equations 6.17 and 6.20.

namespace nabla::descent {

namespace {

template <class T>
class Bfgs final : public DescentMethod<T> {
 public:
  explicit Bfgs(Descent<T>& descent)
      : descent_(descent),
        line_(descent),
        direction_(descent.executor, descent.n),
        step_(descent.executor, descent.n),
        change_(descent.executor, descent.n),
        n_(static_cast<std::size_t>(descent.n)),
        fetched_(n_),
        s_(n_),
        y_(n_),
        h_y_(n_),
        h_(n_ * n_) {}

  Step advance() override {
    Step step = known_ ? quasi_newton() : line_.descend_steepest(line_.cautious_step());
    if (known_ && (step.stop == StopReason::line_search_failed || step.stop == StopReason::stagnated)) {
      known_ = false;
      step = line_.descend_steepest(line_.cautious_step());
    }
    if (!step.stop) remember();
    return step;
  }

  void keep(State<T>& state) override {
    state.number(known_);
    if (known_) state.bytes(h_.data(), h_.size() * sizeof(double));
  }

  int patience() const override { return patience_of_descent; }

 private:
  using Numbers = std::vector<double>;

  void fetch(const T* vector, Numbers& into) {
    detail::copy_bytes(descent_.executor, fetched_.data(), vector, n_ * sizeof(T));
    std::copy(fetched_.begin(), fetched_.end(), into.begin());
  }

  /// product = H v. Row by row into all of the result: the same for a symmetric matrix, and no sum has an order.
  void multiply(const Numbers& v, Numbers& product) const {
    std::fill(product.begin(), product.end(), 0.0);
    for (std::size_t j = 0; j < n_; ++j) {
      for (std::size_t i = 0; i < n_; ++i) product[i] += h_[j * n_ + i] * v[j];
    }
  }

  /// Along -H g.
  Step quasi_newton() {
    fetch(descent_.gradient, y_);
    multiply(y_, h_y_);
    for (std::size_t i = 0; i < n_; ++i) fetched_[i] = static_cast<T>(-h_y_[i]);
    direction_.upload(fetched_);
    const double slope = descent_.sums_of(detail::Dot<T>{descent_.gradient, direction_.data()})[0];
    if (!(slope < 0)) {  // rounding has made the matrix useless
      known_ = false;
      return line_.descend_steepest(line_.cautious_step());
    }
    return line_.descend(direction_.data(), 1, slope, 1);
  }

  /// H = (I - s y' / s.y) H (I - y s' / s.y) + s s' / s.y; before the first step H is s.y / y.y.
  void remember() {
    const auto changes = descent_.sums_of(detail::Change<T>{step_.data(), change_.data(), descent_.x, line_.x_before(),
                                                            descent_.gradient, line_.gradient_before()});
    const double s_y = changes[0], y_y = changes[1], s_s = changes[2];
    // Where f is concave, or rounding is all there is, the step says nothing about curvature.
    if (!(s_y > std::numeric_limits<double>::epsilon() * std::sqrt(s_s * y_y)) || !std::isfinite(y_y)) return;
    if (!known_) {
      std::fill(h_.begin(), h_.end(), 0.0);
      for (std::size_t i = 0; i < n_; ++i) h_[i * n_ + i] = s_y / y_y;
      known_ = true;
    }
    fetch(step_.data(), s_);
    fetch(change_.data(), y_);
    multiply(y_, h_y_);
    double y_h_y = 0;
    for (std::size_t i = 0; i < n_; ++i) y_h_y += y_[i] * h_y_[i];
    const double both = (1 + y_h_y / s_y) / s_y;
    for (std::size_t j = 0; j < n_; ++j) {
      for (std::size_t i = 0; i < n_; ++i) {
        h_[j * n_ + i] += both * (s_[j] * s_[i]) - (h_y_[j] * s_[i] + s_[j] * h_y_[i]) / s_y;
      }
    }
  }

  Descent<T>& descent_;
  Line<T> line_;
  Array<T> direction_, step_, change_;  // the last step, and the change of the gradient
  std::size_t n_;
  std::vector<T> fetched_;
  Numbers s_, y_, h_y_;  // on the host
  Numbers h_;            // the inverse Hessian's approximation, symmetric
  bool known_ = false;
};

}  // namespace

template <class T>
MadeMethod<T> make_bfgs(Descent<T>& descent) {
  return std::make_unique<Bfgs<T>>(descent);
}
template MadeMethod<float> make_bfgs(Descent<float>&);
template MadeMethod<double> make_bfgs(Descent<double>&);

}  // namespace nabla::descent
