#include "objective.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace nabla::check {

namespace {

/// Lines that a search may take once it has found a component. Each takes dozens of values.
std::size_t most_lines(std::int64_t n) {
  constexpr std::int64_t least = 64, most = 256, numbers = std::int64_t{1} << 29;
  return static_cast<std::size_t>(std::clamp(numbers / n, least, most));
}
/// Directions of the sample alone, and the number of their first.
constexpr int sample_directions = 2, first_of_sample = 64;
/// Steps t such that t u has few enough bits that x + t u is rounded no more than x was, for |x| <= the unit.
std::vector<double> direction_steps(const Precision& precision) {
  const double quantum = 16 * precision.epsilon;
  std::vector<double> steps = line_steps(1, precision);
  for (double& step : steps) step = std::round(step / quantum) * quantum;
  return steps;
}

/// What a sum of n terms, each rounded on its own, is off by is not n times, but sqrt(n) times what one is.
void count_terms(LineDerivative& line, std::int64_t terms) {
  const double less = 1 / std::sqrt(static_cast<double>(terms));
  line.variation *= less;
  line.steepness *= less;
  line.level *= less;
}

/// Whether difference quotients say steadily, at the smallest steps that are not drowned in noise, how far the claim is
/// off: as they are, or with the error that is quadratic in the step extrapolated away. The errors of a wrong claim
/// stay what they are as steps shrink. But a sum of many terms may have a kink at every step; then no extrapolation is
/// right, and the errors of a right claim change from step to step, or are suddenly gone.
bool is_steadily_off(const LineSamples& samples, double noise) {
  constexpr double seen = 8, gone = 4 * seen, alike = 1.5;
  constexpr std::size_t in_a_row = 5;
  if (!std::isfinite(samples.claim)) return true;
  const double floor = std::fmax(noise, samples.precision.epsilon * std::fabs(samples.centre));
  const auto quotient = [&](std::size_t k) {
    return (samples.forward[k] - samples.backward[k]) / (2 * samples.steps[k]);
  };
  const auto error = [&](std::size_t k) { return std::fabs(quotient(k) - samples.claim); };
  const auto extrapolated_error = [&](std::size_t k) {
    const double ratio = samples.steps[k - 1] / samples.steps[k];
    return std::fabs(quotient(k) + (quotient(k) - quotient(k - 1)) / (ratio * ratio - 1) - samples.claim);
  };
  const auto steady = [&](const auto& error_at) {
    const auto in_noise = [&](std::size_t k) { return error_at(k) * samples.steps[k] / floor; };
    std::size_t end = samples.steps.size();
    while (end > 1 && !(in_noise(end - 1) > seen)) --end;
    if (end <= in_a_row || (end < samples.steps.size() && in_noise(end - 1) > gone)) return false;
    const double last = error_at(end - 1);
    for (std::size_t k = end - in_a_row; k < end; ++k) {
      if (!(error_at(k) <= alike * last && error_at(k) >= last / alike)) return false;
    }
    return true;
  };
  return steady(error) || steady(extrapolated_error);
}

/// Whether the smallest steps do not change a sum at all because its last digit is large, and not because its terms
/// come in stairs: then the first change that is seen is one of few digits.
bool is_only_large(const LineSamples& samples) {
  constexpr double few = 16;  // steps may shrink to a third, and changes with their squares
  const double digit = samples.precision.epsilon * std::fabs(samples.centre);
  for (std::size_t k = samples.steps.size(); k-- > 0;) {
    const double change =
        std::fmax(std::fabs(samples.forward[k] - samples.centre), std::fabs(samples.backward[k] - samples.centre));
    if (change != 0) return change <= few * digit;
  }
  return false;
}

}  // namespace

double noise_of(std::span<const double> values) {
  constexpr double safety = 3, alike = 4;
  std::vector<double> differences(values.begin(), values.end());
  double least = std::numeric_limits<double>::infinity(), most = 0, weights = 1;
  for (int order = 1; order <= 5; ++order) {
    for (std::size_t k = 0; k + 1 < differences.size(); ++k) differences[k] = differences[k + 1] - differences[k];
    differences.pop_back();
    weights *= 2 * (2 * order - 1) / static_cast<double>(order);  // the sum of squared binomial coefficients
    if (order < 3) continue;
    double squares = 0;
    for (const double difference : differences) squares += difference * difference;
    const double noise = std::sqrt(squares / (weights * static_cast<double>(differences.size())));
    least = std::fmin(least, noise);
    most = std::fmax(most, noise);
  }
  return most <= alike * least ? safety * most : std::numeric_limits<double>::quiet_NaN();
}

template <class T>
ObjectiveCheck<T>::ObjectiveCheck(const Executor& executor, std::span<const T> x, const ObjectiveCheckOptions& options,
                                  const char* name)
    : executor_(executor), x_(x), options_(options), n_(static_cast<std::int64_t>(x.size())) {
  require(name);
  const double size = options.scale > 0 ? options.scale : detail::largest<T>(executor, x.data(), nullptr, n_);
  unit_ = size > 0 ? std::exp2(std::clamp(std::ceil(std::log2(size)), -900.0, 900.0)) : 1;
  report_.tolerance = options.tolerance > 0 ? options.tolerance : precision.epsilon < 1e-10 ? 1e-8 : 1e-4;
  steps_ = direction_steps(precision);
  const std::size_t every = sizeof(T) == sizeof(float) ? 1 : 2;
  for (std::size_t k = 0; k < steps_.size(); k += every) coarse_steps_.push_back(steps_[k]);
  choose_sample();
}

template <class T>
void ObjectiveCheck<T>::require(const char* name) const {
  detail::require_points<T>(executor_, name, {x_.data(), 1, n_, n_, 1});
  const auto refuse = [&](const std::string& what) { throw ShapeError(std::string(name) + ": " + what); };
  constexpr std::int64_t most_coordinates = 1'000'000;
  if (options_.directions < 1 || options_.directions > 64) {
    refuse("between 1 and 64 directions, found " + std::to_string(options_.directions));
  }
  if (options_.coordinates < 1 || options_.coordinates > most_coordinates) {
    refuse("between 1 and " + std::to_string(most_coordinates) + " coordinates, found " +
           std::to_string(options_.coordinates));
  }
  if (!(options_.tolerance >= 0) || std::isinf(options_.tolerance)) {
    refuse("the tolerance must be positive, or 0 for the precision's own, found " + std::to_string(options_.tolerance));
  }
  if (!(options_.scale >= 0) || std::isinf(options_.scale)) {
    refuse("the scale must be positive, or 0 for the largest variable's, found " + std::to_string(options_.scale));
  }
  if (options_.worst < 0) refuse("0 or more rows of the worst, found " + std::to_string(options_.worst));
}

/// One variable, at random, of each of as many equal parts.
template <class T>
void ObjectiveCheck<T>::choose_sample() {
  const std::int64_t count = options_.coordinates;
  if (count >= n_) return;
  for (std::int64_t k = 0; k < count; ++k) {
    const std::int64_t first = n_ / count * k + n_ % count * k / count;
    const std::int64_t next = n_ / count * (k + 1) + n_ % count * (k + 1) / count;
    const std::uint64_t random = Direction{options_.seed ^ 0x5a, 1}.hash(k * Direction::group);
    sample_.push_back(first + static_cast<std::int64_t>(random % static_cast<std::uint64_t>(next - first)));
  }
  sample_on_executor_ = std::make_unique<Array<std::int64_t>>(executor_, count);
  sample_on_executor_->upload(sample_);
}

template <class T>
std::span<T> ObjectiveCheck<T>::vector(std::unique_ptr<Array<T>>& memory) {
  if (!memory) memory = std::make_unique<Array<T>>(executor_, n_);
  return {memory->data(), x_.size()};
}

template <class T>
Direction ObjectiveCheck<T>::direction(int number) const {
  return {Direction::mixed(options_.seed * 0x9e3779b97f4a7c15u + static_cast<std::uint64_t>(number)), unit_};
}

template <class T>
Tried ObjectiveCheck<T>::single(std::int64_t component, double scale) const {
  return {{component, component + 1}, {0, scale, false}, component};
}

/// Distinct ones, of the sample.
template <class T>
std::vector<Tried> ObjectiveCheck<T>::some_singles(std::int64_t count) const {
  const std::int64_t choice = sample_.empty() ? n_ : options_.coordinates;
  const std::int64_t some = std::clamp<std::int64_t>(count, 1, choice);
  std::vector<Tried> found;
  for (std::int64_t k = 0; k < some; ++k) {
    const std::int64_t place = choice / some * k + choice % some * k / some;
    found.push_back(single(sample_.empty() ? place : sample_[static_cast<std::size_t>(place)], unit_));
  }
  return found;
}

/// In f32, values that are no floats are sums in f64 of terms in f32, which are rounded like the part that changes.
template <class T>
void ObjectiveCheck<T>::differentiate_samples(Tried& tried, LineSamples samples, double noise) const {
  if (sizeof(T) == sizeof(float)) {
    bool floats = true;
    double change = 0;
    const auto look_at = [&](double value) {
      if (!std::isfinite(value)) return;
      floats = floats && static_cast<double>(static_cast<float>(value)) == value;
      change = std::fmax(change, std::fabs(value - samples.centre));
    };
    look_at(samples.centre);
    std::ranges::for_each(samples.forward, look_at);
    std::ranges::for_each(samples.backward, look_at);
    samples.precision = floats ? precision : detail::precision_of<double>;
    noise = std::fmax(noise, precision.epsilon / 2 * change / std::sqrt(static_cast<double>(tried.part.size())));
  } else {
    samples.precision = precision;
  }
  samples.claim = tried.claim.derivative;
  samples.precision.smallest = std::fmax(samples.precision.smallest, noise);
  LineDerivative& line = tried.line = check::differentiate(samples);
  if (is_only_large(samples)) line.least_beyond = line.most_beyond = 0;
  tried.steadily_off = is_steadily_off(samples, noise);
}

template <class T>
void ObjectiveCheck<T>::judge_one(Tried& tried) const {
  tried.verdict = judge(tried.claim, tried.line, report_.tolerance, precision);
  if (tried.verdict == Verdict::disagree && !tried.steadily_off) tried.verdict = Verdict::unresolved;
  const double slack = allowed(tried.claim, tried.line, report_.tolerance, precision) + tried.line.error_bar;
  double excess = tried.off() == 0 ? 0 : tried.off() / slack;
  if (!(excess < 1e9)) excess = 1e9;
  tried.is_off = tried.steadily_off && excess > 1;
  tried.doubt = 1e10 * static_cast<double>(tried.verdict) + excess;
}

/// Wrong is what is off by more than the tolerance times the Euclidean norm of its terms. But bars as narrow as that
/// are not asked for: the values' rounding grows with their number, that norm with its root.
template <class T>
void ObjectiveCheck<T>::try_all(std::span<Tried> tried, std::span<const double> steps) {
  for (Tried& one : tried) {
    const detail::Weighed terms = detail::weigh<T>(executor_, claimed_->data(), one.u, one.part);
    const double background = one.component >= 0 ? norm_ : std::sqrt(norm_ * size_);
    constexpr double units = 8;
    one.claim = {terms.sum, std::sqrt(terms.squares), background,
                 units * detail::precision_of<double>.epsilon * terms.size};
  }
  differentiate(tried, steps);
  for (Tried& one : tried) {
    count_terms(one.line, one.part.size());
    judge_one(one);
  }
}

/// What seems wrong may be but badly rounded: third differences of the claim over tiny steps tell, as for components of
/// small functions (components.cpp).
template <class T>
void ObjectiveCheck<T>::allow_for_rounding(std::span<Tried> tried) {
  if (std::ranges::find(tried, Verdict::disagree, &Tried::verdict) == tried.end()) return;
  constexpr double enough = 16;
  std::vector<std::vector<double>> sums(tried.size());
  for (int k = nearby - 1; k >= 0; --k) {
    const T* const claimed = claimed_nearby(k);
    for (std::size_t j = 0; j < tried.size(); ++j) {
      if (tried[j].verdict != Verdict::disagree) continue;
      sums[j].push_back(detail::weigh<T>(executor_, claimed, tried[j].u, tried[j].part).sum);
    }
  }
  for (std::size_t j = 0; j < tried.size(); ++j) {
    const std::vector<double>& at = sums[j];
    double rounding = 0;
    for (std::size_t k = 0; k + 3 < at.size(); ++k) {
      rounding = std::fmax(rounding, std::fabs(at[k] - 3 * at[k + 1] + 3 * at[k + 2] - at[k + 3]) / 4);
    }
    tried[j].claim.allowance += enough * rounding;
    judge_one(tried[j]);
  }
}

template <class T>
void ObjectiveCheck<T>::examine(int directions) {
  singles_.clear();
  incomplete_ = false;
  const detail::Weighed all = detail::weigh<T>(executor_, claimed_->data(), direction(0), everything());
  norm_ = std::sqrt(all.squares);
  size_ = all.size;
  if (tells_components()) norm_ = size_ = norm_ / std::sqrt(static_cast<double>(n_));
  std::vector<Tried> tried;
  tried.reserve(static_cast<std::size_t>(directions) + sample_directions);
  for (int k = 0; k < directions; ++k) tried.push_back({everything(), direction(k)});
  for (int k = 0; k < sample_directions && sample_on_executor_; ++k) {
    tried.push_back({{0, sample_on_executor_->size(), sample_on_executor_->data()}, direction(first_of_sample + k)});
  }
  const auto wide = static_cast<std::ptrdiff_t>(tried.size());
  std::ranges::copy(some_singles(singles_at_once()), std::back_inserter(tried));
  try_all(tried, steps_);
  allow_for_rounding(tried);
  std::vector<Tried> singles(tried.begin() + wide, tried.end());
  tried.resize(static_cast<std::size_t>(wide));
  const auto wrong = std::ranges::count(singles, Verdict::disagree, &Tried::verdict);
  all_wrong_ = wrong == std::ssize(singles) && (wrong > 1 || n_ == 1);
  add_singles(std::move(singles));

  const auto smooth = [](const Tried& one) { return one.line.smooth; };
  // The sample first: its parts are known to be apart.
  std::ranges::sort(tried, [](const Tried& a, const Tried& b) { return a.doubt > b.doubt; });
  for (const bool of_sample : {true, false}) {
    const auto of_kind = [&](const Tried& one) { return (one.part.indices != nullptr) == of_sample && one.objects(); };
    const auto root = std::ranges::find_if(tried, of_kind);
    if (root == tried.end() || all_wrong_) continue;
    const auto wrong_kind = [&](const Tried& one) { return of_kind(one) && one.verdict == Verdict::disagree; };
    const bool explained = all_explained(*root);
    const bool found = std::ranges::find(singles_, Verdict::disagree, &Tried::verdict) != singles_.end();
    const auto directions_of_kind = of_sample ? sample_directions : directions;
    const bool kinks = !std::ranges::all_of(tried, smooth) || !std::ranges::all_of(singles_, smooth);
    const bool by_chance = !found && (kinks || 2 * std::ranges::count_if(tried, wrong_kind) < directions_of_kind);
    for (Tried& one : tried) {
      if (wrong_kind(one) && (explained || by_chance)) one.verdict = Verdict::unresolved;
    }
  }
  conclude(tried);
}

template <class T>
void ObjectiveCheck<T>::add_singles(std::vector<Tried> found) {
  retry_closer(found);
  for (Tried& one : found) singles_.push_back(std::move(one));
}

/// Variables that are much smaller or larger than the others may need steps of their own size.
template <class T>
void ObjectiveCheck<T>::retry_closer(std::vector<Tried>& found) {
  if (tells_components()) return;  // there it is not this variable that steps are taken along
  for (Tried& one : found) {
    const double x = std::fabs(coordinate(one.component));
    const bool other_size = x > 0 && (x < unit_ / 1024 || x > unit_ * 1024) && std::isfinite(x);
    if (one.verdict == Verdict::agree || !other_size) continue;
    constexpr double steps_within = 8;  // else they may all reach beyond what there is to see
    if (x < steps_within * steps_.back() * unit_) one.verdict = Verdict::unresolved;
    Tried closer = single(one.component, std::exp2(std::ceil(std::log2(x))));
    try_all({&closer, 1}, steps_);
    const double bar = closer.line.error_bar / closer.u.scale;
    const bool explains = closer.verdict != Verdict::disagree && bar < one.off() / one.u.scale;
    if (explains || bar < one.line.error_bar / one.u.scale) one = closer;
  }
}

template <class T>
std::vector<Tried> ObjectiveCheck<T>::split(const Tried& whole) const {
  const std::int64_t size = whole.part.size(), parts = std::min<std::int64_t>(tells_components() ? 64 : 2, size);
  std::vector<Tried> found;
  for (std::int64_t k = 0; k < parts; ++k) {
    Subset part = whole.part;
    part.first += size / parts * k + size % parts * k / parts;
    part.last = whole.part.first + size / parts * (k + 1) + size % parts * (k + 1) / parts;
    found.push_back({part, whole.u, -1, true});
  }
  return found;
}

/// Follows what objects into its parts, the worst first, down to single components. Returns whether it came down to
/// some, and none of them is wrong if it is looked at more closely.
template <class T>
bool ObjectiveCheck<T>::all_explained(const Tried& root) {
  const auto most = static_cast<std::size_t>(std::max<std::int64_t>(options_.worst, 1));
  std::vector<Tried> suspects{root};
  std::size_t lines = 0, found = 0, reached = 0;
  const std::size_t enough = most_lines(n_);
  while (!suspects.empty() && found < most && lines < (found == 0 ? 2 : 1) * enough) {
    const Tried suspect = suspects.back();
    suspects.pop_back();
    if (suspect.part.size() == 1) {
      const std::int64_t component =
          suspect.part.indices != nullptr ? sample_[static_cast<std::size_t>(suspect.part.first)] : suspect.part.first;
      ++reached;
      if (std::ranges::find(singles_, component, &Tried::component) == singles_.end()) {
        std::vector<Tried> one{single(component, unit_)};
        try_all(one, steps_);
        allow_for_rounding(one);
        add_singles(std::move(one));
      }
      if (std::ranges::find(singles_, component, &Tried::component)->objects()) ++found;
      continue;
    }
    std::vector<Tried> parts = split(suspect);
    try_all(parts, coarse_steps_);
    lines += std::min<std::size_t>(parts.size(), 16);
    std::erase_if(parts, [](const Tried& part) { return !part.objects(); });
    std::ranges::sort(parts, {}, &Tried::doubt);
    for (Tried& part : parts) suspects.push_back(std::move(part));
  }
  incomplete_ = incomplete_ || !suspects.empty();
  return reached > 0 && found == 0;
}

template class ObjectiveCheck<float>;
template class ObjectiveCheck<double>;

}  // namespace nabla::check
