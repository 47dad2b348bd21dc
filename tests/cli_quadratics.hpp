#pragma once

#include "cli_answers.hpp"

#include <cmath>
#include <cstddef>
#include <functional>
#include <sstream>
#include <stdexcept>

// What the tests of nabla quadratic share: its answers, files, and residuals in long double.

namespace nabla::test {

inline std::vector<std::string> operator+(std::vector<std::string> a, const std::vector<std::string>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

/// nabla quadratic on the CPU.
inline json quadratic(const std::vector<std::string>& arguments, int status = 0) {
  return answer(std::vector<std::string>{"quadratic", "--executor", "cpu"} + arguments, status);
}

/// A symmetric matrix as its lower triangle.
struct Entry {
  std::size_t row, column;
  double value;
};
struct Symmetric {
  std::size_t size;
  std::vector<Entry> lower;

  std::string text() const {
    std::ostringstream out;
    out.precision(17);
    out << "%%MatrixMarket matrix coordinate real symmetric\n" << size << ' ' << size << ' ' << lower.size() << '\n';
    for (const Entry& e : lower) out << e.row + 1 << ' ' << e.column + 1 << ' ' << e.value << '\n';
    return out.str();
  }
  std::vector<long double> times(const std::vector<double>& x) const {
    std::vector<long double> product(size, 0);
    for (const Entry& e : lower) {
      product[e.row] += static_cast<long double>(e.value) * x[e.column];
      if (e.row != e.column) product[e.column] += static_cast<long double>(e.value) * x[e.row];
    }
    return product;
  }
};

/// That of a line, or a rectangle.
inline Symmetric grid(std::size_t nx, std::size_t ny = 1) {
  Symmetric a{nx * ny, {}};
  for (std::size_t j = 0; j < ny; ++j) {
    for (std::size_t i = 0; i < nx; ++i) {
      const std::size_t r = i + nx * j;
      if (ny > 1 && j > 0) a.lower.push_back({r, r - nx, -1});
      if (i > 0) a.lower.push_back({r, r - 1, -1});
      a.lower.push_back({r, r, ny > 1 ? 4.0 : 2.0});
    }
  }
  return a;
}

/// With rows that differ, and no few diagonals: dominant, and so positive definite.
inline Symmetric scattered(std::size_t n) {
  Symmetric a{n, {}};
  std::uint64_t state = 12345;
  const auto next = [&] { return (state = state * 6364136223846793005u + 1442695040888963407u) >> 33; };
  for (std::size_t r = 0; r < n; ++r) {
    for (int k = 0; k < 3 && r > 0; ++k) {
      a.lower.push_back({r, next() % r, static_cast<double>(next() % 1000) / 1024 - 0.5});
    }
    a.lower.push_back({r, r, 5.0 + static_cast<double>(next() % 1000) / 10});
  }
  return a;
}

/// |Ax - b| / |b|
inline double residual(const Symmetric& a, const std::vector<double>& x, const std::vector<double>& b) {
  const std::vector<long double> product = a.times(x);
  long double squares = 0, pull = 0;
  for (std::size_t i = 0; i < b.size(); ++i) {
    squares += (product[i] - b[i]) * (product[i] - b[i]);
    pull += static_cast<long double>(b[i]) * b[i];
  }
  return static_cast<double>(std::sqrt(squares / pull));
}
/// 1/2 x.Ax - b.x
inline double value(const Symmetric& a, const std::vector<double>& x, const std::vector<double>& b) {
  const std::vector<long double> product = a.times(x);
  long double sum = 0;
  for (std::size_t i = 0; i < b.size(); ++i) sum += x[i] * (product[i] / 2 - b[i]);
  return static_cast<double>(sum);
}

inline std::vector<double> ones(std::size_t n) { return std::vector<double>(n, 1.0); }
inline std::vector<double> some_numbers(std::size_t n) {
  std::vector<double> numbers(n);
  for (std::size_t i = 0; i < n; ++i) numbers[i] = std::sin(0.7 * static_cast<double>(i)) + 0.25;
  return numbers;
}

/// A vector as Matrix Market's array.
inline std::string vector_text(const std::vector<double>& numbers) {
  std::ostringstream out;
  out.precision(17);
  out << "%%MatrixMarket matrix array real general\n" << numbers.size() << " 1\n";
  for (const double number : numbers) out << number << '\n';
  return out.str();
}
inline std::vector<double> vector_of_text(const std::string& text) {
  std::istringstream in(text);
  std::string banner;
  std::size_t rows = 0, columns = 0;
  std::getline(in, banner);
  in >> rows >> columns;
  EXPECT_EQ(banner, "%%MatrixMarket matrix array real general");
  EXPECT_EQ(columns, 1u);
  std::vector<double> numbers;
  for (double number = 0; in >> number;) numbers.push_back(number);
  EXPECT_EQ(numbers.size(), rows);
  return numbers;
}
inline std::string vector_file(const std::vector<double>& numbers) {
  return npy_file<double>("(" + std::to_string(numbers.size()) + ",)", numbers);
}

inline const std::vector<std::string>& all_methods() {
  static const std::vector<std::string> names{"conjugate-gradient", "chebyshev", "steepest", "gradient",
                                              "barzilai-borwein",   "nesterov",  "lbfgs"};
  return names;
}

}  // namespace nabla::test
