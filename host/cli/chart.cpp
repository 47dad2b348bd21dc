#include "chart.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace nabla::cli {

namespace {

constexpr double width = 860, height = 430;
constexpr double left = 78, right = 18, top = 14, bottom = 52;
constexpr double legend_line = 20;

std::string title(const std::string& says) {
  return says.empty() ? "" : fmt::format("<title>{}</title>", escaped(says));
}

/// Where numbers stand beside an axis: powers of ten or of four, or steps of 1, 2 or 5.
std::vector<double> ticks(const Axis& axis) {
  std::vector<double> at;
  if (axis.logarithmic) {
    for (double tick = std::pow(10, std::ceil(std::log10(axis.low) - 1e-9)); tick <= axis.high * (1 + 1e-9);
         tick *= 10) {
      at.push_back(tick);
    }
    return at;
  }
  const double rough = (axis.high - axis.low) / 6, power = std::pow(10, std::floor(std::log10(rough)));
  const double step = power * (rough / power < 1.5 ? 1 : rough / power < 3.5 ? 2 : rough / power < 7.5 ? 5 : 10);
  for (double k = std::ceil(axis.low / step - 1e-9) + 0.0; k * step <= axis.high * (1 + 1e-9); ++k)
    at.push_back(k * step);
  return at;
}

/// A dot around a place in the picture. Shapes have about the same area.
std::string mark(double x, double y, const Look& look, const std::string& says) {
  constexpr const char* paths[Look::shapes] = {"m-4.5 0 a4.5 4.5 0 1 0 9 0 a4.5 4.5 0 1 0 -9 0z", "m-4 -4 h8 v8 h-8z",
                                               "m0 -5.5 l5.2 9 h-10.4z", "m0 -5.8 l5.8 5.8 l-5.8 5.8 l-5.8 -5.8z"};
  return fmt::format("<path class='dot {}' d='M{:.1f} {:.1f} {}'>{}</path>", look.style, x, y, paths[look.shape],
                     title(says));
}

double part_of(const Axis& axis, double at) {
  const double part = axis.logarithmic ? std::log(at / axis.low) / std::log(axis.high / axis.low)
                                       : (at - axis.low) / (axis.high - axis.low);
  return std::clamp(part, 0.0, 1.0);
}

}  // namespace

std::string escaped(const std::string& text) {
  std::string all;
  for (const char c : text) {
    switch (c) {
      case '&':
        all += "&amp;";
        break;
      case '<':
        all += "&lt;";
        break;
      case '>':
        all += "&gt;";
        break;
      case '"':
        all += "&quot;";
        break;
      default:
        all += c;
    }
  }
  return all;
}

std::string short_number(double number) {
  constexpr const char* units[] = {"", " k", " M", " G", " T", " P"};
  int unit = 0;
  for (; number >= 999.5 && unit < 5; ++unit) number /= 1000;
  return fmt::format("{:.3g}{}", number, units[unit]);
}

Chart::Chart(Axis x, Axis y) : x_(std::move(x)), y_(std::move(y)) { draw_axes(); }

double Chart::across(double x) const { return left + part_of(x_, x) * (width - left - right); }
double Chart::down(double y) const { return height - bottom - part_of(y_, y) * (height - top - bottom); }

void Chart::draw_axes() {
  for (const double x : ticks(x_)) {
    body_ += fmt::format("<path class='grid' d='M{:.1f} {} V{}'/>", across(x), top, height - bottom);
    body_ += fmt::format("<text x='{:.1f}' y='{}' text-anchor='middle'>{}{}</text>", across(x), height - bottom + 18,
                         short_number(x), x_.unit);
  }
  for (const double y : ticks(y_)) {
    body_ += fmt::format("<path class='grid' d='M{} {:.1f} H{}'/>", left, down(y), width - right);
    body_ += fmt::format("<text x='{}' y='{:.1f}' text-anchor='end'>{}{}</text>", left - 7, down(y) + 4,
                         short_number(y), y_.unit);
  }
  body_ += fmt::format("<path class='axis' d='M{} {} V{} H{}'/>", left, top, height - bottom, width - right);
  body_ += fmt::format("<text class='label' x='{}' y='{}' text-anchor='middle'>{}</text>", (left + width - right) / 2,
                       height - bottom + 40, escaped(x_.label));
  body_ += fmt::format("<text class='label' transform='translate(15 {}) rotate(-90)' text-anchor='middle'>{}</text>",
                       (top + height - bottom) / 2, escaped(y_.label));
}

void Chart::line(const std::vector<std::pair<double, double>>& points, const std::string& style,
                 const std::string& says) {
  std::string path;
  for (const auto& [x, y] : points)
    path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : " L", across(x), down(y));
  body_ += fmt::format("<path class='line {}' d='{}'>{}</path>", style, path, title(says));
}

void Chart::dot(double x, double y, const Look& look, const std::string& says) {
  body_ += mark(across(x), down(y), look, says);
}

void Chart::text(double x, double y, const std::string& text, const std::string& style, const char* anchor) {
  body_ += fmt::format("<text class='{}' x='{:.1f}' y='{:.1f}' text-anchor='{}'>{}</text>", style, across(x),
                       down(y) - 7, anchor, escaped(text));
}

template <class Entries, class Draw>
void Chart::name_all(const Entries& entries, Draw draw) {
  constexpr double character = 6.6, sign = 34;
  double x = left;
  if (!entries.empty()) ++legend_lines_;
  for (const auto& [name, look] : entries) {
    const double wide = sign + character * static_cast<double>(name.size());
    if (x + wide > width && x > left) {
      x = left;
      ++legend_lines_;
    }
    const double y = height + legend_line * (legend_lines_ - 1) + 8;
    body_ += draw(x, y, look);
    body_ += fmt::format("<text x='{:.1f}' y='{:.1f}'>{}</text>", x + 24, y + 4, escaped(name));
    x += wide;
  }
}

void Chart::legend(const std::vector<std::pair<std::string, std::string>>& entries) {
  name_all(entries, [](double x, double y, const std::string& style) {
    return fmt::format("<path class='line {}' d='M{:.1f} {:.1f} h18'/>", style, x, y);
  });
}

void Chart::legend(const std::vector<std::pair<std::string, Look>>& entries) {
  name_all(entries, [](double x, double y, const Look& look) { return mark(x + 14, y, look, ""); });
}

std::string Chart::svg() const {
  return fmt::format("<svg viewBox='0 0 {} {}' role='img'>{}</svg>\n", width, height + legend_line * legend_lines_,
                     body_);
}

std::string bars(const std::vector<Bar>& all, double most, const std::string& label) {
  constexpr double each = 22, names = 440, shown = 120;
  const double wide = width - names - shown, tall = each * static_cast<double>(all.size()) + 44;
  const auto across = [&](double value) { return names + std::clamp(value / most, 0.0, 1.0) * wide; };
  std::string body;
  for (const double tick : ticks({"", 0, most})) {
    body += fmt::format("<path class='grid' d='M{:.1f} 4 V{}'/>", across(tick), tall - 40);
    body += fmt::format("<text x='{:.1f}' y='{}' text-anchor='middle'>{:.3g}</text>", across(tick), tall - 24, tick);
  }
  double y = 4;
  for (const Bar& bar : all) {
    body += fmt::format("<text x='{}' y='{}' text-anchor='end'>{}</text>", names - 8, y + 15, escaped(bar.label));
    body += fmt::format("<rect class='bar {}' x='{}' y='{}' width='{:.1f}' height='{}'>{}</rect>", bar.style, names,
                        y + 3, across(bar.value) - names, each - 6, title(bar.label + ": " + bar.shown));
    body +=
        fmt::format("<path class='whisker' d='M{:.1f} {} H{:.1f}'/>", across(bar.low), y + each / 2, across(bar.high));
    body += fmt::format("<text x='{:.1f}' y='{}'>{}</text>", across(std::max(bar.value, bar.high)) + 6, y + 15,
                        escaped(bar.shown));
    y += each;
  }
  body += fmt::format("<path class='ideal' d='M{:.1f} 4 V{}'/>", across(1), tall - 40);
  body += fmt::format("<text class='label' x='{}' y='{}' text-anchor='middle'>{}</text>", names + wide / 2, tall - 6,
                      escaped(label));
  return fmt::format("<svg viewBox='0 0 {} {}' role='img'>{}</svg>\n", width, tall, body);
}

}  // namespace nabla::cli
