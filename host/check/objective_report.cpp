#include "diagnosis.hpp"
#include "objective.hpp"

#include <algorithm>
#include <sstream>

// What a check of an objective found, in numbers and words.

namespace nabla::check {

namespace {

bool is_known(const Tried& tried) {
  return tried.line.smooth && std::isfinite(tried.line.error_bar) && std::isfinite(tried.claim.derivative);
}

double relative_error(const Tried& wide) {
  if (!is_known(wide) || wide.off() == 0) return 0;
  return wide.off() / (2 * std::fmax(wide.claim.size, wide.line.variation / 2048));
}

template <class Range>
bool any_disagrees(const Range& tried) {
  return std::ranges::find(tried, Verdict::disagree, &Tried::verdict) != std::ranges::end(tried);
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

}  // namespace

template <class T>
double ObjectiveCheck<T>::coordinate(std::int64_t component) const {
  T x = 0;
  detail::copy_bytes(executor_, &x, x_.data() + component, sizeof(T));
  return static_cast<double>(x);
}

template <class T>
CheckedComponent ObjectiveCheck<T>::row(const Tried& tried, double relative_error) const {
  const double scale = tried.u.scale;
  return {0,
          0,
          tried.component,
          tried.component < 0 ? std::vector<double>() : std::vector<double>{coordinate(tried.component)},
          tried.claim.derivative / scale,
          tried.line.value / scale,
          tried.line.error_bar / scale,
          relative_error,
          tried.verdict};
}

template <class T>
double ObjectiveCheck<T>::relative_error_of_singles() const {
  double apart = 0, size = 0;
  for (const Tried& one : singles_) {
    if (!is_known(one)) continue;
    apart = std::hypot(apart, one.off() / one.u.scale);
    size = std::hypot(size, 2 * std::fmax(std::fabs(one.line.value), one.line.variation / 2048) / one.u.scale);
  }
  return apart == 0 ? 0 : apart / size;
}

/// Adds what was found of one vector to the report.
template <class T>
void ObjectiveCheck<T>::conclude(std::span<const Tried> wide) {
  const double of_singles = relative_error_of_singles();
  report_.max_relative_error = std::fmax(report_.max_relative_error, of_singles);
  report_.components_examined += std::ssize(singles_);
  for (const Tried& one : wide) {
    report_.max_relative_error = std::fmax(report_.max_relative_error, relative_error(one));
    if (one.part.size() != n_ || !one.line.smooth) continue;
    report_.linear += one.line.linear ? 1 : 0;
    report_.quadratic += one.line.quadratic ? 1 : 0;
    if (!one.line.linear && !one.line.quadratic) slopes_.add(one.line.slope);
  }
  Verdict worst = Verdict::agree;
  for (const Tried& one : singles_) {
    worst = std::max(worst, one.verdict);
    rows_.emplace_back(one.doubt, row(one, of_singles));
  }
  for (const Tried& one : wide) {  // what no single component tells
    if (one.verdict > worst) rows_.emplace_back(one.doubt, row(one, relative_error(one)));
  }
  const auto add = [&](const Tried& one) {
    report_.disagreeing |= one.verdict == Verdict::disagree ? 1 : 0;
    report_.unresolved |= one.verdict == Verdict::unresolved || !one.line.smooth ? 1 : 0;
    if (one.line.smooth) return;
    report_.nonsmooth_points = 1;
    if (std::ssize(report_.nonsmooth) >= options_.worst) return;
    report_.nonsmooth.push_back({0, one.component, one.line.left / one.u.scale, one.line.right / one.u.scale});
  };
  std::ranges::for_each(singles_, add);
  std::ranges::for_each(wide, add);
  if (report_.diagnosis.empty() && report_.disagreeing > 0) report_.diagnosis = diagnosis(wide);
}

/// In words, of the single components that are wrong.
template <class T>
std::string ObjectiveCheck<T>::diagnosis(std::span<const Tried> wide) {
  if (!any_disagrees(singles_)) {
    double most = 0;
    for (const Tried& one : wide) most = std::fmax(most, relative_error(one));
    std::ostringstream text;
    text.precision(2);
    text << "off by about " << most
         << " of its size along random directions, in no component that could be singled out";
    return text.str();
  }
  std::ranges::sort(singles_, {}, &Tried::component);
  Examined point{};
  const Tried* first = nullptr;
  std::ptrdiff_t wrong = 0;
  for (const Tried& one : singles_) {
    point.components.push_back(one.component);
    point.claims.push_back(one.claim);
    point.lines.push_back(one.line);
    point.verdicts.push_back(one.verdict);
    if (one.verdict != Verdict::disagree) continue;
    if (first == nullptr) first = &one;
    ++wrong;
  }
  const double factor = first->claim.derivative / first->line.value;
  const bool plain = std::fabs(factor + 1) < 1e-3 || factor == 0 || !std::isfinite(first->claim.derivative);
  const std::int64_t n = all_wrong_ ? std::ssize(singles_) : n_;
  std::string text = diagnose({&point, 1}, n, 1, {}, report_.tolerance);
  if (!plain && (wrong == 1 || text.empty() || text.starts_with("wrong in"))) {
    std::string moved = shifted();
    if (!moved.empty()) return moved;
  }
  if (incomplete_ || all_wrong_) text = replaced(text, " alone", ", and perhaps in others");
  return replaced(text, "the whole gradient", claimed_name());
}

/// Whether wrong components hold what belongs to a neighbour.
template <class T>
std::string ObjectiveCheck<T>::shifted() {
  constexpr std::size_t enough = 3;
  std::vector<Tried> wrong;
  std::ranges::copy_if(singles_, std::back_inserter(wrong),
                       [](const Tried& one) { return one.verdict == Verdict::disagree; });
  const bool one = wrong.size() == 1;
  if (wrong.size() > enough) wrong.resize(enough);
  for (const std::int64_t shift : {-1, 1}) {
    std::vector<Tried> others, owners;
    for (const Tried& mine : wrong) {
      const std::int64_t other = mine.component + shift;
      if (other < 0 || other >= n_) continue;
      others.push_back(single(other, unit_));
      owners.push_back(mine);
    }
    if (others.empty()) continue;
    try_all(others, steps_);
    const auto holds = [&](const Tried& mine, const Tried& other) {
      const double held = mine.claim.derivative / mine.u.scale, value = other.line.value / unit_;
      return held != 0 &&
             std::fabs(held - value) <= 10 * report_.tolerance * std::fabs(value) + 2 * other.line.error_bar / unit_;
    };
    if (!std::ranges::equal(owners, others, holds)) continue;
    const std::string neighbour = shift < 0 ? "before" : "after";
    if (!one) return "components hold what belongs to the variable " + neighbour + " their own: off by one";
    return "component " + std::to_string(wrong.front().component) + " holds what belongs to variable " +
           std::to_string(wrong.front().component + shift) + ", the one " + neighbour;
  }
  return "";
}

template <class T>
CheckReport ObjectiveCheck<T>::finish() {
  CheckReport& report = report_;
  std::ranges::stable_sort(rows_, [](const auto& a, const auto& b) { return a.first > b.first; });
  const auto most = static_cast<std::size_t>(options_.worst);
  if (rows_.size() > most) rows_.erase(rows_.begin() + static_cast<std::ptrdiff_t>(most), rows_.end());
  for (auto& [doubt, made] : rows_) report.worst.push_back(std::move(made));
  report.median_slope = slopes_.median();
  report.points_not_finite = 1 - report.points_checked;
  report.points_examined = report.components_examined > 0 ? 1 : 0;
  if (report.disagreeing > 0) {
    report.unresolved = 0;
    report.verdict = Verdict::disagree;
  } else {
    report.verdict = report.unresolved > 0 || report.points_checked == 0 ? Verdict::unresolved : Verdict::agree;
  }
  return std::move(report);
}

template class ObjectiveCheck<float>;
template class ObjectiveCheck<double>;

}  // namespace nabla::check
