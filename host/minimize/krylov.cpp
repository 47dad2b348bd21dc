#include "descent.hpp"

#include "../quadratic/eigenvalues.hpp"
#include "../quadratic/matrix.hpp"
#include "../quadratic/passes.hpp"
#include "../quadratic/preconditioner.hpp"
#include "../replay.hpp"

#include <nabla/error.hpp>

#include <limits>
#include <optional>
#include <sstream>
#include <string>
#include <variant>
#include <vector>

// Descents that only quadratics have, since the gradient after a step follows from the product that the step was made
// with: conjugate gradients, steepest descent to the exact minimum along the line, Chebyshev's and fixed steps.

namespace nabla::descent {

namespace {

using detail::KrylovKind;
using detail::KrylovScalars;
using detail::KrylovState;

KrylovKind kind_of(Method method) {
  switch (method) {
    case Method::steepest:
      return KrylovKind::steepest;
    case Method::chebyshev:
      return KrylovKind::chebyshev;
    case Method::gradient:
      return KrylovKind::fixed;
    default:
      return KrylovKind::conjugate;
  }
}

template <class T>
class Krylov final : public DescentMethod<T> {
 public:
  explicit Krylov(Descent<T>& descent)
      : descent_(descent),
        a_(descent.quadratic()->matrix()),
        p_(descent.executor, descent.n),
        other_p_(descent.executor, descent.executor.is_cuda() ? descent.n : 0),
        product_(descent.executor, a_.is_cheap() ? 0 : descent.n),
        inverse_(descent.executor, descent.options.preconditioner == Preconditioner::jacobi ? descent.n : 0),
        z_(descent.executor, descent.options.preconditioner > Preconditioner::jacobi ? descent.n : 0),
        on_executor_(descent.executor, 1),
        sums_(descent.executor, descent.n, detail::Advance<T>::sums) {
    scalars_.kind = kind_of(descent.options.method);
    if (inverse_.size() > 0) {
      a_.diagonal(descent.executor, inverse_.data(), false);
      descent_.run(detail::Invert<T>{inverse_.data()});
    }
    m_ = make_preconditioner();
    if (m_ != nullptr) descent_.evaluations.hessian_products += m_->products_before;
  }

  Step advance() override {
    if (scalars_.state == KrylovState::bent) return bent();
    if (scalars_.state == KrylovState::not_finite) return not_finite();
    if (scalars_.state == KrylovState::misled) refuse_preconditioner();
    if (!begun_) begin();
    const std::int64_t before = scalars_.iterations;
    const int count = iterations_at_once();
    to_executor();
    enqueue(count);
    from_executor();
    const std::int64_t done = scalars_.iterations - before;
    descent_.evaluations.hessian_products += done * (1 + products_of_preconditioner());
    descent_.value = scalars_.value;
    descent_.gradient_squares = scalars_.squares;
    if (other_p_.size() > 0 && done % 2 == 1) std::swap(p_, other_p_);
    if (done == 0) return advance();  // which says why
    // What recurrences say is believed once it was seen. If it was not true, they begin anew.
    if (scalars_.state == KrylovState::within) {
      descent_.evaluate();
      begun_ = false;
      if (descent_.keeps_directions) go_on();
    }
    Step step{scalars_.alpha};
    step.iterations = done;
    return step;
  }

  void keep(State<T>& state) override {
    state.vector(p_.data());
    if (m_ != nullptr) state.vector(z_.data());
    state.number(begun_);
    state.bytes(&scalars_, sizeof(scalars_));
    are_there_ = false;  // they may have been read
  }
  int patience() const override {
    return scalars_.kind == KrylovKind::fixed ? patience_of_fixed_steps : patience_of_nonmonotone;
  }
  /// Beside the matrix: p and g are read, p written (which Chebyshev's could save); then x, g and p read, x and g
  /// written. A product that is computed once is written, and read there; where rows reach anywhere, p is read for it;
  /// where the matrix has no rows for passes, p and the product are read for themselves too. For M^-1 g, z is read in
  /// place of g, and both once more.
  double bytes_of_iteration() const override {
    const double for_beta = m_ != nullptr && !detail::has_own_steps(scalars_.kind) ? 2 : 0;
    const double numbers = 8 + for_beta + (product_.size() > 0 ? of_kept_product() : 0) + (inverse_.size() > 0 ? 2 : 0);
    return numbers * sizeof(T) * static_cast<double>(descent_.n) + (product_.size() > 0 ? 1 : 2) * a_.bytes +
           (m_ != nullptr ? m_->bytes : 0);
  }
  std::string preconditioner() const override {
    if (inverse_.size() > 0) return "the diagonal";
    return m_ != nullptr ? m_->description : "";
  }

 private:
  detail::KrylovVectors<T> vectors() {
    const auto data = [](const Array<T>& vector) { return vector.size() > 0 ? vector.data() : nullptr; };
    return {descent_.x,     descent_.gradient,   p_.data(),     data(other_p_), data(product_),
            data(inverse_), on_executor_.data(), scalars_.kind, data(z_)};
  }

  detail::MadePreconditioner<T> make_preconditioner() {
    const MinimizeOptions& options = descent_.options;
    switch (options.preconditioner) {
      case Preconditioner::block_jacobi:
        return detail::make_block_inverse(descent_.executor, a_, options.preconditioner_block);
      case Preconditioner::incomplete_cholesky:
        return detail::make_incomplete_cholesky(descent_.executor, a_);
      case Preconditioner::chebyshev:
        return detail::make_polynomial(
            descent_.executor, a_,
            {options.preconditioner_degree, options.smallest_eigenvalue, options.largest_eigenvalue}, vectors(), sums_);
      default:
        return nullptr;
    }
  }
  std::int64_t products_of_preconditioner() const { return m_ != nullptr ? m_->products : 0; }

  double of_kept_product() const {
    if (a_.rows() == nullptr) return 5;
    const bool scattered =
        std::visit([]<class Stored>(const Stored&) { return detail::is_scattered<Stored>; }, *a_.rows());
    return scattered ? 3 : 2;
  }

  void begin() {
    if (scalars_.kind == KrylovKind::chebyshev || scalars_.kind == KrylovKind::fixed) choose_steps();
    scalars_.begin(descent_.gradient_squares, scaled_squares());
    if (m_ != nullptr && scalars_.state == KrylovState::running && !(scalars_.scaled > 0)) refuse_preconditioner();
    scalars_.most = std::numeric_limits<std::int64_t>::max();  // no more are enqueued than are wanted
    begun_ = true;
    are_there_ = false;
  }

  /// With the direction as it is, from a gradient that was corrected.
  void go_on() {
    const double scaled = scaled_squares();
    if (scalars_.kind == KrylovKind::conjugate) scalars_.beta *= scaled / scalars_.scaled;
    scalars_.squares = descent_.gradient_squares;
    scalars_.scaled = scaled;
    scalars_.state = KrylovScalars::is_finite(scaled) ? KrylovState::running : KrylovState::not_finite;
    begun_ = true;
    are_there_ = false;
  }
  /// g.M^-1 g
  double scaled_squares() {
    if (inverse_.size() > 0) return descent_.sums_of(detail::Scaled<T>{descent_.gradient, inverse_.data()})[0];
    if (m_ == nullptr) return descent_.gradient_squares;
    m_->apply(descent_.executor, descent_.gradient, z_.data(), nullptr);
    descent_.evaluations.hessian_products += m_->products;
    return descent_.sums_of(detail::Dot<T>{descent_.gradient, z_.data()})[0];
  }

  /// Only a polynomial that was given its bounds can be wrong.
  [[noreturn]] void refuse_preconditioner() const {
    std::ostringstream text;
    text
        << "minimize: the preconditioner is not positive definite; expected a largest_eigenvalue that no eigenvalue of "
           "A over its diagonal exceeds, found "
        << descent_.options.largest_eigenvalue;
    throw Error(text.str());
  }

  void choose_steps() {
    if (scalars_.middle > 0) return;  // it begins anew
    if (scalars_.kind == KrylovKind::fixed && descent_.options.step > 0) {
      scalars_.middle = 1 / descent_.options.step;
      return;
    }
    double least = descent_.options.smallest_eigenvalue, most = descent_.options.largest_eigenvalue;
    if (!(least > 0 && most > 0)) {
      const auto found = detail::eigenvalues_along(descent_.executor, a_, m_.get(), vectors(), sums_);
      descent_.evaluations.hessian_products += found.products * (1 + products_of_preconditioner());
      if (!(least > 0)) least = found.smallest;
      if (!(most > 0)) most = 1.05 * found.largest;  // which is found from below
    }
    scalars_.middle = 0.5 * (most + least);
    scalars_.radius = 0.5 * (most - least);
    if (scalars_.kind == KrylovKind::fixed) scalars_.middle = most;
  }

  /// Looking costs a round trip to a GPU, and on CPUs nothing. An even number, after which directions are where they
  /// were before.
  static constexpr std::int64_t most_at_once = 16;
  int iterations_at_once() const {
    if (!descent_.executor.is_cuda()) return 1;
    return static_cast<int>(std::clamp<std::int64_t>(descent_.iterations_unseen, 1, most_at_once));
  }
  void enqueue(int count) {
    const auto all = [&] { detail::iterate(descent_.executor, a_, m_.get(), vectors(), count, sums_); };
    if (count < most_at_once || a_.rows() == nullptr) return all();
    if (p_.data() != replayed_p_) replay_.emplace(descent_.executor);
    replayed_p_ = p_.data();
    replay_->run(all);
  }

  /// What the executor made of them is what it goes on with, unless somebody changed it here.
  void to_executor() {
    are_there_ = are_there_ && scalars_.enough == descent_.enough_squares && scalars_.value == descent_.value;
    if (are_there_) return;
    scalars_.enough = descent_.enough_squares;
    scalars_.value = descent_.value;
    on_executor_.upload({&scalars_, 1});
    are_there_ = true;
  }
  void from_executor() { detail::copy_bytes(descent_.executor, &scalars_, on_executor_.data(), sizeof(scalars_)); }

  /// That of an iteration which was not completed.
  const Array<T>& last_p() const { return other_p_.size() > 0 ? other_p_ : p_; }

  Step bent() {
    const Array<T>& p = last_p();
    const double p_p = descent_.sums_of(detail::Dot<T>{p.data(), p.data()})[1];
    Step step{0, StopReason::negative_curvature};
    step.curvature = scalars_.curvature / p_p;
    const std::vector<T> direction = p.to_host();
    step.direction.assign(direction.begin(), direction.end());
    return step;
  }
  /// A p has a number that is none, and so would the gradient after any step.
  Step not_finite() {
    a_.multiply(descent_.executor, last_p().data(), descent_.gradient, false);
    Step step{0, StopReason::not_finite};
    step.not_finite_component = first_not_finite(descent_.executor, descent_.gradient, descent_.n);
    return step;
  }

  Descent<T>& descent_;
  const detail::SymmetricMatrix<T>& a_;
  Array<T> p_, other_p_, product_, inverse_, z_;
  Array<KrylovScalars> on_executor_;
  detail::Sums sums_;
  KrylovScalars scalars_{};
  detail::MadePreconditioner<T> m_;  // null: the diagonal, or none
  bool begun_ = false, are_there_ = false;
  std::optional<detail::Replay> replay_;
  const T* replayed_p_ = nullptr;  // the direction that the recorded iterations begin with
};

}  // namespace

template <class T>
MadeMethod<T> make_krylov(Descent<T>& descent) {
  return std::make_unique<Krylov<T>>(descent);
}
template MadeMethod<float> make_krylov(Descent<float>&);
template MadeMethod<double> make_krylov(Descent<double>&);

}  // namespace nabla::descent
