#include "diagnosis.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <sstream>

namespace nabla::check {

namespace {

/// Analytic and numeric derivatives of disagreeing points, with what is wrong in them.
class Evidence {
 public:
  Evidence(std::span<const Examined> points, const std::vector<std::string>& variables, double tolerance)
      : points_(points), variables_(variables), close_(10 * tolerance) {
    for (const Examined& point : points_) {
      for (std::size_t entry = 0; entry < point.lines.size(); ++entry) {
        if (point.verdicts[entry] == Verdict::disagree)
          wrong_.insert({point.output_of(entry), point.component_of(entry)});
      }
    }
    for (const auto& [output, component] : wrong_) components_.insert(component);
  }

  const std::set<std::int64_t>& components() const { return components_; }
  bool of_all(std::int64_t n, std::int64_t outputs) const {
    return static_cast<std::int64_t>(wrong_.size()) == n * outputs;
  }

  /// Whether it holds for every wrong entry that is known at all. test(point, entry).
  template <class Test>
  bool every_wrong(Test test) const {
    std::size_t seen = 0;
    for (const Examined& point : points_) {
      for (std::size_t entry = 0; entry < point.lines.size(); ++entry) {
        if (!wrong_.contains({point.output_of(entry), point.component_of(entry)})) continue;
        if (!point.lines[entry].smooth || !std::isfinite(point.lines[entry].error_bar)) continue;
        if (!test(point, entry)) return false;
        ++seen;
      }
    }
    return seen > 0;
  }

  std::span<const Examined> points() const { return points_; }

  /// A number with as many digits as such numbers are good for.
  std::string digits(double number) const {
    std::ostringstream text;
    text.precision(most_digits());
    text << number;
    return text.str();
  }

  /// How close numbers must be to pass for the same.
  double close() const { return close_; }
  /// Whether a number is `factor` times the numeric derivative, as far as that is known.
  bool is_times(double number, double factor, const Examined& point, std::size_t entry) const {
    const double expected = factor * point.lines[entry].value;
    return std::fabs(number - expected) <=
           close_ * std::fabs(expected) + 2 * std::fabs(factor) * point.lines[entry].error_bar;
  }

  /// A factor that is not 1 with enough digits to show that.
  std::string factor_digits(double factor) const {
    const double apart = std::fabs(factor - 1);
    if (!(apart > 0 && apart < 0.5)) return digits(factor);
    const int needed = static_cast<int>(std::ceil(-std::log10(apart))) + 2;
    std::ostringstream text;
    text.precision(std::clamp(needed, most_digits(), 17));
    text << factor;
    return text.str();
  }

  std::string name(std::int64_t component) const {
    const auto place = static_cast<std::size_t>(component);
    return place < variables_.size() ? variables_[place] : std::to_string(component);
  }
  /// "component 3", "components 0, 1 and 2", "components 0, 1, 2 and 7 others".
  std::string names() const {
    std::string text = components_.size() == 1 ? "component " : "components ";
    constexpr std::size_t most = 6;
    std::size_t written = 0;
    for (const std::int64_t component : components_) {
      if (written == most && components_.size() > most + 1) {
        return text + " and " + std::to_string(components_.size() - most) + " others";
      }
      if (written > 0) text += written + 1 == components_.size() ? " and " : ", ";
      text += name(component);
      ++written;
    }
    return text;
  }
  bool one() const { return components_.size() == 1; }

 private:
  int most_digits() const { return close_ > 1e-6 ? 5 : 7; }

  std::span<const Examined> points_;
  const std::vector<std::string>& variables_;
  double close_;
  std::set<std::pair<std::size_t, std::int64_t>> wrong_;
  std::set<std::int64_t> components_;
};

double claim(const Examined& point, std::size_t entry) { return point.claims[entry].derivative; }
double numeric(const Examined& point, std::size_t entry) { return point.lines[entry].value; }

std::string not_a_number(const Evidence& evidence) {
  const bool all = evidence.every_wrong([](const Examined& point, std::size_t entry) {
    return point.verdicts[entry] != Verdict::disagree || !std::isfinite(claim(point, entry));
  });
  if (!all) return "";
  return evidence.names() + (evidence.one() ? " is" : " are") + " not finite where the function is smooth";
}

/// The common factor of all wrong entries, from the one whose derivative is the best known.
std::optional<double> common_factor(const Evidence& evidence) {
  double best = 0;
  std::optional<double> factor;
  evidence.every_wrong([&](const Examined& point, std::size_t entry) {
    const double known = std::fabs(numeric(point, entry)) / (point.lines[entry].error_bar + 1e-300);
    if (known > best) {
      best = known;
      factor = claim(point, entry) / numeric(point, entry);
    }
    return true;
  });
  if (!factor || !evidence.every_wrong([&](const Examined& point, std::size_t entry) {
        return evidence.is_times(claim(point, entry), *factor, point, entry);
      })) {
    return {};
  }
  return factor;
}

std::string factor_or_sign(const Evidence& evidence, bool all) {
  const auto factor = common_factor(evidence);
  if (!factor) return "";
  const std::string what = all ? std::string("the whole gradient") : evidence.names();
  const bool one = all || evidence.one();
  if (*factor == 0) return what + (one ? " is" : " are") + " 0: missing";
  if (std::fabs(*factor + 1) < evidence.close()) return what + (one ? " has" : " have") + " the wrong sign";
  if (std::fabs(*factor - 1) < evidence.close() / 100) return "";
  std::string text =
      what + (one ? " is " : " are ") + evidence.factor_digits(*factor) + " times what the differences say";
  const double inverse = 1 / *factor;
  if (std::fabs(inverse - std::round(inverse)) < evidence.close() * std::fabs(inverse) &&
      std::round(std::fabs(inverse)) > 1 && std::fabs(inverse) < 1e6) {
    text += " (1/" + evidence.digits(std::round(inverse)) + ")";
  }
  return text;
}

/// For each wrong component the other whose derivative it is everywhere.
std::optional<std::vector<std::pair<std::int64_t, std::int64_t>>> permutation(const Evidence& evidence) {
  std::vector<std::pair<std::int64_t, std::int64_t>> found;
  std::set<std::int64_t> taken;
  for (const std::int64_t component : evidence.components()) {
    std::optional<std::int64_t> match;
    for (const std::int64_t other : evidence.points().front().components) {
      if (other == component || taken.contains(other)) continue;
      const bool everywhere = std::ranges::all_of(evidence.points(), [&](const Examined& point) {
        const auto place = std::ranges::find(point.components, component),
                   from = std::ranges::find(point.components, other);
        if (place == point.components.end() || from == point.components.end()) return false;
        const auto k = static_cast<std::size_t>(place - point.components.begin());
        const auto j = static_cast<std::size_t>(from - point.components.begin());
        for (std::size_t entry = 0; entry < point.lines.size(); entry += point.components.size()) {
          if (!evidence.is_times(claim(point, entry + k), 1, point, entry + j)) return false;
        }
        return true;
      });
      if (!everywhere) continue;
      match = other;
      break;
    }
    if (!match) return {};
    taken.insert(*match);
    found.emplace_back(component, *match);
  }
  return found;
}

/// r of an r x c matrix whose transposition is the permutation; 0 if none is.
std::int64_t transposed_rows(const std::vector<std::pair<std::int64_t, std::int64_t>>& pairs, std::int64_t n) {
  for (std::int64_t rows = 2; rows <= n / 2; ++rows) {
    if (n % rows != 0) continue;
    const std::int64_t columns = n / rows;
    const bool is = std::ranges::all_of(
        pairs, [&](const auto& pair) { return pair.second == pair.first % rows * columns + pair.first / rows; });
    // All that a transposition moves must be there: all but the first, the last, and for squares the diagonal.
    const std::int64_t fixed = rows == columns ? rows : 2;
    if (is && static_cast<std::int64_t>(pairs.size()) >= n - fixed) return rows;
  }
  return 0;
}

std::string permuted(const Evidence& evidence, std::int64_t n) {
  const auto pairs = permutation(evidence);
  if (!pairs || pairs->empty()) return "";
  if (pairs->size() == 2 && pairs->front().first == pairs->back().second &&
      pairs->front().second == pairs->back().first) {
    return evidence.names() + " are swapped";
  }
  const std::int64_t shift = pairs->front().second - pairs->front().first;
  if (std::ranges::all_of(*pairs, [&](const auto& pair) { return pair.second - pair.first == shift; })) {
    return evidence.names() + (evidence.one() ? " is" : " are") + " off by " + std::to_string(shift) +
           (evidence.one() ? ": it holds the derivative along variable " + evidence.name(pairs->front().second)
                           : ": each holds the derivative along the variable so many further on");
  }
  if (const std::int64_t rows = transposed_rows(*pairs, n); rows > 0) {
    return "transposed: as if the variables were the transpose of a " + std::to_string(rows) + " x " +
           std::to_string(n / rows) + " matrix";
  }
  std::string text = evidence.names() + " are permuted: they hold the derivatives along";
  for (std::size_t k = 0; k < std::min<std::size_t>(pairs->size(), 8); ++k) {
    text += (k == 0 ? " " : ", ") + evidence.name((*pairs)[k].second);
  }
  return pairs->size() > 8 ? text + ", …" : text;
}

/// A Jacobian whose rows are its columns.
std::string transposed_jacobian(const Evidence& evidence, std::int64_t n, std::int64_t outputs) {
  if (outputs != n || n < 2) return "";
  const bool is = evidence.every_wrong([&](const Examined& point, std::size_t entry) {
    const auto size = static_cast<std::size_t>(n);
    if (point.components.size() != size) return false;
    return evidence.is_times(claim(point, entry), 1, point, entry % size * size + entry / size);
  });
  return is ? "the Jacobian is transposed" : "";
}

/// Factors of their own, the same at all points.
std::string scaled(const Evidence& evidence) {
  if (evidence.points().size() < 2) return "";
  std::string text;
  for (const std::int64_t component : evidence.components()) {
    std::optional<double> factor;
    const bool constant = evidence.every_wrong([&](const Examined& point, std::size_t entry) {
      if (point.component_of(entry) != component) return true;
      const double found = claim(point, entry) / numeric(point, entry);
      if (!factor && std::isfinite(found)) factor = found;
      return factor && evidence.is_times(claim(point, entry), *factor, point, entry);
    });
    if (!constant || !factor) return "";
    if (text.size() < 80)
      text += (text.empty() ? " " : ", ") + evidence.name(component) + " by " + evidence.factor_digits(*factor);
  }
  return "another scaling of the variables: components are multiplied," + text;
}

std::string summed(const Evidence& evidence, std::int64_t n) {
  if (n < 2) return "";
  const bool is = evidence.every_wrong([&](const Examined& point, std::size_t entry) {
    const std::size_t size = point.components.size();
    if (static_cast<std::int64_t>(size) != n) return false;
    double sum = 0, bar = 0, most = 0;
    for (std::size_t k = 0; k < size; ++k) {
      const std::size_t other = entry / size * size + k;
      sum += numeric(point, other);
      bar += point.lines[other].error_bar;
      most = std::fmax(most, std::fabs(numeric(point, other)));
    }
    return std::fabs(claim(point, entry) - sum) <= evidence.close() * most + 2 * bar;
  });
  return is ? "components hold the sum of all derivatives: summed over the wrong axis" : "";
}

std::string shifted_by_constant(const Evidence& evidence) {
  if (evidence.points().size() < 2 || !evidence.one()) return "";
  std::optional<double> difference;
  const bool is = evidence.every_wrong([&](const Examined& point, std::size_t entry) {
    const double found = claim(point, entry) - numeric(point, entry);
    if (!difference) difference = found;
    return std::fabs(found - *difference) <=
           evidence.close() * std::fabs(claim(point, entry)) + 2 * point.lines[entry].error_bar;
  });
  if (!is) return "";
  return evidence.names() + " is off by the same number everywhere, " + evidence.digits(*difference) +
         ": a term is missing or too many";
}

}  // namespace

std::string diagnose(std::span<const Examined> points, std::int64_t n, std::int64_t outputs,
                     const std::vector<std::string>& variables, double tolerance) {
  const Evidence evidence(points, variables, tolerance);
  std::string found = not_a_number(evidence);
  if (found.empty()) found = factor_or_sign(evidence, evidence.of_all(n, outputs) && n > 1);
  if (found.empty()) found = transposed_jacobian(evidence, n, outputs);
  if (found.empty()) found = permuted(evidence, n);
  if (found.empty()) found = summed(evidence, n);
  if (found.empty()) found = scaled(evidence);
  if (found.empty()) found = shifted_by_constant(evidence);
  if (found.empty() && static_cast<std::int64_t>(evidence.components().size()) < n) {
    found = "wrong in " + evidence.names() + " alone";
  }
  return found;
}

}  // namespace nabla::check
