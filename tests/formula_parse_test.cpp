#include "../host/formula/syntax.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <chrono>
#include <cmath>
#include <limits>
#include <numbers>
#include <random>
#include <sstream>

// Trees are compared as s-expressions, written by code that knows nothing of the grammar: (+ x (^ y 2)). Parameters are
// $a, running indices #0, #1, … by level, the number of variables #n.

namespace nabla::formula {
namespace {

using List = std::vector<std::string>;

std::string name_of(const SyntaxNode& node) {
  if (node.op == Op::negate) return "neg";
  std::string name(text_of(node.op));
  if (is_repetition(node.op)) name += std::to_string(node.symbol);
  return name;
}

std::string leaf_text(const Syntax& syntax, const SyntaxNode& node) {
  std::ostringstream text;
  if (node.op == Op::number) text << node.number;
  if (node.op == Op::variable) text << syntax.variables.at(static_cast<std::size_t>(node.symbol));
  if (node.op == Op::parameter) text << '$' << syntax.parameters.at(static_cast<std::size_t>(node.symbol));
  if (node.op == Op::index) text << '#' << (node.symbol < 0 ? "n" : std::to_string(node.symbol));
  return text.str();
}

std::string tree(const Syntax& syntax, NodeId id) {
  const SyntaxNode& node = syntax.nodes.at(static_cast<std::size_t>(id));
  if (node.arguments == 0) return leaf_text(syntax, node);
  std::string text = "(" + (node.op == Op::variable ? syntax.variables.at(0) : name_of(node));
  for (int k = 0; k < node.arguments; ++k) text += " " + tree(syntax, syntax.argument(node, k));
  return text + ")";
}

/// All outputs, with " ; " between them.
std::string trees(const Syntax& syntax) {
  std::string text;
  for (const NodeId output : syntax.outputs) text += (text.empty() ? "" : " ; ") + tree(syntax, output);
  return text;
}

std::string trees(std::string_view text, const List& variables = {}, const List& parameters = {}) {
  return trees(parse(text, variables, parameters));
}

/// The whole message with which a formula is refused, or "accepted".
std::string message(std::string_view text, const List& variables = {}, const List& parameters = {},
                    bool comments = false) {
  try {
    parse(text, variables, parameters, comments);
    return "accepted";
  } catch (const FormulaError& error) {
    return error.what();
  }
}

/// Its first line.
std::string refusal(std::string_view text, const List& variables = {}, const List& parameters = {}) {
  const std::string all = message(text, variables, parameters);
  return all.substr(0, all.find('\n'));
}

std::string repeated(std::string_view part, std::size_t times) {
  std::string text;
  for (std::size_t k = 0; k < times; ++k) text += part;
  return text;
}

/// The value of a number that stands alone.
double number(const std::string& text) {
  const Syntax syntax = parse(text, {"x"}, {});
  const SyntaxNode& node = syntax.nodes.at(static_cast<std::size_t>(syntax.outputs.at(0)));
  EXPECT_EQ(node.op, Op::number) << text;
  return node.number;
}

std::string part_of(const Syntax& syntax, NodeId id) {
  const SyntaxNode& node = syntax.nodes.at(static_cast<std::size_t>(id));
  return syntax.text.substr(static_cast<std::size_t>(node.begin), static_cast<std::size_t>(node.end - node.begin));
}

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

// ------------------------------------------------------------------------------------------- variables and others

TEST(FormulaVariables, ComeInOrderOfFirstAppearance) {
  const Syntax syntax = parse("z*y + x*z", {}, {});
  EXPECT_EQ(syntax.variables, (List{"z", "y", "x"}));
  EXPECT_FALSE(syntax.indexed);
  EXPECT_EQ(trees(syntax), "(+ (* z y) (* x z))");
}

TEST(FormulaVariables, ComeInTheOrderDeclared) {
  const Syntax syntax = parse("z*y", {"x", "y", "z"}, {});
  EXPECT_EQ(syntax.variables, (List{"x", "y", "z"}));
  EXPECT_EQ(trees(syntax), "(* z y)");
  EXPECT_EQ(refusal("x*sinus", {"x", "sines"}), "line 1, column 3: unknown variable 'sinus'; did you mean sines?");
  EXPECT_EQ(message("alpha + beta", {"alpha"}, {"betas"}),
            "line 1, column 9: unknown variable 'beta'; did you mean betas?\n"
            "alpha + beta\n"
            "        ^^^^");
}

TEST(FormulaVariables, MayBeNoneOnlyIfDeclared) {
  EXPECT_EQ(message("2*pi; e"),
            "line 1, column 1: the formula has no variable; expected one, or declared ones, as with --variables x\n"
            "2*pi; e\n"
            "^^^^^^^");
  EXPECT_EQ(trees("2*3", {"x"}), "(* 2 3)");
  EXPECT_NE(refusal("a", {}, {"a"}).find("has no variable"), std::string::npos);
}

TEST(FormulaVariables, HaveLettersDigitsAndUnderscores) {
  EXPECT_EQ(parse("_x1*θ + Ångström^x₁*переменная2", {}, {}).variables,
            (List{"_x1", "θ", "Ångström", "x₁", "переменная2"}));
  EXPECT_EQ(parse("x_ + 変数 + 𝛼 + e\u0301", {}, {}).variables, (List{"x_", "変数", "𝛼", "e\u0301"}));
  EXPECT_EQ(refusal("x$"), "line 1, column 2: expected an operator, ';' or the end, found '$'");
  EXPECT_EQ(refusal("x*€"), "line 1, column 3: expected a number, a name or '(' after '*', found '€' (U+20AC)");
  EXPECT_EQ(refusal("x+\U0001f600"),
            "line 1, column 3: expected a number, a name or '(' after '+', found '\U0001f600' (U+01F600)");
  EXPECT_EQ(refusal("x+\x1b[0m"),
            "line 1, column 3: expected a number, a name or '(' after '+', found '\ufffd' (U+001B)");
}

TEST(FormulaVariables, AreNoFunctions) {
  EXPECT_EQ(refusal("x + sin*2"),
            "line 1, column 5: 'sin' is a function; expected its arguments in parentheses, as in sin(…)");
  for (const std::string name : {"sin", "where", "sum", "prod", "let", "in"}) {
    EXPECT_EQ(refusal("x", {"x", name}),
              "variable '" + name + "' has a meaning of its own in formulas; expected another name");
    EXPECT_EQ(refusal("x", {}, {name}),
              "parameter '" + name + "' has a meaning of its own in formulas; expected another name");
  }
  for (const std::string name : {"", "2x", "x[1]", "x y", "x+", "€", "x\xff", " x"}) {
    const std::string what = refusal("x", {name});
    EXPECT_TRUE(what.ends_with("' is not a name; expected letters, digits and underscores, a digit not first")) << what;
  }
  EXPECT_EQ(refusal("x", {"y", "x", "y"}), "variable 'y' is given twice");
}

TEST(FormulaVariables, MayHaveIndices) {
  const Syntax syntax = parse("x[1]^2 + n*x[n]", {}, {});
  EXPECT_EQ(syntax.variables, List{"x"});
  EXPECT_TRUE(syntax.indexed);
  EXPECT_EQ(trees(syntax), "(+ (^ (x 1) 2) (* #n (x #n)))");
  EXPECT_EQ(trees("x[2*3-1]", {"x"}), "(x (- (* 2 3) 1))");
  EXPECT_EQ(trees("θ [ 1 ]"), "(θ 1)");
  EXPECT_EQ(trees("n/2*x[n/2]"), "(* (/ #n 2) (x (/ #n 2)))");
}

TEST(FormulaVariables, WithIndicesStandAlone) {
  EXPECT_EQ(message("x[1] + y"),
            "line 1, column 8: unknown name 'y': the variables are x[1] … x[n], and no others can stand beside them; "
            "expected one of these, or a declared parameter\n"
            "x[1] + y\n"
            "       ^");
  EXPECT_TRUE(refusal("y + x[1]").starts_with("line 1, column 1: unknown name 'y': the variables are x[1] … x[n]"));
  EXPECT_TRUE(refusal("y + x[1]", {"x"}).starts_with("line 1, column 1: unknown name 'y': the variables are x[1]"));
  EXPECT_EQ(refusal("x[1] + y[1]"),
            "line 1, column 8: 'y' has an index, and so has 'x'; expected a single name with indices");
  EXPECT_EQ(refusal("x[1] + x"), "line 1, column 8: 'x' has indices elsewhere; expected one here too, as in x[1]");
  EXPECT_EQ(refusal("x + x[1]"), "line 1, column 1: 'x' has indices elsewhere; expected one here too, as in x[1]");
  EXPECT_EQ(refusal("y[1]", {"x"}), "line 1, column 1: unknown variable 'y'; did you mean x?");
  EXPECT_EQ(refusal("x[1]", {"x", "y"}),
            "line 1, column 1: 'x' is one of several variables; expected no index, or a single variable x for x[1], "
            "x[2], …");
}

TEST(FormulaVariables, OnlyTheyHaveIndices) {
  const std::string only = "; expected no index, which only the name of the variables may have, as in x[1]";
  EXPECT_EQ(refusal("x + a[1]", {}, {"a"}), "line 1, column 5: 'a' is a parameter" + only);
  EXPECT_EQ(refusal("e[1]"), "line 1, column 1: 'e' is a constant" + only);
  EXPECT_EQ(refusal("x + e[1]"), "line 1, column 5: 'e' is a constant" + only);
  EXPECT_EQ(refusal("let a = 1 in a[1]"), "line 1, column 14: 'a' is defined by let" + only);
  EXPECT_EQ(refusal("sum(i, 1, 2, i[1])"), "line 1, column 14: 'i' is a running index" + only);
  EXPECT_EQ(refusal("sin[1]"),
            "line 1, column 1: 'sin' is a function; expected its arguments in parentheses, as in sin(…)");
  EXPECT_EQ(
      refusal("x[1][2]"),
      "line 1, column 5: expected an operator, ';' or the end, found '['; only the name of the variables may have "
      "an index, as in x[1]");
  EXPECT_EQ(trees("e[1]", {"e"}), "(e 1)");
}

TEST(FormulaVariables, CalledNAreTheNumberOfVariablesOnlyBesideAnIndex) {
  EXPECT_EQ(trees("n^2"), "(^ n 2)");
  EXPECT_EQ(trees("n^2", {"n"}), "(^ n 2)");
  EXPECT_EQ(trees("n*x[1]"), "(* #n (x 1))");
  EXPECT_EQ(trees("n[1] + n[2]"), "(+ (n 1) (n 2))");
  EXPECT_EQ(trees("n*x[1]", {}, {"n"}), "(* $n (x 1))");
  EXPECT_EQ(
      refusal("n*x", {"x"}),
      "line 1, column 1: unknown variable 'n'; did you mean x? n is the number of variables only beside an indexed "
      "name, as in x[1]");
  EXPECT_EQ(refusal("sum(i, 1, n, x^i)"),
            "line 1, column 11: n is the number of variables only beside an indexed name, as in x[1]");
}

TEST(FormulaParameters, AreNotVariables) {
  const Syntax syntax = parse("a*x^b", {}, {"b", "a"});
  EXPECT_EQ(syntax.variables, List{"x"});
  EXPECT_EQ(syntax.parameters, (List{"b", "a"}));
  EXPECT_EQ(trees(syntax), "(* $a (^ x $b))");
}

TEST(FormulaParameters, AreGivenOnceAndUsed) {
  EXPECT_EQ(message("x", {}, {"a"}), "parameter 'a' does not appear in the formula; expected one that does");
  EXPECT_EQ(message("x + (let a = 1 in a)", {}, {"a"}),
            "parameter 'a' does not appear in the formula; expected one that does");
  EXPECT_EQ(message("x*a", {}, {"a", "a"}), "parameter 'a' is given twice");
  EXPECT_EQ(message("x*a", {"x", "a"}, {"a"}), "parameter 'a' is also a variable");
}

TEST(FormulaConstants, AreWhatTheyAreUnlessDeclared) {
  EXPECT_EQ(number("pi"), std::numbers::pi);
  EXPECT_EQ(number("e"), std::numbers::e);
  EXPECT_EQ(parse("e^x + pi", {}, {}).variables, List{"x"});
  EXPECT_EQ(trees("e*pi", {"pi"}, {"e"}), "(* $e pi)");
  EXPECT_EQ(trees("let e = x in e"), "x");
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

// ---------------------------------------------------------------------------------------------------- repetitions

TEST(FormulaRepetition, HasBoundsAndABody) {
  EXPECT_EQ(trees("sum(i, 1, n, 2*i*x[i]^2)"), "(sum0 1 #n (* (* 2 #0) (^ (x #0) 2)))");
  EXPECT_EQ(trees("prod(k, 2, 3, x + k)"), "(prod0 2 3 (+ x #0))");
  EXPECT_EQ(trees("sum(i, 1, n - 1, x[i + 1]*x[2*i - 1])"), "(sum0 1 (- #n 1) (* (x (+ #0 1)) (x (- (* 2 #0) 1))))");
}

TEST(FormulaRepetition, CountsItsLevelFromOutside) {
  EXPECT_EQ(trees("sum(i, 1, n, sum(j, 1, i, x[i]*x[j]) + prod(j, i, n, x[j]))"),
            "(sum0 1 #n (+ (sum1 1 #0 (* (x #0) (x #1))) (prod1 #0 #n (x #1))))");
  EXPECT_EQ(trees("sum(i, 1, n, x[i]) + sum(j, 1, n, x[j])"), "(+ (sum0 1 #n (x #0)) (sum0 1 #n (x #0)))");
}

TEST(FormulaRepetition, HidesNamesInItsBodyOnly) {
  EXPECT_EQ(trees("sum(i, 1, 2, sum(i, i, i + 1, i*x))"), "(sum0 1 2 (sum1 #0 (+ #0 1) (* #1 x)))");
  EXPECT_EQ(trees("sum(x, 1, 2, x) + x"), "(+ (sum0 1 2 #0) x)");
  EXPECT_EQ(trees("sum(n, 1, 2, x[n]) + n"), "(+ (sum0 1 2 (x #0)) #n)");
  EXPECT_EQ(trees("sum(e, 1, 2, e*x)*e", {}, {"e"}), "(* (sum0 1 2 (* #0 x)) $e)");
}

TEST(FormulaRepetition, HasFourArguments) {
  const std::string takes = "sum takes 4 arguments, as in sum(i, 1, n, x[i]); found ";
  EXPECT_EQ(refusal("sum()"), "line 1, column 1: " + takes + "none");
  EXPECT_EQ(refusal("sum(i)"), "line 1, column 1: " + takes + "1");
  EXPECT_EQ(refusal("sum(i, 1)"), "line 1, column 1: " + takes + "2");
  EXPECT_EQ(message("x + sum(i, 1, 3)"), "line 1, column 5: " + takes + "3\nx + sum(i, 1, 3)\n    ^^^^^^^^^^^^");
  EXPECT_EQ(refusal("prod(i, 1, 2, x, y)"),
            "line 1, column 16: expected an operator or ')', found ','; prod takes 4 arguments, as in prod(i, 1, n, "
            "x[i])");
  EXPECT_EQ(refusal("sum(1, 2, 3, x)"),
            "line 1, column 5: expected the name of the running index, as in sum(i, 1, n, x[i]); found '1'");
  EXPECT_EQ(
      refusal("sum(sin, 2, 3, x)"),
      "line 1, column 5: expected the name of the running index, as in sum(i, 1, n, x[i]); found 'sin', which is a "
      "function");
  EXPECT_EQ(refusal("sum(i = 1, 3, x)"),
            "line 1, column 7: expected ',' after the running index, as in sum(i, 1, n, x[i]); found '='");
}

TEST(FormulaRepetition, TakesOnlyIndicesInBoundsAndIndices) {
  const std::string expected = "; expected integers, n and the running indices around an index or a bound";
  EXPECT_EQ(refusal("x[k]"), "line 1, column 3: unknown index 'k'" + expected);
  EXPECT_EQ(refusal("sum(i, 1, i, x[i])"), "line 1, column 11: unknown index 'i'" + expected);
  EXPECT_EQ(refusal("x[1] + x[a]", {}, {"a"}), "line 1, column 10: 'a' is a parameter" + expected);
  EXPECT_EQ(refusal("x + sum(i, 1, x, i)"), "line 1, column 15: 'x' is a variable" + expected);
  EXPECT_EQ(refusal("x[x[1]]"), "line 1, column 3: 'x' is a variable" + expected);
  EXPECT_EQ(trees("let k = 2 in x[k + 1]"), "(x (+ 2 1))");
  EXPECT_EQ(trees("sum(i, 1, n, let k = i + 1 in x[k])"), "(sum0 1 #n (x (+ #0 1)))");
  EXPECT_EQ(refusal("x[1, 2]"), "line 1, column 4: expected an operator or ']', found ','; variables have one index");
  EXPECT_EQ(message("x[]"), "line 1, column 2: nothing in brackets; expected a number, a name or '('\nx[]\n ^^");
}

TEST(FormulaRepetition, IsNestedSixteenTimesAtMost) {
  const auto nested = [](int levels) {
    std::string text;
    for (int k = 0; k < levels; ++k) text += "sum(i" + std::to_string(k) + ", 1, 2, ";
    return text + "x[i0]" + std::string(static_cast<std::size_t>(levels), ')');
  };
  EXPECT_EQ(message(nested(16)), "accepted");
  EXPECT_TRUE(refusal(nested(17)).ends_with("too many repetitions inside one another: expected at most 16"));
  EXPECT_EQ(message(repeated("sum(i, 1, 2, x[i]) + ", 100) + "x[1]"), "accepted");
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

// ----------------------------------------------------------------------------------------------------------- let

TEST(FormulaLet, BodiesReachAsFarRightAsTheyCan) {
  EXPECT_EQ(trees("let r = x^2 + y^2 in r*exp(-r)"), "(* (+ (^ x 2) (^ y 2)) (exp (neg (+ (^ x 2) (^ y 2)))))");
  EXPECT_EQ(trees("1 + let r = x^2 in r + 2"), "(+ 1 (+ (^ x 2) 2))");
  EXPECT_EQ(trees("2*let r = x in r < y"), "(* 2 (< x y))");
  EXPECT_EQ(trees("-let r = x in r^2"), "(neg (^ x 2))");
  EXPECT_EQ(trees("(let r = x in r + 1)*r"), "(* (+ x 1) r)");
  EXPECT_EQ(trees("max(let r = x in r + 1, r)"), "(max (+ x 1) r)");
  EXPECT_EQ(trees("let r = x in r + 1; r"), "(+ x 1) ; r");
  EXPECT_EQ(trees("x[let k = 1 in k + 1]"), "(x (+ 1 1))");
  EXPECT_EQ(trees("sum(i, let k = 1 in k, let k = 2 in k, x)"), "(sum0 1 2 x)");
}

TEST(FormulaLet, MayBeNestedInEitherPart) {
  EXPECT_EQ(trees("let a = let b = x in b + 1 in a*b"), "(* (+ x 1) b)");
  EXPECT_EQ(trees("let a = let b = let c = x in c in b in a"), "x");
  EXPECT_EQ(trees("let a = x in let b = a + 1 in a*b"), "(* x (+ x 1))");
  EXPECT_EQ(trees("let a = 2*let b = x in b + 1 in a"), "(* 2 (+ x 1))");
}

TEST(FormulaLet, HidesOuterNamesInItsBody) {
  EXPECT_EQ(trees("let x = x + 1 in x*x"), "(* (+ x 1) (+ x 1))");
  EXPECT_EQ(trees("let r = x in let r = r + 1 in r*2"), "(* (+ x 1) 2)");
  EXPECT_EQ(trees("(let r = x in (let r = y in r) + r) + r"), "(+ (+ y x) r)");
  EXPECT_EQ(trees("let pi = 3 in pi*x"), "(* 3 x)");
  EXPECT_EQ(trees("(let a = 1 in a)*a*x", {}, {"a"}), "(* (* 1 $a) x)");
  EXPECT_EQ(trees("let n = x[1] in n"), "(x 1)");
  EXPECT_EQ(trees("let x = x[1] in x*x"), "(* (x 1) (x 1))");
  EXPECT_EQ(trees("sum(i, 1, 2, let i = x in i)"), "(sum0 1 2 x)");
}

TEST(FormulaLet, SharesWhatItDefines) {
  std::string text = "let r0 = x in ";
  for (int k = 1; k <= 60; ++k) {
    const std::string last = "r" + std::to_string(k - 1);
    text += "let r" + std::to_string(k) + " = " + last + " + " + last + " in ";
  }
  const Syntax syntax = parse(text + "r60", {}, {});
  ASSERT_EQ(syntax.nodes.size(), 61u);  // the variable and sixty sums
  for (NodeId id = 1; id <= 60; ++id) {
    const SyntaxNode& node = syntax.nodes[static_cast<std::size_t>(id)];
    EXPECT_EQ(node.op, Op::add);
    EXPECT_EQ(syntax.argument(node, 0), id - 1);
    EXPECT_EQ(syntax.argument(node, 1), id - 1);
  }
  EXPECT_EQ(syntax.outputs, std::vector<NodeId>{60});
}

TEST(FormulaLet, HasAllItsParts) {
  const std::string as_in = ", as in let r = x^2 in r + 1/r; found ";
  EXPECT_EQ(refusal("let 2 = x in x"), "line 1, column 5: expected a name after let" + as_in + "'2'");
  EXPECT_EQ(refusal("let sin = x in x"),
            "line 1, column 5: expected a name after let" + as_in + "'sin', which is a function");
  EXPECT_EQ(refusal("let in = x in x"), "line 1, column 5: expected a name after let" + as_in + "'in'");
  EXPECT_EQ(refusal("let"), "line 1, column 4: expected a name after let" + as_in + "the end of the formula");
  EXPECT_EQ(refusal("let r == x in r"), "line 1, column 7: expected '=' after the name" + as_in + "'=='");
  EXPECT_EQ(refusal("let r"), "line 1, column 6: expected '=' after the name" + as_in + "the end of the formula");
  EXPECT_EQ(refusal("let r = in r"), "line 1, column 9: expected a number, a name or '(' after '=', found 'in'");
  EXPECT_EQ(
      message("let r = x"),
      "line 1, column 10: expected an operator or 'in', found the end of the formula after the definition of 'r'\n"
      "let r = x\n"
      "         ^");
  EXPECT_EQ(refusal("(let r = x)"),
            "line 1, column 11: expected an operator or 'in', found ')' after the definition of 'r'");
  EXPECT_EQ(refusal("let r = x, s = 1 in r"),
            "line 1, column 10: expected an operator or 'in', found ',' after the definition of 'r'");
  EXPECT_EQ(refusal("let r = x r*2"),
            "line 1, column 11: expected an operator or 'in', found 'r'; for a product write 'x*r'");
  EXPECT_EQ(refusal("let r = x in"),
            "line 1, column 13: expected a number, a name or '(' after 'in', found the end of the formula");
  EXPECT_EQ(refusal("x in y"),
            "line 1, column 3: found 'in' without 'let' before it; expected an operator, ';' or the end");
  EXPECT_EQ(refusal("(x in y)"), "line 1, column 4: found 'in' without 'let' before it; expected an operator or ')'");
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

// --------------------------------------------------------------------------------------------------------- errors

TEST(FormulaErrors, NameUnbalancedBrackets) {
  EXPECT_EQ(message("2*(x + (y - 1)"),
            "line 1, column 3: this '(' is not closed: expected an operator or ')', found the end of the formula\n"
            "2*(x + (y - 1)\n"
            "  ^");
  EXPECT_EQ(refusal("("),
            "line 1, column 1: this '(' is not closed: expected an operator or ')', found the end of the formula");
  EXPECT_EQ(refusal("sin(x; y"),
            "line 1, column 4: this '(' is not closed: expected an operator, ',' or ')', found ';'");
  EXPECT_EQ(refusal("sum(i, 1, 2, x"),
            "line 1, column 4: this '(' is not closed: expected an operator or ')', found the end of the formula");
  EXPECT_EQ(refusal("sum(i, 1; 2"), "line 1, column 4: this '(' is not closed: expected an operator or ',', found ';'");
  EXPECT_EQ(refusal("x[1)"), "line 1, column 2: this '[' is not closed: expected an operator or ']', found ')'");
  EXPECT_EQ(refusal("(x]"), "line 1, column 1: this '(' is not closed: expected an operator or ')', found ']'");
  EXPECT_EQ(refusal("let r = (x in r"),
            "line 1, column 9: this '(' is not closed: expected an operator or ')', found 'in'");
  EXPECT_EQ(message("(x))*y"),
            "line 1, column 4: found ')' without '(' before it; expected an operator, ';' or the end\n"
            "(x))*y\n"
            "   ^");
  EXPECT_EQ(refusal("x]"), "line 1, column 2: found ']' without '[' before it; expected an operator, ';' or the end");
  EXPECT_EQ(message("x*()"), "line 1, column 3: nothing in brackets; expected a number, a name or '('\nx*()\n  ^^");
}

TEST(FormulaErrors, NameMissingOperands) {
  EXPECT_EQ(refusal("x +"),
            "line 1, column 4: expected a number, a name or '(' after '+', found the end of the formula");
  EXPECT_EQ(refusal("x + * y"), "line 1, column 5: expected a number, a name or '(' after '+', found '*'");
  EXPECT_EQ(refusal("*x"), "line 1, column 1: expected a number, a name or '(', found '*'");
  EXPECT_EQ(refusal("max(x,)"), "line 1, column 7: expected a number, a name or '(' after ',', found ')'");
  EXPECT_EQ(refusal("max(,x)"), "line 1, column 5: expected a number, a name or '(' after '(', found ','");
  EXPECT_EQ(refusal("x,y"),
            "line 1, column 2: found ',' outside the parentheses of a function; expected an operator, ';' or the end");
  EXPECT_EQ(refusal("(x,y)"),
            "line 1, column 3: expected an operator or ')', found ','; only functions have several arguments");
}

TEST(FormulaErrors, SuggestOtherSpellings) {
  EXPECT_EQ(
      message("where(x = 1, x, y)"),
      "line 1, column 9: expected an operator, ',' or ')', found '='; '=' follows the name after let, and to compare "
      "write '=='\n"
      "where(x = 1, x, y)\n"
      "        ^");
  const std::string expected = "line 1, column 3: expected an operator, ';' or the end, found ";
  EXPECT_EQ(refusal("x =< y"), expected + "'='; write '<='");
  EXPECT_EQ(refusal("x => y"), expected + "'='; write '>='");
  EXPECT_EQ(refusal("x × y"), expected + "'×' (U+00D7); write '*'");
  EXPECT_EQ(refusal("x − y"), expected + "'−' (U+2212); write '-'");
  EXPECT_EQ(refusal("x ≤ y"), expected + "'≤' (U+2264); write '<='");
  EXPECT_EQ(refusal("x ² + y"), expected + "'²' (U+00B2); write '^2'");
  EXPECT_EQ(refusal("{x}"), "line 1, column 1: expected a number, a name or '(', found '{'; write '('");
}

TEST(FormulaErrors, CountLinesAndCodePoints) {
  EXPECT_EQ(message("θ +\n  ψ*φφ φφφ\n + 1"),
            "line 2, column 8: expected an operator, ';' or the end, found 'φφφ'; for a product write 'φφ*φφφ'\n"
            "  ψ*φφ φφφ\n"
            "       ^^^");
  EXPECT_EQ(message("αβγ + sinus(αβγ)"),
            "line 1, column 7: unknown function 'sinus'; did you mean sin?\n"
            "αβγ + sinus(αβγ)\n"
            "      ^^^^^");
  EXPECT_EQ(message("x\r\n+ 2y\r\n+ 1"),
            "line 2, column 3: expected an operator, ';' or the end, found 'y'; for a product write '2*y'\n"
            "+ 2y\n"
            "  ^^");
  EXPECT_EQ(message("\xef\xbb\xbf"
                    "2x"),
            "line 1, column 1: expected an operator, ';' or the end, found 'x'; for a product write '2*x'\n2x\n^^");
}

TEST(FormulaErrors, KeepTabsAboveTheCarets) {
  EXPECT_EQ(message("\tx\t+ 2\ty"),
            "line 1, column 8: expected an operator, ';' or the end, found 'y'; for a product write '2*y'\n"
            "\tx\t+ 2\ty\n"
            "\t \t   \t^");
}

TEST(FormulaErrors, UnderlineOneLineOfManyAtMost) {
  EXPECT_EQ(message("x + sin(x,\n        y)"),
            "line 1, column 5: sin takes 1 argument; found 2\nx + sin(x,\n    ^^^^^^");
  EXPECT_EQ(message("x +\n\n"),
            "line 1, column 4: expected a number, a name or '(' after '+', found the end of the formula\nx +\n   ^");
}

TEST(FormulaErrors, ShowPartOfALongLine) {
  const std::string expected = "expected an operator, ';' or the end, found 'y'; for a product write 'ö*y'\n";
  const std::string left = repeated("ö+", 500);
  const std::string right = repeated("+ü", 500);
  EXPECT_EQ(message(left + "ö y" + right), "line 1, column 1003: " + expected + "…" + repeated("+ö", 24) + " y" +
                                               repeated("+ü", 25) + "…\n" + std::string(50, ' ') + "^");
  EXPECT_EQ(message("ö y" + right), "line 1, column 3: " + expected + "ö y" + repeated("+ü", 48) + "+…\n" + "  ^");
  EXPECT_EQ(message(left + "ö y"),
            "line 1, column 1003: " + expected + "…+" + repeated("ö+", 48) + "ö y\n" + std::string(100, ' ') + "^");
  const std::string name(300, 'q');
  EXPECT_EQ(message(left + name + "(x)"), "line 1, column 1001: unknown function '" + std::string(40, 'q') +
                                              "…'; did you mean sqrt?\n…" + std::string(100, 'q') + "…\n " +
                                              std::string(100, '^'));
  EXPECT_EQ(message(std::string(98, 'x') + " y"),
            "line 1, column 100: expected an operator, ';' or the end, found 'y'; for a product write '" +
                std::string(40, 'x') + "…*y'\n" + std::string(98, 'x') + " y\n" + std::string(99, ' ') + "^");
}

TEST(FormulaErrors, NameBytesThatAreNoText) {
  using std::string_literals::operator""s;
  EXPECT_EQ(message("θ + \0x"s), "line 1, column 5: found a NUL byte; expected text\nθ + \ufffdx\n    ^");
  EXPECT_EQ(message("x # \0"s, {}, {}, true), "line 1, column 5: found a NUL byte; expected text\nx # \ufffd\n    ^");
  EXPECT_EQ(message("x\n + θ\xff*y"),
            "line 2, column 5: found the byte 0xff, which is not UTF-8 here; expected text in UTF-8\n"
            " + θ\ufffd*y\n"
            "    ^");
  // Lone continuations, sequences cut off, too long ones, surrogates, beyond Unicode.
  for (const std::string bytes :
       {"\x80", "\xce", "\xe2\x82", "\xf0\x9f\x98", "\xc0\xaf", "\xc1\x81", "\xe0\x80\xaf", "\xf0\x80\x80\xaf",
        "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xfe"}) {
    for (const std::string after : {"", "x", "θ"}) {
      EXPECT_TRUE(refusal("x + " + bytes + after).starts_with("line 1, column 5: found the byte 0x")) << bytes + after;
    }
  }
  EXPECT_EQ(refusal("\ufffd + x"), "line 1, column 1: expected a number, a name or '(', found '\ufffd' (U+FFFD)");
  EXPECT_EQ(message("\U0010ffff + x"),
            "line 1, column 1: expected a number, a name or '(', found '\U0010ffff' (U+10FFFF)\n\U0010ffff + x\n^");
}

TEST(FormulaErrors, HaveOneLineAboveTheText) {
  for (const std::string text : {"x\n\n(", "sine\n(x)", "x $\n", "(a\nb)", "a <\nb < c", "1e\n999\n9"}) {
    const std::string all = message(text);
    EXPECT_EQ(std::ranges::count(all, '\n'), 2) << all;
  }
}

// --------------------------------------------------------------------------------------------------------- limits

TEST(FormulaLimits, NestTenThousandTimes) {
  struct Nesting {
    std::string begin, end;
    std::size_t column;  // within the part that is one too many
  };
  const std::vector<Nesting> all{{"(", ")", 1}, {"sin(", ")", 1}, {"max(2,", ")", 1},     {"-", "", 1},
                                 {"+", "", 1},  {"2^", "", 2},    {"let r=1 in ", "", 1}, {"let r=", " in r", 1}};
  for (const Nesting& nesting : all) {
    const auto nested = [&](std::size_t times) {
      return repeated(nesting.begin, times) + "x" + repeated(nesting.end, times);
    };
    EXPECT_EQ(message(nested(10'000)), "accepted") << nesting.begin;
    EXPECT_EQ(refusal(nested(10'001)),
              "line 1, column " + std::to_string(10'000 * nesting.begin.size() + nesting.column) +
                  ": too deep: expected at most 10000 parentheses, calls and operators inside one another");
  }
  EXPECT_EQ(message(repeated("(", 9'999) + "x+1" + repeated(")", 9'999)), "accepted");
  EXPECT_NE(message(repeated("(", 10'000) + "x+1" + repeated(")", 10'000)), "accepted");
  EXPECT_NE(refusal(repeated("(", 300'000)).find("too deep"), std::string::npos);
}

TEST(FormulaLimits, AreAMebibyte) {
  const std::size_t longest = std::size_t{1} << 20;
  const std::string padding = "x" + std::string(longest - 1, ' ');
  EXPECT_EQ(message(padding), "accepted");
  const std::string what = message(padding + " ");
  EXPECT_TRUE(
      what.starts_with("line 1, column 1048577: too long: expected at most 1048576 bytes (1 MiB), found 1048577\n"));
  EXPECT_LT(what.size(), 400u);
  EXPECT_TRUE(refusal(std::string(std::size_t{1} << 26, '\xff')).find("too long") != std::string::npos);
}

/// Of texts of 1 MiB; all in time that grows with the text alone.
TEST(FormulaLimits, TakeLittleTime) {
  const auto full = [](std::string_view begin, std::string_view part, std::string_view end) {
    return std::string(begin) + repeated(part, ((std::size_t{1} << 20) - begin.size() - end.size()) / part.size()) +
           std::string(end);
  };
  std::string names = "a0";
  for (int k = 1; names.size() < 1'000'000; ++k) names += "+a" + std::to_string(k);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(parse(full("", "x+", "x"), {}, {}).nodes.size(), (std::size_t{1} << 20) - 1);
  EXPECT_EQ(message(full("max(x", ",x", ")")), "accepted");
  EXPECT_EQ(message(full("x", ";x", "")), "accepted");
  EXPECT_EQ(message(names), "accepted");
  EXPECT_EQ(message(full("", "x", "")), "accepted");
  EXPECT_EQ(message(full("", "9", ""), {"x"}).substr(0, 27), "line 1, column 1: the numbe");
  EXPECT_EQ(message(full("x+.", "9", "")), "accepted");
  EXPECT_EQ(message(full("(let x=x in ", "x*(let x=1 in x)+", "x)")), "accepted");
  EXPECT_NE(message(full("", "x+", "")), "accepted");
  EXPECT_NE(message(full("", "\n", "x y")), "accepted");
  EXPECT_NE(message(names + "+q(1)"), "accepted");
  EXPECT_NE(message(full("", "[", "")), "accepted");
  EXPECT_NE(message(full("", "#", "\n"), {}, {}, true), "accepted");
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  EXPECT_LT(seconds.count(), 10) << "for thirteen texts, most of which take a tenth of a second";
}

// ----------------------------------------------------------------------------------------------------------- nodes

TEST(FormulaNodes, KnowTheirPartOfTheText) {
  const Syntax syntax = parse("(x + θ)*-sin(y)^2 + let r = x in r", {}, {});
  List parts;
  for (NodeId id = 0; id < std::ssize(syntax.nodes); ++id) parts.push_back(part_of(syntax, id));
  EXPECT_EQ(parts, (List{"x", "θ", "x + θ", "y", "sin(y)", "2", "sin(y)^2", "-sin(y)^2", "(x + θ)*-sin(y)^2", "x",
                         "(x + θ)*-sin(y)^2 + let r = x in r"}));
  const Syntax indexed = parse("sum(i, 1, n, (+x[i]))*2", {}, {});
  EXPECT_EQ(part_of(indexed, indexed.outputs[0]), "sum(i, 1, n, (+x[i]))*2");
  EXPECT_EQ(part_of(indexed, indexed.argument(indexed.nodes.back(), 0)), "sum(i, 1, n, (+x[i]))");
}

/// Whether later passes can rely on a node.
bool is_sound(const Syntax& syntax, NodeId id) {
  const SyntaxNode& node = syntax.nodes[static_cast<std::size_t>(id)];
  const bool has_level = node.symbol >= 0 && node.symbol < most_levels;
  if (node.begin < 0 || node.begin >= node.end || node.end > std::ssize(syntax.text)) return false;
  if (node.first_argument < 0 || node.first_argument + node.arguments > std::ssize(syntax.arguments)) return false;
  for (int k = 0; k < node.arguments; ++k) {
    if (syntax.argument(node, k) < 0 || syntax.argument(node, k) >= id) return false;
  }
  if (node.op == Op::variable && syntax.indexed) return node.symbol == -1 && node.arguments == 1;
  if (node.op == Op::variable) return node.symbol >= 0 && node.symbol < std::ssize(syntax.variables);
  if (node.op == Op::index) return has_level || (node.symbol == -1 && syntax.indexed);
  if (is_repetition(node.op)) return has_level && node.arguments == 3;
  return !is_unary(node.op) || node.arguments == 1;
}

void expect_sound(const Syntax& syntax) {
  for (NodeId id = 0; id < std::ssize(syntax.nodes); ++id) ASSERT_TRUE(is_sound(syntax, id)) << id;
  ASSERT_FALSE(syntax.outputs.empty());
  for (const NodeId output : syntax.outputs) ASSERT_TRUE(output >= 0 && output < std::ssize(syntax.nodes));
  ASSERT_FALSE(syntax.variables.empty());
}

/// Of a message about a text: place, one line of the text, carets.
void expect_readable(const std::string& all) {
  const std::size_t first = all.find('\n');
  const std::size_t second = all.find('\n', first + 1);
  ASSERT_NE(second, std::string::npos) << all;
  ASSERT_EQ(all.find('\n', second + 1), std::string::npos) << all;
  ASSERT_TRUE(all.starts_with("line ")) << all;
  const std::string carets = all.substr(second + 1);
  ASSERT_TRUE(carets.ends_with('^')) << all;
  ASSERT_EQ(carets.find_first_not_of(" \t^"), std::string::npos) << all;
  ASSERT_LE(carets.size(), 101u);
}

TEST(FormulaNodes, AreSoundOrRefusedWhateverTheText) {
  const List parts{"x",    "y",    "x[1]", "x[",  "n", "i",    "pi",   "e",      "2",          ".5",      "1e400",
                   "(",    ")",    "[",    "]",   ",", ";",    "+",    "-",      "*",          "/",       "^",
                   "**",   "<",    "==",   "=",   "!", "sin(", "max(", "where(", "sum(i,1,n,", "prod(j,", "let r=",
                   "let ", " in ", "r",    "sum", "#", "\n",   " ",    "θ",      "×",          "\xff",    "q("};
  std::mt19937_64 random(11);
  int accepted = 0;
  for (int k = 0; k < 200'000; ++k) {
    std::string text;
    for (auto length = random() % 14 + 1; length > 0; --length) text += parts[random() % parts.size()];
    const bool declared = random() % 4 == 0;
    try {
      expect_sound(parse(text, declared ? List{"x"} : List{}, {}, random() % 2 == 0));
      ++accepted;
    } catch (const FormulaError& error) {
      expect_readable(error.what());
    }
    if (HasFatalFailure()) FAIL() << text;
  }
  EXPECT_GT(accepted, 3'000);
}

/// Writes a random tree with just the parentheses that the grammar asks for, and as an s-expression.
class RandomTree {
 public:
  explicit RandomTree(std::uint64_t seed) : random_(seed) {}

  /// As text that may stand where operators of that precedence are wanted (5: operands only), and as a tree.
  std::pair<std::string, std::string> make(int depth, int precedence) {
    static constexpr const char* names[] = {"x", "y", "z", "2", "0.5"};
    if (depth == 0) {
      const std::string name = names[random_() % std::size(names)];
      return {name, name};
    }
    struct Operation {
      const char* op;
      int precedence, left, right;
    };
    static constexpr Operation operations[] = {{"<", 0, 1, 1}, {"!=", 0, 1, 1},  {"+", 1, 1, 2},
                                               {"-", 1, 1, 2}, {"*", 2, 2, 3},   {"/", 2, 2, 3},
                                               {"^", 4, 5, 3}, {"neg", 3, 0, 3}, {"exp", 5, 0, 0}};
    const Operation& chosen = operations[random_() % std::size(operations)];
    const std::string op = chosen.op;
    const auto [right, right_tree] = make(depth - 1, chosen.right);
    std::string text = op == "exp" ? "exp(" + right + ")" : "-" + right;
    std::string tree = "(" + op + " " + right_tree + ")";
    if (op != "exp" && op != "neg") {
      const auto [left, left_tree] = make(depth - 1, chosen.left);
      text = left;
      text += blank() + op + blank() + right;
      tree = "(" + op + " " + left_tree + " " + right_tree + ")";
    }
    return {chosen.precedence < precedence ? "(" + text + ")" : text, tree};
  }

 private:
  std::string blank() { return random_() % 2 == 0 ? " " : ""; }

  std::mt19937_64 random_;
};

TEST(FormulaNodes, AreWhatWasWritten) {
  RandomTree trees_of(5);
  for (int k = 0; k < 2'000; ++k) {
    const auto [text, expected] = trees_of.make(k % 6, 0);
    ASSERT_EQ(trees(text, {"x", "y", "z"}), expected) << text;
  }
}

}  // namespace
}  // namespace nabla::formula
