// Passes over vectors against plain loops in long double, at sizes around those that they are cut into.

#include "../host/vectors.hpp"

#include "executors.hpp"
#include "minimize_problems.hpp"

#include <cmath>
#include <functional>
#include <vector>

namespace {

using namespace nabla::detail;
using nabla::Array;
using nabla::Executor;
using Numbers = std::vector<double>;

constexpr std::int64_t sizes[] = {1, 15, 16, 17, 511, 513, 4095, 4096, 4097, 12'345};

Numbers random_numbers(std::int64_t n, std::uint64_t seed) {
  const Executor host = Executor::cpu(1);
  return nabla::Points<double>::uniform(host, n, 1, -2, 2, seed).to_host();
}

class Vectors : public nabla::test::OnEveryExecutor {
 protected:
  /// Runs a pass over copies of vectors a, b, c, d, and compares vectors and sums afterwards with those of a loop.
  /// `loop` gets the vectors as they were and a component, changes it, and returns its terms.
  template <class T>
  struct On {
    Executor where;
    std::int64_t n;
    std::vector<Numbers> expected;
    std::vector<Array<T>> vectors;

    On(const Executor& executor, std::int64_t size) : where(executor), n(size) {
      for (std::uint64_t k = 0; k < 4; ++k) {
        Numbers numbers = random_numbers(n, 17 + k);
        std::vector<T> rounded(numbers.begin(), numbers.end());
        vectors.push_back(minimize_problems::array_of(where, rounded));
        expected.emplace_back(rounded.begin(), rounded.end());
      }
    }
    T* operator[](std::size_t k) const { return vectors[k].data(); }

    template <class Body>
    void run(const Body& body, const std::function<std::vector<long double>(std::size_t)>& loop) {
      Sums sums(where, n, 8);
      nabla::detail::run(where, n, Pass<T>(body), sums);
      std::vector<long double> all(Body::sums), sizes_of(Body::sums);
      for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i) {
        const std::vector<long double> terms = loop(i);
        ASSERT_EQ(terms.size(), all.size());
        for (std::size_t k = 0; k < terms.size(); ++k) {
          all[k] += terms[k];
          sizes_of[k] += std::fabs(terms[k]);
        }
      }
      const double rounding = sizeof(T) == 4 ? 1e-6 : 1e-14;
      const auto found = sums.fetch(Body::sums);
      for (std::size_t k = 0; k < all.size(); ++k) {
        EXPECT_NEAR(found[k], static_cast<double>(all[k]), rounding * static_cast<double>(sizes_of[k])) << "sum " << k;
      }
      for (std::size_t k = 0; k < vectors.size(); ++k) {
        const std::vector<T> now = vectors[k].to_host();
        for (std::size_t i = 0; i < now.size(); ++i) {
          ASSERT_NEAR(now[i], expected[k][i], 4 * rounding * (1 + std::fabs(expected[k][i]))) << k << ", " << i;
        }
      }
    }
  };

  template <class Check>
  void at_all_sizes(Check check) const {
    for (const std::int64_t n : sizes) {
      SCOPED_TRACE(n);
      check(On<double>(executor(), n));
      check(On<float>(executor(), n));
    }
  }
};
INSTANTIATE_TEST_SUITE_P(On, Vectors, nabla::test::every_executor(), nabla::test::executor_name);

using LongTerms = std::vector<long double>;

TEST_P(Vectors, Move) {
  at_all_sizes([]<class T>(On<T> on) {
    Numbers &a = on.expected[0], &b = on.expected[1], &c = on.expected[2];
    on.run(Move<T>{on[0], on[1], 0.75, on[2]}, [&](std::size_t i) {
      a[i] = b[i] + 0.75 * c[i];
      return LongTerms{};
    });
  });
}

TEST_P(Vectors, Dot) {
  at_all_sizes([]<class T>(On<T> on) {
    const Numbers &a = on.expected[0], &b = on.expected[1];
    on.run(Dot<T>{on[0], on[1]}, [&](std::size_t i) { return LongTerms{a[i] * b[i], a[i] * a[i]}; });
  });
}

TEST_P(Vectors, Change) {
  at_all_sizes([]<class T>(On<T> on) {
    Numbers &a = on.expected[0], &b = on.expected[1], &c = on.expected[2], &d = on.expected[3];
    on.run(Change<T>{on[0], on[1], on[2], on[3], on[3], on[2]}, [&](std::size_t i) {
      a[i] = c[i] - d[i];
      b[i] = d[i] - c[i];
      return LongTerms{a[i] * b[i], b[i] * b[i], a[i] * a[i]};
    });
  });
}

TEST_P(Vectors, ConjugacyAndTurn) {
  at_all_sizes([]<class T>(On<T> on) {
    const Numbers &a = on.expected[0], &b = on.expected[1];
    Numbers& d = on.expected[2];
    on.run(Conjugacy<T>{on[0], on[1], on[2]}, [&](std::size_t i) {
      const double y = a[i] - b[i];
      return LongTerms{y * y, y * a[i], d[i] * y, d[i] * a[i], d[i] * d[i]};
    });
    on.run(Turn<T>{on[2], on[0], 0.5}, [&](std::size_t i) {
      d[i] = 0.5 * d[i] - a[i];
      return LongTerms{d[i] * a[i]};
    });
  });
}

TEST_P(Vectors, WhatWasThereDoesNotMatterWithoutMomentum) {
  const std::int64_t n = 100;
  const Executor where = executor();
  const Array<double> g = minimize_problems::constant<double>(where, n, 3);
  Array<double> d = minimize_problems::constant<double>(where, n, NAN),
                x = minimize_problems::constant<double>(where, n, 1);
  Sums sums(where, n, 8);
  run(where, n, Pass<double>(Turn<double>{d.data(), g.data(), 0}), sums);
  EXPECT_EQ(sums.fetch(1)[0], -900);
  d = minimize_problems::constant<double>(where, n, NAN);
  run(where, n, Pass<double>(Roll<double>{x.data(), d.data(), g.data(), 0.5, 0}), sums);
  EXPECT_EQ(x.to_host(), Numbers(n, -0.5));
}

TEST_P(Vectors, Combination) {
  at_all_sizes([]<class T>(On<T> on) {
    Numbers &a = on.expected[0], &b = on.expected[1], &c = on.expected[2], &d = on.expected[3];
    Combination<T> body{on[0], on[1], 3, {}, {}};
    body.vectors = {on[1], on[2], on[3]};
    body.weights = {2, -0.5, 3};
    on.run(body, [&](std::size_t i) {
      a[i] = 2 * b[i] - 0.5 * c[i] + 3 * d[i];
      return LongTerms{a[i] * b[i]};
    });
  });
}

TEST_P(Vectors, RollAndExtrapolate) {
  at_all_sizes([]<class T>(On<T> on) {
    Numbers &a = on.expected[0], &b = on.expected[1];
    const Numbers& c = on.expected[2];
    on.run(Roll<T>{on[0], on[1], on[2], 0.25, 0.9}, [&](std::size_t i) {
      b[i] = 0.9 * b[i] - 0.25 * c[i];
      a[i] += b[i];
      return LongTerms{};
    });
  });
  at_all_sizes([]<class T>(On<T> on) {
    Numbers &y = on.expected[0], &x = on.expected[1];
    const Numbers& g = on.expected[2];
    on.run(Extrapolate<T>{on[0], on[1], on[2], 0.25, 0.5}, [&](std::size_t i) {
      const double next = y[i] - 0.25 * g[i], moved = next - x[i];
      y[i] = next + 0.5 * moved;
      x[i] = next;
      return LongTerms{g[i] * moved};
    });
  });
}

TEST_P(Vectors, Adapt) {
  at_all_sizes([]<class T>(On<T> on) {
    Numbers &x = on.expected[0], &m = on.expected[1], &s = on.expected[2];
    const Numbers& g = on.expected[3];
    on.run(Adapt<T>{on[0], on[1], on[2], on[3], 0.5, 0, 0, 0.25, 0.125, 0.1, 3, 1e-8}, [&](std::size_t i) {
      m[i] = 0.25 * 0.5 * g[i];
      s[i] = 0.125 * 0.25 * g[i] * g[i];
      x[i] -= 0.1 * m[i] / (std::sqrt(3 * s[i]) + 1e-8);
      return LongTerms{};
    });
  });
}

TEST_P(Vectors, PassesOfTheSolver) {
  at_all_sizes([]<class T>(On<T> on) {
    Numbers& d = on.expected[3];
    on.run(Invert<T>{on[3]}, [&](std::size_t i) {
      d[i] = std::isfinite(1 / std::fabs(d[i])) ? 1 / std::fabs(d[i]) : 1;
      return LongTerms{};
    });
  });
  at_all_sizes([]<class T>(On<T> on) {
    Numbers &z = on.expected[0], &r = on.expected[1], &p = on.expected[2];
    const Numbers& d = on.expected[3];  // g, and the preconditioner
    on.run(BeginSolve<T>{on[0], on[1], on[2], on[3], on[3]}, [&](std::size_t i) {
      z[i] = 0;
      r[i] = d[i];
      p[i] = -d[i] * d[i];
      return LongTerms{d[i] * d[i] * d[i]};
    });
    on.run(StepSolve<T>{on[0], on[1], on[2], on[3], nullptr, 0.5}, [&](std::size_t i) {
      z[i] += 0.5 * p[i];
      r[i] += 0.5 * d[i];
      return LongTerms{r[i] * r[i], r[i] * r[i]};
    });
    on.run(TurnSolve<T>{on[2], on[1], on[3], 0.25}, [&](std::size_t i) {
      p[i] = 0.25 * p[i] - d[i] * r[i];
      return LongTerms{};
    });
  });
}

TEST_P(Vectors, InvertsWhatHasNoInverse) {
  const Array<double> d = minimize_problems::array_of<double>(executor(), {-4, 0, NAN, INFINITY, 1e-310, 0.5});
  Sums sums(executor(), 6, 8);
  run(executor(), 6, Pass<double>(Invert<double>{d.data()}), sums);
  EXPECT_EQ(d.to_host(), (Numbers{0.25, 1, 1, 1, 1, 2}));
}

TEST_P(Vectors, Products) {
  for (const int count : {1, 7, 8, 9, 17}) {
    at_all_sizes([&]<class T>(const On<T>& on) {
      Products<T> products{{on[0], on[1]}, count, {}};
      for (std::size_t k = 0; k < static_cast<std::size_t>(count); ++k) products.lefts[k] = on[k % 4];
      Sums sums(on.where, on.n, 2 * count);
      run(on.where, on.n, products, sums);
      const auto found = sums.fetch(2 * count);
      for (std::size_t k = 0; k < static_cast<std::size_t>(2 * count); ++k) {
        long double all = 0, size = 0;
        for (std::size_t i = 0; i < static_cast<std::size_t>(on.n); ++i) {
          const long double term = static_cast<long double>(on.expected[k / 2 % 4][i]) * on.expected[k % 2][i];
          all += term;
          size += std::fabs(term);
        }
        EXPECT_NEAR(found[k], static_cast<double>(all), 1e-14 * static_cast<double>(size)) << k;
      }
    });
  }
}

TEST(VectorsOnTheCpu, ThreadsChangeNoBit) {
  const std::int64_t n = 100'003;
  std::vector<double> all;
  for (const int threads : {1, 2, 3, 7}) {
    const Executor where = Executor::cpu(threads);
    const Array<double> a = minimize_problems::array_of(where, random_numbers(n, 1));
    Sums sums(where, n, 8);
    run(where, n, Pass<double>(Dot<double>{a.data(), a.data()}), sums);
    all.push_back(sums.fetch(2)[0]);
  }
  EXPECT_EQ(all, Numbers(4, all[0]));
}

}  // namespace
