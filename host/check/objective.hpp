#pragma once

#include "../displace.hpp"
#include "context.hpp"

#include <nabla/batch.hpp>
#include <nabla/check_objective.hpp>

#include <cmath>
#include <memory>
#include <string>
#include <utility>

namespace nabla::check {

using detail::Direction, detail::ObjectiveCalls, detail::Subset;

/// A number that is claimed, sum over part of g_i u_i, and what differences say about it.
struct Tried {
  Subset part;
  Direction u;
  std::int64_t component = -1;  // where it is about a single one
  bool is_part = false;         // of another that was tried before
  Claim claim{};
  LineDerivative line{};
  bool steadily_off = false;  // whatever the steps: else it may be right
  bool is_off = false;        // steadily, and by more than the bar
  Verdict verdict = Verdict::unresolved;
  double doubt = 0;  // orders them: the more, the worse

  double off() const { return std::fabs(claim.derivative - line.value); }
  /// Worth looking into.
  bool objects() const { return verdict == Verdict::disagree || !line.smooth || (is_part && is_off); }
};

/// Points at equal, tiny steps, for what their differences tell about rounding.
constexpr int nearby = 10;

/// A bound on the rounding errors of a function's values at such points. It is 0 if they are all the same, and NaN if
/// differences of several orders do not speak of the same errors: then the steps are too large.
/// Source: Moré and Wild, Estimating Computational Noise (SIAM J. Sci. Comput. 33, 2011).
double noise_of(std::span<const double> values);
/// The stages that the checks of gradients and of Hessian-vector products share. The vector that is checked is
/// claimed(); how differences are taken is theirs.
template <class T>
class ObjectiveCheck {
 public:
  ObjectiveCheck(const Executor& executor, std::span<const T> x, const ObjectiveCheckOptions& options,
                 const char* name);
  virtual ~ObjectiveCheck() = default;
  ObjectiveCheck(const ObjectiveCheck&) = delete;
  ObjectiveCheck& operator=(const ObjectiveCheck&) = delete;

 protected:
  static constexpr Precision precision = detail::precision_of<T>;

  /// Whether each evaluation tells about every component by itself, so that any number of parts can be tried at once.
  virtual bool tells_components() const = 0;
  /// How many single components are tried anyway.
  virtual std::int64_t singles_at_once() const = 0;
  /// What the claimed vector is called.
  virtual const char* claimed_name() const = 0;
  /// Fills in the lines.
  virtual void differentiate(std::span<Tried> tried, std::span<const double> steps) = 0;
  /// The claimed vector at the k-th of a few points very near x, at x itself for k = 0.
  virtual const T* claimed_nearby(int k) = 0;

  /// Tries the claimed vector, along `directions` of all variables first.
  void examine(int directions);
  CheckReport finish();

  std::span<T> vector(std::unique_ptr<Array<T>>& memory);
  Subset everything() const { return {0, n_}; }
  Direction direction(int number) const;
  /// Tiny steps of three sizes: the k-th of `nearby` points.
  static constexpr int tiny_sizes = 3;
  static double tiny_step(int size, int k) {
    return k * std::ldexp(1.0, sizeof(T) == sizeof(float) ? 4 * size - 20 : 6 * size - 44);
  }
  /// Fills in the line; `noise` is that of the samples.
  void differentiate_samples(Tried& tried, LineSamples samples, double noise) const;

  const Executor& executor_;
  std::span<const T> x_;
  const ObjectiveCheckOptions& options_;
  std::int64_t n_;
  double unit_;  // the size of the variables, a power of two
  CheckReport report_;
  std::unique_ptr<Array<T>> claimed_, displaced_, spare_;

 private:
  void require(const char* name) const;
  void choose_sample();
  Tried single(std::int64_t component, double scale) const;
  std::vector<Tried> some_singles(std::int64_t count) const;
  void try_all(std::span<Tried> tried, std::span<const double> steps);
  void judge_one(Tried& tried) const;
  void allow_for_rounding(std::span<Tried> tried);
  void add_singles(std::vector<Tried> found);
  void retry_closer(std::vector<Tried>& found);
  std::vector<Tried> split(const Tried& whole) const;
  bool all_explained(const Tried& root);

  // objective_report.cpp
  void conclude(std::span<const Tried> wide);
  std::string diagnosis(std::span<const Tried> wide);
  std::string shifted();
  double relative_error_of_singles() const;
  CheckedComponent row(const Tried& tried, double relative_error) const;
  double coordinate(std::int64_t component) const;

  std::vector<double> steps_, coarse_steps_;
  std::vector<std::int64_t> sample_;  // components, in order; empty: all
  std::unique_ptr<Array<std::int64_t>> sample_on_executor_;
  // The Euclidean norm of all components' terms, and the sum of their sizes; of one where components are told apart.
  double norm_ = 0, size_ = 0;

  // Of the vector that is examined:
  std::vector<Tried> singles_;
  bool all_wrong_ = false;   // every single component that was tried at random
  bool incomplete_ = false;  // there may be more wrong ones than were found

  std::vector<std::pair<double, CheckedComponent>> rows_;  // with how doubtful each is
  SlopeHistogram slopes_;
};

extern template class ObjectiveCheck<float>;
extern template class ObjectiveCheck<double>;

}  // namespace nabla::check
