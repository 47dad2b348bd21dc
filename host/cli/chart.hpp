#pragma once

#include <string>
#include <utility>
#include <vector>

// Charts as SVG to stand in a page. Colours come from the page's style: classes c0, c1, ... stroke and fill, `axis`,
// `grid`, `ideal`.

namespace nabla::cli {

struct Axis {
  std::string label;
  double low = 0, high = 1;
  bool logarithmic = false;
  std::string unit = {};  // of the ticks' numbers
};

/// Text as it may stand in a page.
std::string escaped(const std::string& text);
/// 1.23 G for 1.23e9.
std::string short_number(double number);

/// How a dot looks: a style, and one of the shapes, so that more than there are colours can be told apart.
struct Look {
  static constexpr int shapes = 4;  // a circle, a square, a triangle, a diamond
  std::string style;
  int shape = 0;

  bool operator==(const Look&) const = default;
};

/// A chart with two axes. Whatever is drawn may say more of itself when pointed at.
class Chart {
 public:
  Chart(Axis x, Axis y);

  void line(const std::vector<std::pair<double, double>>& points, const std::string& style, const std::string& says);
  void dot(double x, double y, const Look& look, const std::string& says);
  void text(double x, double y, const std::string& text, const std::string& style, const char* anchor = "start");
  /// Names of lines' styles, or of dots' looks, below the chart.
  void legend(const std::vector<std::pair<std::string, std::string>>& entries);
  void legend(const std::vector<std::pair<std::string, Look>>& entries);
  std::string svg() const;

 private:
  double across(double x) const;
  double down(double y) const;
  void draw_axes();
  /// Calls draw(x, y) with the place for a sign of each name.
  template <class Entries, class Draw>
  void name_all(const Entries& entries, Draw draw);

  Axis x_, y_;
  std::string body_;
  int legend_lines_ = 0;
};

struct Bar {
  std::string label;
  double value = 0, low = 0, high = 0;  // a whisker from low to high
  std::string shown;                    // beside the bar
  std::string style;
};
/// Horizontal bars, one below the other; a mark where each would be 1.
std::string bars(const std::vector<Bar>& all, double most, const std::string& label);

}  // namespace nabla::cli
