// Numbers, operators and functions: each sentence of the grammar about them as a tree, or as a refusal.

#include "formula_trees.hpp"

#include <bit>
#include <cmath>
#include <limits>
#include <numbers>

namespace nabla::formula {
namespace {

using namespace test;

// -------------------------------------------------------------------------------------------------------- numbers

TEST(FormulaNumbers, AreTheNearestDoubles) {
  EXPECT_EQ(number("1"), 1);
  EXPECT_EQ(number("1."), 1);
  EXPECT_EQ(number(".5"), 0.5);
  EXPECT_EQ(number("2.5e-3"), 2.5e-3);
  EXPECT_EQ(number("1E2"), 100);
  EXPECT_EQ(number("1.e+2"), 100);
  EXPECT_EQ(number("007"), 7);
  EXPECT_EQ(number("0.1"), 0.1);
  EXPECT_EQ(number("9007199254740993"), 9007199254740992);
  EXPECT_EQ(number("1.7976931348623157e308"), std::numeric_limits<double>::max());
  EXPECT_EQ(number("4.9e-324"), std::numeric_limits<double>::denorm_min());
  EXPECT_EQ(number("0." + std::string(100'000, '0') + "25e100001"), 2.5);
}

TEST(FormulaNumbers, TooSmallOnesAreZero) {
  for (const std::string text : {"1e-400", "0.0001e-330", "1e-99999999999999999999", "2e-324", "00.001e-322", "0e999",
                                 "0.0e99999999999999999999"}) {
    EXPECT_EQ(std::bit_cast<std::uint64_t>(number(text)), 0u) << text;
  }
  EXPECT_EQ(number("0." + std::string(500, '0') + "1"), 0);
}

TEST(FormulaNumbers, TooLargeOnesAreRefused) {
  EXPECT_EQ(message("x + 1e309*y"),
            "line 1, column 5: the number 1e309 is too large; doubles reach 1.7976931348623157e308\n"
            "x + 1e309*y\n"
            "    ^^^^^");
  for (const std::string text :
       {"1.7976931348623159e308", "0.001e400", "1e99999999999999999999", "1000e+306", "1E400"}) {
    EXPECT_EQ(refusal(text, {"x"}),
              "line 1, column 1: the number " + text + " is too large; doubles reach 1.7976931348623157e308");
  }
  EXPECT_EQ(refusal(std::string(400, '9'), {"x"}), "line 1, column 1: the number " + std::string(40, '9') +
                                                       "… is too large; doubles reach 1.7976931348623157e308");
}

TEST(FormulaNumbers, OtherSpellingsAreRefused) {
  EXPECT_EQ(message("x*1.2.3"),
            "line 1, column 3: '1.2.3' is not a number; expected one such as 1, 1.5, .5 or 2.5e-3\n"
            "x*1.2.3\n"
            "  ^^^^^");
  EXPECT_EQ(refusal("1..2"), "line 1, column 1: '1..2' is not a number; expected one such as 1, 1.5, .5 or 2.5e-3");
  EXPECT_EQ(refusal("."), "line 1, column 1: expected a number, a name or '(', found '.'");
  EXPECT_EQ(refusal("2e*x"),
            "line 1, column 1: expected an operator, ';' or the end, found 'e'; for a product write '2*e'");
}

// ------------------------------------------------------------------------------------------------------ operators

TEST(FormulaOperators, HaveTheirPrecedence) {
  EXPECT_EQ(trees("a + b*c^d"), "(+ a (* b (^ c d)))");
  EXPECT_EQ(trees("a^b*c + d"), "(+ (* (^ a b) c) d)");
  EXPECT_EQ(trees("a < b + c"), "(< a (+ b c))");
  EXPECT_EQ(trees("a + b < c"), "(< (+ a b) c)");
  EXPECT_EQ(trees("(a + b)*c"), "(* (+ a b) c)");
  EXPECT_EQ(trees("a*(b + c)"), "(* a (+ b c))");
  EXPECT_EQ(trees("((a))"), "a");
  for (const std::string op : {"<", "<=", ">", ">=", "==", "!="}) {
    EXPECT_EQ(trees("a" + op + "b*2"), "(" + op + " a (* b 2))");
  }
}

TEST(FormulaOperators, Associate) {
  EXPECT_EQ(trees("a - b - c"), "(- (- a b) c)");
  EXPECT_EQ(trees("a - b + c"), "(+ (- a b) c)");
  EXPECT_EQ(trees("a / b * c / d"), "(/ (* (/ a b) c) d)");
  EXPECT_EQ(trees("a ^ b ^ c"), "(^ a (^ b c))");
  EXPECT_EQ(trees("(a ^ b) ^ c"), "(^ (^ a b) c)");
}

TEST(FormulaOperators, TwoStarsAreAPower) {
  EXPECT_EQ(trees("a ** b ^ c"), "(^ a (^ b c))");
  EXPECT_EQ(trees("-a**2"), "(neg (^ a 2))");
  EXPECT_EQ(refusal("a***b"), "line 1, column 4: expected a number, a name or '(' after '**', found '*'");
}

TEST(FormulaOperators, SignsBindBetweenPowersAndProducts) {
  EXPECT_EQ(trees("-x^2"), "(neg (^ x 2))");
  EXPECT_EQ(trees("2^-x"), "(^ 2 (neg x))");
  EXPECT_EQ(trees("2^-x^2"), "(^ 2 (neg (^ x 2)))");
  EXPECT_EQ(trees("2^-x*y"), "(* (^ 2 (neg x)) y)");
  EXPECT_EQ(trees("-x*y"), "(* (neg x) y)");
  EXPECT_EQ(trees("x*-y^2"), "(* x (neg (^ y 2)))");
  EXPECT_EQ(trees("x - -y"), "(- x (neg y))");
  EXPECT_EQ(trees("--x"), "(neg (neg x))");
  EXPECT_EQ(trees("+x"), "x");
  EXPECT_EQ(trees("-+x^+2"), "(neg (^ x 2))");
  EXPECT_EQ(trees("x + +y"), "(+ x y)");
  EXPECT_EQ(trees("(-x)^2"), "(^ (neg x) 2)");
}

TEST(FormulaOperators, ComparisonsDoNotChain) {
  EXPECT_EQ(message("3 > 2 > 1"),
            "line 1, column 7: comparisons do not chain; expected parentheses, as in '(3 > 2) > …'\n"
            "3 > 2 > 1\n"
            "      ^");
  EXPECT_EQ(refusal("x + 1 == (y) != z"),
            "line 1, column 14: comparisons do not chain; expected parentheses, as in '(x + 1 == (y)) != …'");
  EXPECT_EQ(trees("(x > 2) > y"), "(> (> x 2) y)");
  EXPECT_EQ(trees("x > (2 > y)"), "(> x (> 2 y))");
  EXPECT_EQ(trees("x > let r = y > 1 in r"), "(> x (> y 1))");
}

TEST(FormulaOperators, ProductsAreNotImplicit) {
  EXPECT_EQ(message("1 + 2x"),
            "line 1, column 5: expected an operator, ';' or the end, found 'x'; for a product write '2*x'\n"
            "1 + 2x\n"
            "    ^^");
  const auto suggestion = [](const std::string& text) {
    const std::string all = refusal(text);
    return all.substr(std::min(all.find("write '"), all.size()));
  };
  EXPECT_EQ(suggestion("2 x"), "write '2*x'");
  EXPECT_EQ(suggestion("x y"), "write 'x*y'");
  EXPECT_EQ(suggestion("x 2"), "write 'x*2'");
  EXPECT_EQ(suggestion("2(x + 1)"), "write '2*(…)'");
  EXPECT_EQ(suggestion("2sin(x)"), "write '2*sin(…)'");
  EXPECT_EQ(suggestion("(x)(y)"), "write '(…)*(…)'");
  EXPECT_EQ(suggestion("(x)y"), "write '(…)*y'");
  EXPECT_EQ(suggestion("x[1]x[2]"), "write 'x[…]*x'");
  EXPECT_EQ(suggestion("1e5x"), "write '1e5*x'");
  EXPECT_EQ(trees("x2"), "x2");
}

// ------------------------------------------------------------------------------------------------------ functions

TEST(FormulaFunctions, HaveOneArgument) {
  for (const std::string name :
       {"sqrt", "cbrt", "exp",  "expm1", "log",  "log1p", "log2",  "log10", "sin", "cos",  "tan", "asin",
        "acos", "atan", "sinh", "cosh",  "tanh", "asinh", "acosh", "atanh", "erf", "erfc", "abs", "sign"}) {
    EXPECT_EQ(trees(name + " (x + 1)"), "(" + name + " (+ x 1))");
    EXPECT_EQ(refusal(name + "(x, y)"), "line 1, column 1: " + name + " takes 1 argument; found 2");
    EXPECT_EQ(refusal(name + "()"), "line 1, column 1: " + name + " takes 1 argument; found none");
  }
}

TEST(FormulaFunctions, HaveTwoArguments) {
  EXPECT_EQ(trees("atan2(x, y)"), "(atan2 x y)");
  EXPECT_EQ(trees("hypot(x, y + 1)"), "(hypot x (+ y 1))");
  EXPECT_EQ(trees("pow(x, y)"), "(^ x y)");
  EXPECT_EQ(message("1 + pow(x)"),
            "line 1, column 5: pow takes 2 arguments; found 1\n"
            "1 + pow(x)\n"
            "    ^^^^^^");
  EXPECT_EQ(refusal("hypot(x, y, z)"), "line 1, column 1: hypot takes 2 arguments; found 3");
}

TEST(FormulaFunctions, HaveTwoArgumentsOrMore) {
  EXPECT_EQ(trees("min(x, y)"), "(min x y)");
  EXPECT_EQ(trees("max(x, y, z, 1)"), "(max x y z 1)");
  EXPECT_EQ(refusal("max(x)"), "line 1, column 1: max takes 2 or more arguments; found 1");
}

TEST(FormulaFunctions, ChooseByACondition) {
  EXPECT_EQ(trees("where(x > 0, x, -x)"), "(where (> x 0) x (neg x))");
  EXPECT_EQ(refusal("where(x > 0, x)"), "line 1, column 1: where takes 3 arguments; found 2");
}

TEST(FormulaFunctions, AreCalledByTheirNames) {
  EXPECT_EQ(message("x + sine(x)"),
            "line 1, column 5: unknown function 'sine'; did you mean sin?\n"
            "x + sine(x)\n"
            "    ^^^^");
  EXPECT_EQ(refusal("SUMM(x)"), "line 1, column 1: unknown function 'SUMM'; did you mean sum?");
  EXPECT_EQ(refusal("a(x)"), "line 1, column 1: unknown function 'a'; did you mean tan, or the product 'a*(…)'?");
  EXPECT_EQ(refusal("x + x(y)"), "line 1, column 5: 'x' is a variable, not a function; for a product write 'x*(…)'");
  EXPECT_EQ(refusal("x + a(y)", {}, {"a"}),
            "line 1, column 5: 'a' is a parameter, not a function; for a product write 'a*(…)'");
  EXPECT_EQ(refusal("pi(x)"), "line 1, column 1: 'pi' is a constant, not a function; for a product write 'pi*(…)'");
  EXPECT_EQ(refusal("n(x[1])"),
            "line 1, column 1: 'n' is the number of variables, not a function; for a product write 'n*(…)'");
  EXPECT_EQ(refusal("sum*x"),
            "line 1, column 1: 'sum' is a function; expected its arguments in parentheses, as in sum(i, 1, n, x[i])");
}

// -------------------------------------------------------------------------------------------------------- outputs

TEST(FormulaOutputs, AreSeparatedBySemicolons) {
  const Syntax syntax = parse("x + y; x*y; 2", {}, {});
  EXPECT_EQ(syntax.outputs.size(), 3u);
  EXPECT_EQ(trees(syntax), "(+ x y) ; (* x y) ; 2");
}

TEST(FormulaOutputs, AreNotEmpty) {
  const std::string empty = "an output is empty; expected a number, a name or '(' on both sides of ';'";
  EXPECT_EQ(message("x;y;"), "line 1, column 4: " + empty + "\nx;y;\n   ^");
  EXPECT_EQ(refusal("x;;y"), "line 1, column 3: " + empty);
  EXPECT_EQ(refusal("; x"), "line 1, column 1: " + empty);
  EXPECT_EQ(refusal(";"), "line 1, column 1: " + empty);
  EXPECT_EQ(refusal("x; \n "), "line 1, column 2: " + empty);
  EXPECT_EQ(message(""), "line 1, column 1: the formula is empty; expected a number, a name or '('\n\n^");
  EXPECT_EQ(refusal(" \n\t "), "line 1, column 1: the formula is empty; expected a number, a name or '('");
}

// --------------------------------------------------------------------------------------------------------- blanks

TEST(FormulaText, LineBreaksAreBlanks) {
  EXPECT_EQ(trees("x\n+\r\n\ty \v\f"), "(+ x y)");
  EXPECT_EQ(trees("\xef\xbb\xbfx + 1\n"), "(+ x 1)");
}

TEST(FormulaText, CommentsAreForFiles) {
  const std::string text = "# r, θ; )\nx # the first\r\n + y#the last";
  EXPECT_EQ(trees(parse(text, {}, {}, true)), "(+ x y)");
  EXPECT_EQ(message("x +\n  y # z"),
            "line 2, column 5: expected an operator, ';' or the end, found '#'; comments are for formula files\n"
            "  y # z\n"
            "    ^");
  EXPECT_EQ(message("# nothing", {}, {}, true),
            "line 1, column 1: the formula is empty; expected a number, a name or '('\n# nothing\n^");
}

}  // namespace
}  // namespace nabla::formula
