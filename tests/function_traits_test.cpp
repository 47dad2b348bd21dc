// What the library finds out about a function's own gradient while it compiles.

#include <gtest/gtest.h>
#include <nabla/function.hpp>

#include <array>

namespace nabla::test {
namespace {

using detail::has_own_gradient;
using detail::names_a_gradient;

using Numbers = std::array<double, 2>;

struct None {
  template <class X>
  constexpr auto operator()(const X& x) const {
    return x[0];
  }
};
struct Assigns : None {
  template <class X, class Gradient>
  constexpr void gradient(const X& x, Gradient& g) const {
    g[0] = x[0];
  }
};
struct ReturnsAnArray : None {
  template <class X>
  constexpr auto gradient(const X& x) const {
    return std::array{x[0]};
  }
};
struct ForgotConst : None {
  template <class X, class Gradient>
  constexpr void gradient(const X& x, Gradient& g) {
    g[0] = x[0];
  }
};
struct OfNumbers : None {
  static void gradient(const double* x, double* g) { g[0] = x[0]; }
};
struct Overloaded : None {
  void gradient(int) const {}
  void gradient(double) const {}
};
struct WithNumber : None {
  double gradient = 1;
};
struct WithConstant : None {
  static constexpr double gradient = 1;
};
struct WithType : None {
  struct gradient {};
};
struct Final final : None {
  void gradient(int) const {}
};

TEST(OwnGradient, IsFoundByName) {
  EXPECT_TRUE(names_a_gradient<Assigns>());
  EXPECT_TRUE(names_a_gradient<ReturnsAnArray>());
  EXPECT_TRUE(names_a_gradient<ForgotConst>());
  EXPECT_TRUE(names_a_gradient<OfNumbers>());
  EXPECT_TRUE(names_a_gradient<Overloaded>());
  EXPECT_TRUE(names_a_gradient<Looped<Overloaded>>());
  EXPECT_TRUE((names_a_gradient<Fixed<3, ForgotConst>>()));
}

TEST(OwnGradient, IsNoDataAndNoType) {
  EXPECT_FALSE(names_a_gradient<None>());
  EXPECT_FALSE(names_a_gradient<WithNumber>());
  EXPECT_FALSE(names_a_gradient<WithConstant>());
  EXPECT_FALSE(names_a_gradient<WithType>());
  EXPECT_FALSE(names_a_gradient<Final>());  // can't be told
  EXPECT_FALSE(names_a_gradient<double (*)(double)>());
  const auto lambda = [](const auto& x) { return x[0]; };
  EXPECT_FALSE(names_a_gradient<decltype(lambda)>());
}

TEST(OwnGradient, IsTakenWhereItCanBeCalled) {
  EXPECT_TRUE((has_own_gradient<Assigns, Numbers, Numbers>()));
  EXPECT_TRUE((has_own_gradient<Looped<Assigns>, Numbers, Numbers>()));
  EXPECT_FALSE((has_own_gradient<None, Numbers, Numbers>()));
  EXPECT_FALSE((has_own_gradient<WithNumber, Numbers, Numbers>()));
  EXPECT_FALSE((has_own_gradient<Final, Numbers, Numbers>()));
}

}  // namespace
}  // namespace nabla::test
