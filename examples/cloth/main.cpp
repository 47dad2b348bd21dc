// A cloth of knots and springs hangs from its upper edge, or from two corners: one function of millions of variables,
// the energy, is the sum of a small one for each spring, weight and pin. nabla differentiates those and minimises the
// sum.
//     cloth [--size N] [--hangs-by edge|corners] [--out knots.npy]

#include <nabla/element_sum.hpp>
#include <nabla/minimize.hpp>
#include <nabla/npy.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

namespace {

// Each number of x is a coordinate: knot (i, j) of N * N has x[3 (j N + i)] and the two after it. The unit of length is
// a spring at rest, that of force what stretches a spring to twice its length.
constexpr double weight_of_cloth = 0.4;  // of a column of knots

double force_on_knot(std::int64_t size) { return weight_of_cloth / static_cast<double>(size); }

/// Between two knots.
struct Spring {
  static constexpr int variables = 6;
  template <class X>
  constexpr auto operator()(const X& x) const {
    using nabla::sqrt;
    const auto dx = x[0] - x[3], dy = x[1] - x[4], dz = x[2] - x[5];
    const auto stretch = sqrt(dx * dx + dy * dy + dz * dz) - 1;
    return 0.5 * stretch * stretch;
  }
};

/// Of one knot, by its height.
struct Weight {
  double force;
  static constexpr int variables = 1;
  template <class X>
  constexpr auto operator()(const X& x) const {
    return force * x[0];
  }
};

/// Holds a knot at a place, its data.
struct Pin {
  static constexpr int variables = 3, data = 3;
  template <class X, class D>
  constexpr auto operator()(const X& x, const D& place) const {
    typename X::value_type squares = 0;
    for (int k = 0; k < 3; ++k) squares += (x[k] - place[k]) * (x[k] - place[k]);
    return 50 * squares;
  }
};

struct Options {
  std::int64_t size = 578;  // a million variables
  bool by_corners = false;
  std::string out;
};

[[noreturn]] void refuse(const std::string& what) {
  std::cerr << "cloth: " << what << '\n';
  std::exit(2);
}

Options options_from(int count, char** arguments) {
  Options options;
  for (int k = 1; k < count; k += 2) {
    const std::string name = arguments[k];
    if (k + 1 == count) refuse(name + " needs a value");
    const std::string value = arguments[k + 1];
    if (name == "--size") {
      options.size = std::atoll(value.c_str());
      if (options.size < 2 || options.size > 20'000) refuse("--size must be from 2 to 20000, found " + value);
    } else if (name == "--hangs-by") {
      if (value != "edge" && value != "corners") refuse("--hangs-by must be edge or corners, found " + value);
      options.by_corners = value == "corners";
    } else if (name == "--out") {
      options.out = value;
    } else {
      refuse("unknown option " + name + "; there are --size, --hangs-by and --out");
    }
  }
  return options;
}

/// The cloth upright, its springs at rest, a little out of its plane so that it can fall to one side.
std::vector<double> upright(std::int64_t size) {
  std::vector<double> x;
  for (std::int64_t j = 0; j < size; ++j) {
    for (std::int64_t i = 0; i < size; ++i) {
      const auto across = static_cast<double>(i), down = static_cast<double>(j);
      x.insert(x.end(), {across, 1e-3 * std::sin(across) * down, -down});
    }
  }
  return x;
}

/// The same cloth with other knots: lengths grow with their number.
std::vector<double> refined(const std::vector<double>& coarse, std::int64_t from, std::int64_t to) {
  const double scale = static_cast<double>(to - 1) / static_cast<double>(from - 1);
  const auto place = [&](std::int64_t k, double& rest) {
    const double at = static_cast<double>(k) / scale;
    const std::int64_t whole = std::min(static_cast<std::int64_t>(at), from - 2);
    rest = at - static_cast<double>(whole);
    return whole;
  };
  std::vector<double> x;
  for (std::int64_t j = 0; j < to; ++j) {
    for (std::int64_t i = 0; i < to; ++i) {
      double s = 0, t = 0;
      const std::int64_t column = place(i, s), line = place(j, t);
      const auto at = [&](std::int64_t c, std::int64_t l, std::int64_t k) {
        return coarse[static_cast<std::size_t>(3 * (l * from + c) + k)];
      };
      for (std::int64_t k = 0; k < 3; ++k) {
        x.push_back(scale * ((1 - t) * ((1 - s) * at(column, line, k) + s * at(column + 1, line, k)) +
                             t * ((1 - s) * at(column, line + 1, k) + s * at(column + 1, line + 1, k))));
      }
    }
  }
  return x;
}

/// Hanging by its edge, each column carries itself: the spring below knot j has the weight of what is under it.
double largest_error(const std::vector<double>& x, std::int64_t size) {
  const double force = force_on_knot(size);
  double largest = 0;
  for (std::int64_t i = 0; i < size; ++i) {
    double height = -force * static_cast<double>(size) / 100;  // the pins give way a little
    for (std::int64_t j = 0; j < size; ++j) {
      const double* const knot = x.data() + 3 * (j * size + i);
      largest = std::fmax(largest, std::fabs(knot[2] - height));
      largest = std::fmax(largest, std::fabs(knot[0] - static_cast<double>(i)));
      height -= 1 + force * static_cast<double>(size - 1 - j);
    }
  }
  return largest;
}

/// Finds the equilibrium of a cloth that starts as x. Prints what it took.
std::vector<double> relaxed(const nabla::Executor& where, const std::vector<double>& start, std::int64_t size,
                            bool by_corners, bool& converged) {
  const std::int64_t knots = size * size, n = 3 * knots, row = 3 * size;
  std::vector<std::int32_t> pinned;
  std::vector<double> places;
  for (std::int64_t i = 0; i < size; i += by_corners ? size - 1 : 1) {
    pinned.push_back(static_cast<std::int32_t>(i));
    places.insert(places.end(), {static_cast<double>(i) * (by_corners ? 0.8 : 1.0), 0, 0});
  }
  nabla::Array<std::int32_t> table(where, static_cast<std::int64_t>(pinned.size()));
  nabla::Array<double> place(where, static_cast<std::int64_t>(places.size())), x(where, n);
  table.upload(pinned);
  place.upload(places);
  x.upload(start);

  const auto across = nabla::element_sum<double>(where, Spring(), n,
                                                 nabla::Affine{{size - 1, size, 1}, {3, row, 0}, {0, 1, 2, 3, 4, 5}});
  const auto down = nabla::element_sum<double>(
      where, Spring(), n, nabla::Affine{{size, size - 1, 1}, {3, row, 0}, {0, 1, 2, row, row + 1, row + 2}});
  const auto weights =
      nabla::element_sum<double>(where, Weight{force_on_knot(size)}, n, nabla::Affine::chain(knots, {2}, 3));
  const auto pins =
      nabla::element_sum<double>(where, Pin(), n, nabla::IndexTable<std::int32_t>{{table.data(), table.size()}, 3},
                                 {place.data(), table.size(), 3, nabla::Layout::point_major});
  const auto energy = across + down + weights + pins;

  const auto report = nabla::minimize(where, energy, x,
                                      {.method = nabla::Method::newton_cg,
                                       .inner_iterations = 10'000,
                                       .gradient_tolerance = 1e-7 * force_on_knot(size) * static_cast<double>(size),
                                       .relative_gradient_tolerance = 0});
  std::cout << size << " x " << size << " knots, " << describe(report) << '\n';
  converged = report.converged();
  return x.to_host();
}

}  // namespace

int main(int count, char** arguments) {
  const Options options = options_from(count, arguments);
  const auto where = nabla::Executor::automatic();
  std::cout << "on " << where.name() << '\n';
  // Small cloths first: what a large one lacks then is short waves alone, and those are quick to settle.
  std::vector<std::int64_t> sizes{options.size};
  while (sizes.back() > 16) sizes.push_back((sizes.back() + 1) / 2);
  std::vector<double> x = upright(sizes.back());
  bool converged = true;
  for (std::size_t k = sizes.size(); k-- > 0 && converged;) {
    if (k + 1 < sizes.size()) x = refined(x, sizes[k + 1], sizes[k]);
    x = relaxed(where, x, sizes[k], options.by_corners, converged);
  }
  if (converged && !options.by_corners) {
    std::cout << "largest distance from where the knots must be: " << largest_error(x, options.size) << '\n';
  }
  if (!options.out.empty()) nabla::write_npy(options.out, x.data(), {options.size * options.size, 3}, false);
  return converged ? 0 : 1;
}
