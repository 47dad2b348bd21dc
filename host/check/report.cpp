#include <nabla/check_report.hpp>

#include <algorithm>
#include <cmath>
#include <sstream>

// A report in words.

namespace nabla {

namespace {

class Description {
 public:
  Description(const CheckReport& report, const std::vector<std::string>& variables)
      : report_(report), variables_(variables) {
    const auto is_further = [](const auto& found) { return found.output > 0; };
    several_outputs_ =
        std::ranges::any_of(report.worst, is_further) || std::ranges::any_of(report.nonsmooth, is_further);
    text_.precision(10);
  }

  std::string text() {
    verdict();
    if (!report_.diagnosis.empty()) text_ << "  " << report_.diagnosis << "\n";
    for (const CheckedComponent& row : report_.worst) {
      if (row.verdict != Verdict::agree) doubted(row);
    }
    for (const NonsmoothPlace& place : report_.nonsmooth) not_smooth(place);
    if (!(report_.spread == 0)) {
      text_ << "  the same gradient, evaluated twice, differs by up to " << report_.spread << "\n";
    }
    return text_.str();
  }

 private:
  void verdict() {
    text_ << name_of(report_.verdict) << ": of " << report_.points_checked
          << (report_.points_checked == 1 ? " point " : " points ") << report_.disagreeing << " disagree, "
          << report_.unresolved << " can't be resolved; tolerance " << report_.tolerance << "\n";
    if (report_.not_examined > 0) text_ << "  " << report_.not_examined << " more are doubted, and not examined\n";
    if (report_.points_not_finite > 0) {
      text_ << "  f is not finite at ";
      if (report_.points_checked == 0) {
        text_ << "any point\n";
      } else {
        text_ << report_.points_not_finite
              << (report_.points_not_finite == 1 ? " point, which is left out\n" : " points, which are left out\n");
      }
    } else if (report_.points_checked == 0) {
      text_ << "  there are no points\n";
    }
  }

  void doubted(const CheckedComponent& row) {
    text_ << "  point " << row.point;
    output(row.output);
    text_ << ", " << direction(row.component);
    coordinates(row.x);
    text_ << ": " << number(row.analytic) << ", differences say " << number(row.numeric) << " +- "
          << number(row.error_bar) << " (" << name_of(row.verdict) << ")\n";
  }

  void not_smooth(const NonsmoothPlace& place) {
    text_ << "  not smooth at point " << place.point;
    output(place.output);
    text_ << " along " << direction(place.component) << ": " << number(place.left) << " on one side, "
          << number(place.right) << " on the other\n";
  }

  void output(std::int64_t output) {
    if (several_outputs_) text_ << ", output " << output;
  }

  /// A row of an objective has the coordinate of its own component only.
  void coordinates(const std::vector<double>& x) {
    if (x.empty()) return;
    text_ << " at ";
    if (x.size() > 1) text_ << "(";
    for (std::size_t i = 0; i < x.size(); ++i) text_ << (i == 0 ? "" : ", ") << number(x[i]);
    if (x.size() > 1) text_ << ")";
  }

  std::string direction(std::int64_t component) const {
    if (component < 0) return "a random direction";
    const auto place = static_cast<std::size_t>(component);
    return "component " + (place < variables_.size() ? variables_[place] : std::to_string(component));
  }

  /// NaN without the sign that it may have, which means nothing.
  static double number(double number) { return std::isnan(number) ? std::fabs(number) : number; }

  const CheckReport& report_;
  const std::vector<std::string>& variables_;
  bool several_outputs_ = false;
  std::ostringstream text_;
};

}  // namespace

std::string describe(const CheckReport& report, const std::vector<std::string>& variables) {
  return Description(report, variables).text();
}

}  // namespace nabla
