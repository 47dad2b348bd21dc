// A sparse logistic regression: labels of rows are explained by a few of very many features each. To nabla's losses of
// all rows comes a ridge of the program's own, stated for one coefficient; their sum is minimised. The data are made so
// that the optimum is known.
//     logistic [--rows N] [--variables N] [--method lbfgs|newton_cg] [--max-iterations N]
// Exit status: 0 the optimum was reached, 1 it was not, 2 bad usage.

#include <nabla/minimize.hpp>
#include <nabla/regression.hpp>

#include <cmath>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string>
#include <vector>

namespace {

constexpr double strength = 1;  // of the ridge
constexpr double tolerance = 1e-8;
constexpr int features = 10;  // of a row, besides the bias, which is variable 0

/// Of one coefficient, whose prior mean is its data.
struct Ridge {
  static constexpr int variables = 1, data = 1;
  template <class X, class D>
  constexpr auto operator()(const X& x, const D& mean) const {
    return 0.5 * strength * (x[0] - mean[0]) * (x[0] - mean[0]);
  }
};

struct Options {
  std::int64_t rows = 200'000, variables = 20'000, max_iterations = 10'000;
  nabla::Method method = nabla::Method::lbfgs;
};

[[noreturn]] void refuse(const std::string& what) {
  std::cerr << "logistic: " << what << '\n';
  std::exit(2);
}

std::int64_t number_from(const std::string& name, const std::string& value, std::int64_t least) {
  char* end = nullptr;
  const long long number = std::strtoll(value.c_str(), &end, 10);
  if (value.empty() || *end != 0 || number < least || number > 100'000'000) {
    refuse(name + " must be from " + std::to_string(least) + " to 100000000, found " + value);
  }
  return number;
}

Options options_from(int count, char** arguments) {
  Options options;
  for (int k = 1; k < count; k += 2) {
    const std::string name = arguments[k];
    if (k + 1 == count) refuse(name + " needs a value");
    const std::string value = arguments[k + 1];
    if (name == "--rows") {
      options.rows = number_from(name, value, 1);
    } else if (name == "--variables") {
      options.variables = number_from(name, value, 2);
    } else if (name == "--max-iterations") {
      options.max_iterations = number_from(name, value, 0);
    } else if (name == "--method") {
      if (value != "lbfgs" && value != "newton_cg") refuse("--method must be lbfgs or newton_cg, found " + value);
      options.method = value == "lbfgs" ? nabla::Method::lbfgs : nabla::Method::newton_cg;
    } else {
      refuse("unknown option " + name + "; there are --rows, --variables, --method and --max-iterations");
    }
  }
  return options;
}

/// Rows of features, labels drawn from a model with the coefficients `best`, and prior means for which no other
/// coefficients than `best` are the optimum: there the ridge's gradient is the losses', with the other sign.
struct Data {
  std::vector<std::int64_t> starts{0};
  std::vector<std::int32_t> columns;
  std::vector<double> values, labels, best, means;

  explicit Data(const Options& options) {
    std::mt19937_64 random(1);
    std::normal_distribution<double> normal;
    std::uniform_real_distribution<double> uniform(0, 1);
    std::uniform_int_distribution<std::int32_t> feature(1, static_cast<std::int32_t>(options.variables - 1));
    for (std::int64_t i = 0; i < options.variables; ++i) best.push_back(normal(random));
    std::vector<double> gradient(best.size(), 0.0);  // of the losses at `best`
    for (std::int64_t r = 0; r < options.rows; ++r) {
      const std::size_t first = columns.size();
      for (int k = 0; k <= features; ++k) {
        columns.push_back(k == 0 ? 0 : feature(random));
        values.push_back(k == 0 ? 1 : normal(random));
      }
      starts.push_back(static_cast<std::int64_t>(columns.size()));
      double product = 0;
      for (std::size_t e = first; e < columns.size(); ++e) {
        product += values[e] * best[static_cast<std::size_t>(columns[e])];
      }
      labels.push_back(uniform(random) < 1 / (1 + std::exp(-product)) ? 1 : -1);
      const double slope = -labels.back() / (1 + std::exp(labels.back() * product));
      for (std::size_t e = first; e < columns.size(); ++e) {
        gradient[static_cast<std::size_t>(columns[e])] += slope * values[e];
      }
    }
    for (std::size_t i = 0; i < best.size(); ++i) means.push_back(best[i] + gradient[i] / strength);
  }
};

template <class T>
nabla::Array<T> upload(const nabla::Executor& where, const std::vector<T>& numbers) {
  nabla::Array<T> array(where, static_cast<std::int64_t>(numbers.size()));
  array.upload(numbers);
  return array;
}

}  // namespace

int main(int count, char** arguments) {
  const Options options = options_from(count, arguments);
  const std::int64_t n = options.variables;
  const auto where = nabla::Executor::automatic();
  const Data data(options);
  const auto starts = upload(where, data.starts);
  const auto columns = upload(where, data.columns);
  const auto values = upload(where, data.values), labels = upload(where, data.labels),
             means = upload(where, data.means);

  const nabla::LogisticRegression<double> losses(where, n, nabla::SparseRows(starts, columns, values),
                                                 {labels.data(), data.labels.size()});
  const auto ridge = nabla::element_sum<double>(where, Ridge(), n, nabla::Affine::chain(n, {0}), {means.data(), n, 1});
  auto x = upload(where, std::vector<double>(data.best.size(), 0.0));
  const auto report = nabla::minimize(where, losses + ridge, x,
                                      {.method = options.method,
                                       .gradient_tolerance = tolerance,
                                       .relative_gradient_tolerance = 0,
                                       .max_iterations = options.max_iterations});

  double apart = 0;
  const std::vector<double> found = x.to_host();
  for (std::size_t i = 0; i < found.size(); ++i) apart = std::fmax(apart, std::fabs(found[i] - data.best[i]));
  std::cout << "on " << where.name() << ": " << options.rows << " rows, " << data.values.size() << " entries, "
            << describe(report) << '\n'
            << "largest distance from the known optimum: " << apart << '\n';
  // The Hessian is that of the ridge, and more: this near to the optimum a gradient of that norm must lead.
  return report.converged() && apart <= 2 * tolerance / strength ? 0 : 1;
}
